import { isGradEnabled } from "../autograd/modes.ts";
import { Node } from "../autograd/node.ts";
import { backwardHookCount, backwardHookNoInputs } from "../core/errors.ts";
import { type RemovableHandle, Tensor } from "../tensor/tensor.ts";

/** The gradients of a module's inputs or outputs: null for what is no tensor or gets no gradient. */
export type Grads = readonly (Tensor | null)[];
/** Sees, and may replace, the gradients of a module's inputs. */
export type BackwardHook<M> = (module: M, gradInput: Grads, gradOutput: Grads) => Grads | Tensor | null | undefined | void;

/** Hooks in order of registration. */
export class HookList<H> {
  readonly #hooks: Map<number, H> = new Map();
  #next = 0;

  add(hook: H): RemovableHandle {
    const id = this.#next++;
    this.#hooks.set(id, hook);
    return { remove: () => void this.#hooks.delete(id) };
  }
  get size(): number {
    return this.#hooks.size;
  }
  [Symbol.iterator](): IterableIterator<H> {
    return this.#hooks.values();
  }
}

/** Lets tensors pass unchanged and shows their gradients on the way back. */
class WatchNode extends Node {
  private readonly see: (grads: Grads) => Grads | null;
  constructor(tensors: readonly Tensor[], see: (grads: Grads) => Grads | null) {
    super(
      "BackwardHookFunctionBackward",
      tensors.map((x) => x.gradientEdge()),
    );
    this.see = see;
  }
  override backward(grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    // User code may keep what it is shown, so it gets handles of its own.
    const shown = this.edges.map((_, i) => grads[i]?.aliasForUser() ?? null);
    const replaced = this.see(shown);
    return this.edges.map((edge, i) => (edge === null ? null : ((replaced ?? grads)[i]?.alias() ?? null)));
  }
}

/** A list of values in which the tensors were exchanged for watched ones; `at`: where these are. */
interface Watched {
  readonly values: readonly unknown[];
  readonly at: readonly number[] | null;
}

function watch(values: readonly unknown[], see: (grads: Grads) => Grads | null): Watched {
  const at = values.flatMap((v, i) => (v instanceof Tensor ? [i] : []));
  const tensors = at.map((i) => values[i] as Tensor);
  if (!isGradEnabled() || !tensors.some((x) => x.requiresGrad)) return { values, at: null };
  const node = new WatchNode(tensors, see);
  const watched = [...values];
  tensors.forEach((x, i) => {
    // The node has an output for every tensor, so that gradients come back by position.
    if (!x.requiresGrad) {
      node.addOutput(x.shape, x.dtype, x.device);
      return;
    }
    const y = x.detach();
    y.setHistory(node);
    y.setView(x, "multiple");
    watched[at[i]!] = y;
  });
  return { values: watched, at };
}

/** The backward hooks of one call of a module: they run once the gradients of its outputs and of its inputs are both known. */
export class BackwardHooks<M> {
  readonly #module: M;
  readonly #hooks: readonly BackwardHook<M>[];
  #inputCount = 0;
  #inputsAt: readonly number[] | null = null;
  #gradOutput: Grads | null = null;

  constructor(module: M, hooks: readonly BackwardHook<M>[]) {
    this.#module = module;
    this.#hooks = hooks;
  }

  watchInputs(input: readonly unknown[]): readonly unknown[] {
    const { values, at } = watch(input, (grads) => this.#seeInputs(grads));
    this.#inputCount = input.length;
    this.#inputsAt = at;
    return values;
  }

  watchOutputs(result: unknown): unknown {
    const several = Array.isArray(result);
    const list: readonly unknown[] = several ? result : [result];
    const { values, at } = watch(list, (grads) => this.#seeOutputs(spread(grads, at!, list.length)));
    return several ? values : values[0];
  }

  #seeOutputs(gradOutput: Grads): null {
    this.#gradOutput = gradOutput;
    if (this.#inputsAt !== null) return null;
    // No input wants a gradient: the hooks have nothing to wait for, and nothing to replace.
    const none: Grads = new Array<null>(this.#inputCount).fill(null);
    for (const hook of this.#hooks) {
      const replaced = hook(this.#module, none, gradOutput);
      if (replaced instanceof Tensor || replaced?.some((g) => g !== null)) throw backwardHookNoInputs();
    }
    this.#gradOutput = null;
    return null;
  }

  #seeInputs(grads: Grads): Grads | null {
    const at = this.#inputsAt!;
    // Gradients that reach the inputs by another way than through the outputs, as second derivatives do, are not the hooks' business.
    if (this.#gradOutput === null) return null;
    let seen = spread(grads, at, this.#inputCount);
    for (const hook of this.#hooks) {
      const replaced = hook(this.#module, seen, this.#gradOutput);
      if (replaced === null || replaced === undefined) continue;
      const list = replaced instanceof Tensor ? [replaced] : replaced;
      if (list.length !== seen.length) throw backwardHookCount(list.length, seen.length);
      seen = list;
    }
    this.#gradOutput = null;
    return at.map((i) => seen[i] ?? null);
  }
}

/** Gradients put at their places among all values. */
function spread(grads: Grads, at: readonly number[], count: number): Grads {
  const all = new Array<Tensor | null>(count).fill(null);
  at.forEach((i, k) => {
    all[i] = grads[k] ?? null;
  });
  return all;
}

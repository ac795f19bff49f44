import { isGradEnabled, withGrad } from "../autograd/modes.ts";
import { type Edge, Node } from "../autograd/node.ts";
import { gradCount, gradInvalidShape, gradNoTensor, leafDirty } from "../core/errors.ts";
import { broadcastShapes, sameShape } from "../core/layout.ts";
import type { Container } from "../memory/container.ts";
import { asUser } from "../memory/ownership.ts";
import { pythonTypeName } from "./call-pointwise.ts";
import { SavedTensor } from "./saved.ts";
import { Tensor } from "./tensor.ts";

/** What `forward` hands to `backward`. Other values may simply be set as fields. */
export interface FunctionContext {
  /** Keeps inputs or results for backward, checked for later in-place writes. */
  saveForBackward(...tensors: (Tensor | null)[]): void;
  /** The tensors kept by `saveForBackward`. */
  readonly savedTensors: readonly (Tensor | null)[];
  /** Names inputs that `forward` changed in place. */
  markDirty(...tensors: Tensor[]): void;
  /** Names results that never require gradients. */
  markNonDifferentiable(...tensors: Tensor[]): void;
  /** Whether gradients of results that nothing used come as zeros (default) or as null. */
  setMaterializeGrads(value: boolean): void;
  /** Which inputs want a gradient, one flag per argument of `forward`. */
  readonly needsInputGrad: readonly boolean[];
  // biome-ignore lint/suspicious/noExplicitAny: fields that forward sets for backward
  [field: string]: any;
}

type Gradient = Tensor | null | undefined;
interface FunctionClass<R extends Tensor | readonly Tensor[] = Tensor | readonly Tensor[]> {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: forward takes what its author says
  forward(ctx: FunctionContext, ...args: any[]): R;
  // biome-ignore lint/suspicious/noExplicitAny: one gradient per result
  backward(ctx: FunctionContext, ...grads: any[]): unknown;
}

class Context implements FunctionContext {
  // biome-ignore lint/suspicious/noExplicitAny: fields that forward sets for backward
  [field: string]: any;
  readonly needsInputGrad: readonly boolean[];
  constructor(needsInputGrad: readonly boolean[]) {
    this.needsInputGrad = needsInputGrad;
    const hidden = {
      toSave: [] as (Tensor | null)[],
      dirty: [] as Tensor[],
      nonDifferentiable: [] as Tensor[],
      materialize: true,
      unpack: () => [] as (Tensor | null)[],
    };
    Object.defineProperty(this, "hidden", { value: hidden, enumerable: false });
  }
  saveForBackward(...tensors: (Tensor | null)[]): void {
    this.hidden.toSave = tensors;
  }
  get savedTensors(): readonly (Tensor | null)[] {
    return this.hidden.unpack();
  }
  markDirty(...tensors: Tensor[]): void {
    this.hidden.dirty = tensors;
  }
  markNonDifferentiable(...tensors: Tensor[]): void {
    this.hidden.nonDifferentiable = tensors;
  }
  setMaterializeGrads(value: boolean): void {
    this.hidden.materialize = value;
  }
}

/** Calls `visit` with the nodes that the gradients of saved tensors go to. */
function eachNode(saved: readonly (SavedTensor | null)[], visit: (node: Node) => void): void {
  for (const s of saved) if (s !== null && s.gradientNode !== null) visit(s.gradientNode);
}

class FunctionNode extends Node {
  private readonly definition: FunctionClass;
  private readonly ctx: Context;
  private saved: (SavedTensor | null)[] = [];
  /** Which argument of `forward` each edge belongs to. */
  private readonly positions: readonly number[];
  private readonly argumentCount: number;
  constructor(definition: FunctionClass, ctx: Context, edges: (Edge | null)[], positions: readonly number[], argumentCount: number) {
    super(`${definition.name}Backward`, edges);
    this.definition = definition;
    this.ctx = ctx;
    this.positions = positions;
    this.argumentCount = argumentCount;
  }

  keep(results: readonly Tensor[]): void {
    const saved = (this.ctx.hidden.toSave as (Tensor | null)[]).map((t) =>
      t === null ? null : new SavedTensor(t, results.includes(t) && t.gradFn === this ? t.outputNr : null),
    );
    // What is saved need not be an input: its own history has to stay, too.
    eachNode(saved, (node) => this.refer(node));
    this.saved = saved;
    this.ctx.hidden.toSave = [];
    this.ctx.hidden.unpack = () => this.saved.map((s) => s?.unpack(this) ?? null);
  }

  override traverse(visit: (child: Container) => void): void {
    super.traverse(visit);
    eachNode(this.saved, visit);
  }

  override backward(grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    return asUser(() => {
      const given = this.outputs.map((info, i) => {
        const g = grads[i] ?? null;
        if (g !== null) return g.alias();
        return this.ctx.hidden.materialize ? grads.find((x) => x !== null)!.newZeros(info.shape, { dtype: info.dtype }) : null;
      });
      const returned = this.definition.backward(this.ctx, ...given);
      const list: readonly Gradient[] = Array.isArray(returned) ? returned : [returned as Gradient];
      return this.checked(list);
    });
  }

  private checked(list: readonly Gradient[]): (Tensor | null)[] {
    if (list.length < this.argumentCount || list.slice(this.argumentCount).some((g) => g))
      throw gradCount(this.name, this.argumentCount, list.length);
    return this.positions.map((position, i) => {
      const g = list[position] ?? null;
      const edge = this.edges[i];
      if (g === null || !edge) return null;
      if (!(g instanceof Tensor)) throw gradNoTensor(pythonTypeName(g));
      const { shape } = edge.node.outputs[edge.index]!;
      const both = broadcastShapes(g.shape, shape);
      if (!Array.isArray(both) || !sameShape(both, g.shape)) throw gradInvalidShape(this.name, position, g.shape, shape);
      return g.alias();
    });
  }

  override release(): void {
    for (const s of this.saved) s?.disown();
  }
}

/**
 * An operation with a gradient of your own. Subclass it with static `forward(ctx, ...args)` and `backward(ctx, ...grads)`, and call `apply`.
 * Backward gives one gradient per argument of forward, null for those that want none.
 *
 * @example
 * class Cube extends torch.autograd.Function {
 *   static forward(ctx, x) { ctx.saveForBackward(x); return x.pow(3); }
 *   static backward(ctx, g) { const [x] = ctx.savedTensors; return g.mul(x.pow(2)).mul(3); }
 * }
 * Cube.apply(x).sum().backward();
 */
export class Function {
  static apply<R extends Tensor | readonly Tensor[]>(this: FunctionClass<R>, ...args: unknown[]): R {
    return apply(this, args) as R;
  }
}

function apply(definition: FunctionClass, args: readonly unknown[]): Tensor | readonly Tensor[] {
  const positions = args.flatMap((a, i) => (a instanceof Tensor ? [i] : []));
  const inputs = positions.map((i) => args[i] as Tensor);
  const recording = isGradEnabled() && inputs.some((t) => t.requiresGrad);
  const ctx = new Context(args.map((a) => recording && a instanceof Tensor && a.requiresGrad));
  const edges = recording ? inputs.map((t) => t.gradientEdge()) : [];
  const result = withGrad(false, () => definition.forward(ctx, ...args));
  if (!recording) return result;
  const single = result instanceof Tensor;
  const node = new FunctionNode(definition, ctx, edges, positions, args.length);
  const results = (single ? [result] : [...result]).map((y) => attach(y, node, ctx, inputs));
  node.keep(results);
  return single ? results[0]! : results;
}

/** Makes a result an output of the node. An input that was handed through unchanged becomes a view of itself. */
function attach(y: Tensor, node: FunctionNode, ctx: Context, inputs: readonly Tensor[]): Tensor {
  if (ctx.hidden.nonDifferentiable.includes(y) || !y.dtype.isFloatingPoint) {
    node.addOutput(y.shape, y.dtype, y.device);
    return y;
  }
  if (ctx.hidden.dirty.includes(y)) {
    if (y.requiresGrad && y.isLeaf) throw leafDirty();
    y.rebaseHistory(node);
    return y;
  }
  const own = inputs.includes(y) ? y.detach() : y;
  own.setHistory(node);
  return own;
}

/** Random steps with gradients: hooks, backward, and what a training loop does between two steps. */
import * as torch from "../../../src/index.ts";
import { addHook, type Root, runBackward } from "./backward.ts";
import type { Handle } from "./handle.ts";
import { binary, numbers, range } from "./operations.ts";
import { constant, offset, Plain, wrap } from "./plain-autograd.ts";
import { type HookModel, poison, type World } from "./world.ts";

const isLeaf = (h: Handle): boolean => h.leaf !== null;

export function hook(w: World): void {
  const h = w.pick((p) => p.requiresGrad && p.places === null && !p.detached && (p.leaf !== null || p.hooked || !p.store.frozen));
  if (h !== null) addHook(w, h);
}

export function unhook(w: World): void {
  const h = w.pick((p) => p.hooked);
  if (h === null) return;
  const { hooks } = h.leaf ?? h.plain;
  const [first] = hooks;
  if (first === undefined) return;
  (first as HookModel).handle!.remove();
  hooks.shift();
}

export function retainGrad(w: World): void {
  const h = w.pick((p) => p.leaf === null && p.requiresGrad && p.places === null && !p.detached && !p.store.frozen);
  if (h === null) return;
  h.x.retainGrad();
  h.store.frozen = true;
  w.retaining.set(h.plain, h);
}

/** A root of a graph: what has just changed hands, or any; a leaf now and then. */
function pickRoot(w: World): Handle | null {
  const { recent } = w;
  if (recent?.requiresGrad && w.data.next() < 0.3 && w.status(recent) === "alive") return recent;
  return w.pick((p) => p.requiresGrad && (p.leaf === null || w.data.next() < 0.1));
}

/** Backward from `first`, or from one or two of any; recorded, or perhaps. */
export function backwardFrom(w: World, first: Handle | null, recorded: boolean = false): void {
  const { data } = w;
  const roots = range(0, data.pick([1, 1, 2])).flatMap((i): Root[] => {
    const root = i === 0 && first !== null ? first : pickRoot(w);
    if (root === null || !root.requiresGrad || w.status(root) !== "alive") return [];
    if (root.count === 1) return [{ root, given: null }];
    // A gradient could be written to on the way.
    const known = w.operand((p) => p.count === root.count && !p.store.updated);
    const v = numbers(w, root.count);
    return [{ root, given: known ?? w.fresh(torch.tensor(v), "a given gradient", constant(v)) }];
  });
  if (roots.length === 0) return;
  const choice = {
    createGraph: recorded || data.next() < 0.3,
    retainGraph: data.next() < 0.6,
    to: data.pick(["all", "all", "all", "inputs", "result"] as const),
  };
  if (data.next() < 0.5) runBackward(w, roots, choice);
  else
    w.scope(() => {
      runBackward(w, roots, choice);
      return [];
    }, false);
}

export function backward(w: World): void {
  backwardFrom(w, null);
}

/** Differentiates the gradient of what a scope gave, as a gradient penalty does. */
export function backwardTwice(w: World): void {
  w.scope(() => {
    binary(w);
    return w.handles.slice(-1).filter((h) => w.status(h) === "alive");
  }, false);
  const made = w.handles.at(-1);
  if (!made?.requiresGrad || made.leaf !== null || w.status(made) !== "alive") return;
  w.scope(() => {
    backwardFrom(w, made, true);
    return w.data.next() < 0.5 && w.recent !== null && w.status(w.recent) === "alive" ? [w.recent] : [];
  }, false);
  backwardFrom(w, w.recent);
}

/** What a training loop does with gradients between two steps. */
export function changeGrad(w: World): void {
  const held = w.pick((q) => isLeaf(q) && q.grad?.owner === "ended" && q.grad.requiresGrad);
  const p = held ?? w.pick((q) => isLeaf(q) && q.grad !== null) ?? w.pick(isLeaf);
  if (p === null) return;
  const none = w.data.next() < 0.5;
  switch (w.data.int(0, 5)) {
    case 0: {
      const g = p.grad;
      p.x.grad = null;
      w.setGrad(p, null);
      if (g !== null && w.data.next() < 0.5) backwardFrom(w, g);
      break;
    }
    case 1: {
      const other = w.pick((q) => isLeaf(q) && q.grad !== null && q.count === p.count)?.grad;
      if (!other || w.status(other) !== "alive") return;
      p.x.grad = other.x;
      w.setGrad(p, other);
      break;
    }
    case 2: {
      const g = w.fresh(torch.full([p.count], 2), "an assigned gradient", constant(new Array<number>(p.count).fill(2)));
      g.store.frozen = true;
      p.x.grad = g.x;
      w.setGrad(p, g);
      break;
    }
    case 3: {
      const g = p.grad;
      if (g === null || w.status(g) !== "alive" || (!none && g.store.current.requiresGrad && g.store.viewed)) return;
      new torch.optim.SGD([p.x], { lr: 1 }).zeroGrad({ setToNone: none });
      if (none) w.setGrad(p, null);
      else g.store.write(constant(new Array<number>(p.count).fill(0)));
      break;
    }
    default: {
      const k = w.data.int(1, 5);
      torch.noGrad(() => p.x.add_(k).remainder_(7));
      p.store.write(new Plain(wrap(offset(constant(p.values), k), 7).values, null, p.leaf));
    }
  }
  poison();
}

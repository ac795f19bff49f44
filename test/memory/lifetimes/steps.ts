/** Random steps that decide how long tensors live: scopes, containers, collections. */
import * as torch from "../../../src/index.ts";
import { backward, backwardFrom, backwardTwice, changeGrad, hook, retainGrad, unhook } from "./gradients.ts";
import type { Handle } from "./handle.ts";
import { binary, clone, failure, inPlace, newLeaf, newTensor, pointwise, range, view } from "./operations.ts";
import { poison, type World } from "./world.ts";

type Step = (w: World, depth: number) => void;
const { gc } = torch.memory;

function keep(w: World): void {
  const h = w.pick();
  if (h === null || w.outermost !== null) return;
  torch.keep(h.x);
  w.toUser(h);
}

function dispose(w: World): void {
  const h = w.pick((p) => p.gradOf === 0);
  if (h === null) return;
  h.x.dispose();
  h.disposed = true;
  poison();
  w.bury();
}

function letGo(w: World): void {
  if (w.handles.length > 60) w.handles = w.handles.filter((h) => w.status(h) !== "either" && w.data.next() < 0.7);
}

function hold(w: World, h: Handle): void {
  const box = w.boxes.find((b) => b.mine && b.items.length < 5) ?? w.newBox();
  box.container.hold(h.x);
  box.items.push(h);
}

function containers(w: World): void {
  const { data } = w;
  const mine = w.boxes.filter((b) => b.mine);
  if (mine.length < 2) w.newBox();
  if (mine.length === 0) return;
  const box = data.pick(mine);
  const h = (data.next() < 0.5 ? w.pick((p) => p.requiresGrad && p.leaf === null) : null) ?? w.pick();
  switch (data.int(0, 6)) {
    case 0: {
      const other = data.pick(mine);
      box.container.hold(other.container);
      box.boxes.push(other);
      return;
    }
    case 1:
    case 2: {
      if (box.items.length === 0) return;
      const item = box.items.find((p) => p.owner === "ended" && p.requiresGrad && data.next() < 0.7) ?? data.pick(box.items);
      box.container.drop(item.x);
      w.drop(box, item);
      if (data.next() < 0.5) backwardFrom(w, item);
      break;
    }
    case 3:
      box.container.dispose();
      box.mine = false;
      w.freeBoxes(false);
      break;
    default:
      if (h !== null) hold(w, h);
  }
  poison();
  w.bury();
}

function collect(w: World): void {
  const generation = w.data.int(0, 4);
  if (generation === 3) torch.memory.emptyCache();
  else gc.collect(generation);
  if (generation === 2) w.freeBoxes(true);
  poison();
  w.bury();
}

function scope(w: World, depth: number): void {
  if (depth >= 3) return;
  w.scope(() => {
    block(w, depth + 1, w.data.int(2, 14));
    // What a container holds lives on.
    const h = w.data.next() < 0.5 ? w.pick((p) => p.owner === w.owner && p.requiresGrad && p.leaf === null) : null;
    if (h !== null) hold(w, h);
    return [...new Set(range(0, w.data.int(0, 4)).flatMap(() => w.pick() ?? []))];
  }, w.data.next() < 0.1);
}

function enter(w: World, depth: number): void {
  if (depth >= 3 || w.scopes.length === 0) return;
  const s = w.data.pick(w.scopes);
  w.run(s, () => block(w, depth + 1, w.data.int(2, 8)));
  if (w.data.next() < 0.2 && !w.stack.includes(s)) w.endScope(s);
}

const steps: readonly (readonly [number, Step])[] = [
  [4, newTensor],
  [3, newLeaf],
  [6, pointwise],
  [10, binary],
  [8, view],
  [4, inPlace],
  [1, clone],
  [4, hook],
  [1, unhook],
  [2, retainGrad],
  [9, backward],
  [3, backwardTwice],
  [4, changeGrad],
  [2, keep],
  [2, dispose],
  [2, letGo],
  [4, containers],
  [2, collect],
  [1, failure],
  [5, scope],
  [3, enter],
];
const bag = steps.flatMap(([weight, step]) => new Array<Step>(weight).fill(step));

/** Some random steps, in whatever scope is open. */
export function block(w: World, depth: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const step = w.data.pick(bag);
    w.trace.push(step.name);
    step(w, depth);
  }
}

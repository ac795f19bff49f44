/** Random operations on tensors, recorded and not. Numbers stay whole and small, so that every comparison is exact. */
import type { Tensor } from "../../../src/index.ts";
import * as torch from "../../../src/index.ts";
import type { Handle } from "./handle.ts";
import { add, constant, mul, mulBy, offset, Plain, put, scale, sum, take, wrap } from "./plain-autograd.ts";
import type { World } from "./world.ts";

const size = (w: World): number => (w.data.next() < 0.02 ? 9000 : w.data.pick([12, 12, 12, 300, 300, 1200]));
export const numbers = (w: World, n: number): number[] => Array.from({ length: n }, () => w.data.int(0, 7));
export const range = (from: number, n: number, step = 1): number[] => Array.from({ length: n }, (_, i) => from + i * step);
export const flat = (h: Handle): Tensor => h.x.reshape(-1);

/** Saves a tensor that is no input. */
class Scaled extends torch.autograd.Function {
  static forward(ctx: torch.autograd.FunctionContext, x: Tensor, factor: { by: Tensor }): Tensor {
    ctx.saveForBackward(factor.by);
    return x.mul(factor.by);
  }
  static backward(ctx: torch.autograd.FunctionContext, g: Tensor): (Tensor | null)[] {
    return [g.mul(ctx.savedTensors[0]!), null];
  }
}

export function newTensor(w: World): void {
  const v = numbers(w, size(w));
  w.fresh(torch.tensor(v), "a tensor", constant(v));
}

export function newLeaf(w: World): void {
  const v = numbers(w, size(w));
  const leaf = { hooks: [] };
  const h = w.fresh(torch.tensor(v, { requiresGrad: true }), "a leaf", new Plain(v, null, leaf));
  h.leaf = leaf;
  h.store.frozen = true;
  h.store.updated = true;
  w.leaves.set(leaf, h);
}

export function pointwise(w: World): void {
  const h = w.operand();
  if (h === null) return;
  const [k, m] = [w.data.int(2, 5), w.data.int(1, 5)];
  w.fresh(h.x.mul(k).add(m).remainder(7), "pointwise", wrap(offset(scale(h.plain, k), m), 7));
}

export function binary(w: World): void {
  const h = w.operand();
  const o = h && w.operand((p) => p.count === h.count);
  if (o === null) return;
  const kept = [h!.kept, o.kept];
  switch (w.data.int(0, 4)) {
    case 0:
      w.fresh(flat(h!).add(flat(o)).remainder(7), "sum of two", wrap(add(h!.plain, o.plain), 7));
      return;
    case 1: {
      using by = flat(o).mul(flat(o)).remainder(7);
      const square = wrap(mul(o.plain, o.plain, kept), 7);
      w.fresh(Scaled.apply(flat(h!), { by }).remainder(7), "a function of one's own", wrap(mulBy(h!.plain, square, kept), 7));
      return;
    }
    default:
      w.fresh(flat(h!).mul(flat(o)).remainder(7), "product", wrap(mul(h!.plain, o.plain, kept), 7));
  }
}

export function view(w: World): void {
  const h = w.operand();
  if (h === null) return;
  const n = h.count;
  const from = w.data.int(0, n);
  const length = w.data.int(0, n - from) + 1;
  switch (w.data.int(0, 5)) {
    case 0:
      w.view(flat(h).narrow(0, from, length), "narrowed", h, range(from, length));
      return;
    case 1:
      if (h.x.ndim === 1) w.view(h.x.slice(0, 0, null, 2), "every other", h, range(0, Math.ceil(n / 2), 2));
      return;
    case 2:
      if (n % 3 === 0 && h.x.isContiguous()) {
        const places = Array.from({ length: n }, (_, i) => (i % 3) * (n / 3) + Math.floor(i / 3));
        w.view(h.x.view(3, n / 3).t(), "transposed", h, places);
      }
      return;
    case 3:
      if (n === 1) w.view(flat(h).expand(12), "expanded", h, new Array<number>(12).fill(0));
      else w.fresh(h.x.sum(), "total", sum(h.plain));
      return;
    default: {
      h.store.viewed = true;
      const { store, places } = h;
      w.handle(h.x.detach(), { label: "detached", store, places, detached: true });
    }
  }
}

export function inPlace(w: World): void {
  const h = w.operand((p) => p.writable);
  if (h === null) return;
  const o = w.operand((p) => p.count === h.count && p.store !== h.store);
  switch (w.data.int(0, 3)) {
    case 0:
      if (o === null || (o.requiresGrad && h.detached)) return;
      h.write(add(h.plain, o.plain));
      h.x.add_(o.x.reshape(h.x.shape));
      break;
    case 1:
      if (o === null || (o.requiresGrad && h.detached)) return;
      // What is written over gets a gradient of zeros.
      h.write(put(h.plain, range(0, o.count), o.plain));
      h.x.copy_(o.x.reshape(h.x.shape));
      break;
    default: {
      const k = w.data.int(1, 5);
      h.write(offset(h.plain, k));
      h.x.add_(k);
    }
  }
  h.write(wrap(h.plain, 7));
  h.x.remainder_(7);
}

export function clone(w: World): void {
  const h = w.operand();
  if (h !== null) w.fresh(h.x.clone(), "clone", take(h.plain, range(0, h.count)));
}

/** An operation that fails half-way. */
export function failure(w: World): void {
  const h = w.pick((p) => p.count > 1);
  if (h === null) return;
  try {
    flat(h).mul(torch.ones(h.count + 1));
  } catch (error) {
    if (!(error instanceof torch.ShapeError)) throw error;
  }
}

import { kernelGradient } from "../core/errors.ts";
import { checkNonEmpty, reduce } from "../dispatch/run.ts";
import { type Dims, type Pointwise, pointwise, type Rule, rule, type TensorLike } from "../ops/define.ts";
import { dimList } from "../ops/dimension.ts";
import { entry, type Op } from "../ops/entry.ts";
import { cat } from "../ops/joining.ts";
import { stretch } from "../ops/reduction.ts";
import { byPosition } from "./arguments.ts";
import { callPointwise, derived } from "./call-pointwise.ts";
import { callRule } from "./call-structured.ts";
import { derivativeOf } from "./kernel-gradient.ts";
import { type Formula, KernelValue, valueOf } from "./kernel-value.ts";
import { gradientsOf } from "./pointwise-grad.ts";
import { type Reduction, ReductionLoops, type Sorted } from "./reduction-loops.ts";
import { Tensor } from "./tensor.ts";

/** Over which dimensions, all when left out, and whether these stay with size 1. */
export interface KernelReduceOptions {
  readonly dim?: Dims;
  readonly keepdim?: boolean;
}

/** A reducing kernel of the user's: the operands, then `dim` and `keepdim`, by position or by name. */
export type ReductionKernel<X extends KernelValue[]> = (
  ...args: [...x: { [I in keyof X]: TensorLike }, dim?: Dims | KernelReduceOptions, keepdim?: boolean | KernelReduceOptions]
) => Tensor;

type Saved = Readonly<{
  /** null: no gradient mentions it. */
  operands: readonly (TensorLike | null)[];
  /** Which of them are tensors. */
  tensors: readonly number[];
  /** The state that `finish` was applied to; null where there is no `finish`. */
  s: Tensor | null;
  shape: readonly number[];
  dims: readonly number[];
  keepdim: boolean;
}>;

/** A reduction as a function on tensors, recorded as one node. */
export function reductionKernel(name: string, map: Formula, definition: Reduction): Op {
  const loops = new ReductionLoops(name, map, definition);
  const mapped = formulaOp(name, map.length, map);
  const finished = definition.finish === undefined ? null : formulaOp(name, 2, definition.finish as Formula);
  const empties = definition.reduce !== "max" && definition.reduce !== "min";

  const op = rule<Rule<(...args: unknown[]) => Tensor>>({
    params: [],
    method: false,
    node: `${name[0]!.toUpperCase()}${name.slice(1)}Backward0`,
    run: (_, __, { built, tensors, numbers, shape }: Sorted, dims: readonly number[], keepdim: boolean) => {
      if (!empties) checkNonEmpty(name, tensors[0]!, dims);
      const scalars = [countOf(shape, dims), ...numbers];
      return reduce(built.forward, tensors, dims, keepdim, { scalars }).map((o) => new Tensor(o));
    },
    save: (results, operands: readonly TensorLike[], { shape }: Sorted, dims: readonly number[], keepdim: boolean): Saved => {
      const uses = definition.reduce === "sum" ? new Set(gradientsOf(mapped, derived).operands.flatMap((g) => g.uses)) : null;
      return {
        operands: operands.map((x, i) => (uses === null || uses.has(i + 1) ? x : null)),
        tensors: operands.flatMap((x, i) => (x instanceof Tensor ? [i] : [])),
        s: finished === null ? null : results[1]!,
        shape,
        dims,
        keepdim,
      };
    },
    grad: (saved: Saved, grads, needs) => {
      if (typeof definition.reduce === "object") throw kernelGradient(name);
      const g = stateGradient(finished, saved, grads);
      if (g === null) return needs.map(() => null);
      const ofElements = elementGradient(loops, mapped, saved, g);
      return saved.tensors.map((i, k) => (needs[k] ? pulledBack(mapped, i, ofElements, saved.operands) : null));
    },
  });
  op.opName = name;
  op.internal = true;

  const f = entry<Op>("reduction", {});
  f.opName = name;
  f.call = (...args: unknown[]) => {
    const operands = args.slice(0, map.length);
    const [dim, keepdim = false] = byPosition(name, ["dim", "keepdim"], args.slice(map.length)) as [Dims | undefined, boolean | undefined];
    const sorted = loops.sort(operands);
    const dims = dimList(dim, sorted.shape.length).toSorted((a, b) => a - b);
    const [y, s] = callRule(op, operands, sorted, dims, keepdim) as Tensor[];
    s?.dispose();
    return y!;
  };
  return f;
}

/** A formula as an op whose gradients do not mention the result, which a fused kernel has not kept. */
function formulaOp(name: string, arity: number, formula: Formula): Pointwise {
  const op = pointwise<Pointwise>(arity, {
    f: (...x) =>
      valueOf(
        formula,
        x.map((v) => new KernelValue(v)),
      ).expr,
    df: (_, ...x) => {
      const operands = x.map((v) => new KernelValue(v));
      const root = valueOf(formula, operands);
      return operands.map((operand) => derivativeOf(root, operand));
    },
  });
  op.opName = name;
  op.call = (...args: unknown[]) => callPointwise(op, ...args);
  return op;
}

/** The gradient of operand `i` of an op, given that of its result; null where there is none. */
function pulledBack(op: Pointwise, i: number, g: Tensor, operands: readonly (TensorLike | null)[]): Tensor | null {
  const { as, uses } = gradientsOf(op, derived).operands[i]!;
  if (as === "none") return null;
  return as === "same" ? g : callPointwise(as, g, ...uses.map((k) => operands[k - 1]!));
}

const countOf = (shape: readonly number[], dims: readonly number[]): number => dims.reduce((n, d) => n * shape[d]!, 1);

/** The gradient of the state, from those of the results: what `finish` gave and, in second derivatives, the state itself. */
function stateGradient(finished: Pointwise | null, { s, shape, dims }: Saved, [gy, gs]: readonly (Tensor | null)[]): Tensor | null {
  if (finished === null) return gy ?? null;
  const through = gy == null ? null : pulledBack(finished, 0, gy, [s, countOf(shape, dims)]);
  return through === null || gs == null ? (through ?? gs ?? null) : through.add(gs);
}

/** The gradient of what was reduced, for every element. */
function elementGradient(loops: ReductionLoops, mapped: Pointwise, { operands, shape, dims, keepdim }: Saved, g: Tensor): Tensor {
  const { reduce: kind } = loops.definition;
  if (kind === "sum") return stretch(g, shape, dims, keepdim);
  const rows = new Rows(shape, dims);
  if (kind === "prod") {
    const m = callPointwise(mapped, ...operands).expand(shape);
    return rows.back(others(rows.of(m))).mul(stretch(g, shape, dims, keepdim));
  }
  const sorted = loops.sort(operands);
  const [at] = reduce(loops.chosen(sorted), sorted.tensors, dims, false, { scalars: [0, ...sorted.numbers] });
  const chosen = new Tensor(at!).unsqueeze(-1);
  return rows.back(g.newZeros(rows.shape).scatter(rows.shape.length - 1, chosen, g.reshape(chosen.shape)));
}

/** The kept dimensions, and all that are reduced as one last dimension. */
class Rows {
  shape: readonly number[];
  private readonly order: readonly number[];
  private readonly turned: readonly number[];
  constructor(shape: readonly number[], dims: readonly number[]) {
    const kept = shape.flatMap((_, d) => (dims.includes(d) ? [] : [d]));
    this.order = [...kept, ...dims];
    this.turned = this.order.map((d) => shape[d]!);
    this.shape = [...kept.map((d) => shape[d]!), countOf(shape, dims)];
  }
  /** A tensor seen so. */
  of(x: Tensor): Tensor {
    return x.permute(this.order).reshape(this.shape);
  }
  /** Seen as it was. */
  back(x: Tensor): Tensor {
    return x.reshape(this.turned).permute(this.order.map((_, d) => this.order.indexOf(d)));
  }
}

/** For each element of a row the product of all others, exact also where some are zero. */
function others(m: Tensor): Tensor {
  const last = m.ndim - 1;
  const n = m.shape[last]!;
  if (n === 0) return m;
  const one = m.newZeros([...m.shape.slice(0, -1), 1]).add(1);
  const before = (x: Tensor): Tensor => cat([one, x.narrow(last, 0, n - 1)], last).cumprod(last);
  return before(m).mul(before(m.flip(last)).flip(last));
}

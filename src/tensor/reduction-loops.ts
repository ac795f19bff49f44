import { bool, type ComputeType, type DType, getDefaultDtype, int64 } from "../core/dtype.ts";
import { argumentType, combineDtype, kernelArguments } from "../core/errors.ts";
import { expandTo, sameShape } from "../core/layout.ts";
import { resultType } from "../core/promotion.ts";
import type { Operand } from "../dispatch/operand.ts";
import { NUMBER } from "../dispatch/pointwise-kernel.ts";
import { commonDevice, commonShape } from "../dispatch/run.ts";
import * as e from "../kernel/expr.ts";
import { arg, cast, constant, type Expr, position, scalar, state } from "../kernel/expr.ts";
import type { Output, ReduceKernel } from "../kernel/kernel.ts";
import { categoryOf, numberOf, pythonTypeName } from "./call-pointwise.ts";
import { type Formula, KernelValue, valueOf } from "./kernel-value.ts";
import { Tensor } from "./tensor.ts";

/** An associative function with its neutral element: how two partial results become one. */
export interface Combine {
  readonly init: number;
  readonly combine: (a: KernelValue, b: KernelValue) => KernelValue | number;
}

/** A reduction of the user's: see `torch.kernel`. */
export interface Reduction<X extends KernelValue[] = KernelValue[]> {
  /** What is reduced, from an element of each operand; the element itself where left out. */
  readonly map?: Formula<X>;
  /** `max` and `min` hand their gradient to the first element that is the greatest or least. A `combine` of your own has no gradient. */
  readonly reduce: "sum" | "prod" | "max" | "min" | Combine;
  /** Applied to each result `s`; `n` is the number of elements that went into it. */
  readonly finish?: (s: KernelValue, n: KernelValue) => KernelValue | number;
}

type Named = "sum" | "prod" | "max" | "min";
/** The neutral element of each named reduction, and how it combines. */
const monoids: Readonly<Record<Named, { init: (t: ComputeType) => Expr; combine: (a: Expr, b: Expr) => Expr }>> = {
  sum: { init: (t) => constant(0, t), combine: e.add },
  prod: { init: (t) => constant(1, t), combine: e.mul },
  max: { init: (t) => bound(t, -1), combine: e.max },
  min: { init: (t) => bound(t, 1), combine: e.min },
};

/** The greatest number of a type (`sign` 1) or the least (-1). */
function bound(type: ComputeType, sign: 1 | -1): Expr {
  if (type === "bool") return constant(sign === 1 ? 1 : 0, type);
  if (type === "i64") return constant(sign === 1 ? 2n ** 63n - 1n : -(2n ** 63n), type);
  return constant(type === "i32" ? (sign === 1 ? 2 ** 31 - 1 : -(2 ** 31)) : sign * Number.POSITIVE_INFINITY, type);
}

const isFloating = (type: ComputeType): boolean => type === "f32" || type === "f64";
/** The dtype of values of a type of computation, where the operands promote to `promoted`. */
function dtypeFor(type: ComputeType, promoted: DType): DType {
  if (type === "bool") return bool;
  if (isFloating(type)) return promoted.isFloatingPoint ? promoted : getDefaultDtype();
  return promoted.compute === type && promoted.category === "int" ? promoted : int64;
}

/** The kernels of one reduction for operands of some dtypes. */
export interface Built {
  /** Results, then the states where `finish` makes something else of them. */
  readonly forward: ReduceKernel;
  /** The position of the element that was chosen, made when it is first wanted. */
  chosen?: ReduceKernel;
}

/** Operands of a call, sorted out. */
export interface Sorted {
  readonly tensors: readonly Operand[];
  readonly numbers: readonly (number | bigint)[];
  readonly built: Built;
  readonly shape: readonly number[];
}

/** A user's reduction as loops: one for each combination of dtypes. */
export class ReductionLoops {
  readonly name: string;
  readonly map: Formula;
  readonly definition: Reduction;
  private readonly kernels = new Map<number, Built>();

  constructor(name: string, map: Formula, definition: Reduction) {
    const { reduce } = definition;
    const isNamed = typeof reduce === "string" && Object.hasOwn(monoids, reduce);
    if (!isNamed && typeof (reduce as Combine | undefined)?.combine !== "function") throw kernelArguments(name);
    this.name = name;
    this.map = map;
    this.definition = definition;
  }

  private lifted(operands: readonly (DType | null)[], promoted: DType): Expr {
    let slots = 1; // scalar 0 is the number of elements
    let inputs = 0;
    const leaves = operands.map((dtype) => {
      if (dtype === null) return new KernelValue(cast(scalar(slots++, promoted.compute), promoted));
      const loaded = arg(inputs++, dtype.compute);
      return new KernelValue(dtype === promoted ? loaded : cast(loaded, promoted));
    });
    const { expr } = valueOf(this.map, leaves);
    const widens = this.definition.reduce === "sum" || this.definition.reduce === "prod";
    return widens && !isFloating(expr.type) ? cast(expr, int64) : expr;
  }

  private build(operands: readonly (DType | null)[], promoted: DType): Built {
    const lift = this.lifted(operands, promoted);
    const { type } = lift;
    const { reduce, finish } = this.definition;
    const { init, combine } = typeof reduce === "string" ? monoids[reduce] : own(this.name, reduce);
    const s = state(0, type);
    const states: Output = { dtype: dtypeFor(type, promoted), value: s };
    const outputs = [states];
    if (finish !== undefined) {
      const value = valueOf(finish as Formula, [new KernelValue(s), new KernelValue(scalar(0, type))]).expr;
      outputs.unshift({ dtype: dtypeFor(value.type, promoted), value });
    }
    const inputs = operands.filter((d) => d !== null);
    const loop = { init: [init(type)], lift: [lift], combine: [combine(s, state(1, type))], outputs };
    return { forward: { kind: "reduce", inputs, compiled: [], ...loop } };
  }

  /** Finds out what a call is about. */
  sort(operands: readonly unknown[]): Sorted {
    const tensors: Operand[] = [];
    const numbers: (number | bigint)[] = [];
    const categories: ReturnType<typeof categoryOf>[] = [];
    const dtypes = operands.map((x) => {
      if (x instanceof Tensor) {
        tensors.push(x.operand);
        return x.dtype;
      }
      categories.push(categoryOf(x, this.name));
      numbers.push(numberOf(x));
      return null;
    });
    if (tensors.length === 0) throw argumentType(this.name, "input", 1, "Tensor", pythonTypeName(operands[0]));
    commonDevice(tensors);
    const [only] = tensors;
    const promoted =
      operands.length === 1
        ? only!.dtype
        : resultType(
            tensors.map((t) => ({ dtype: t.dtype, ndim: t.layout.ndim })),
            categories,
          );
    // A number, not a string built per call; at most 8 operands.
    let key = promoted.id * 16 + getDefaultDtype().id;
    for (const dtype of dtypes) key = key * 16 + (dtype?.id ?? NUMBER);
    let built = this.kernels.get(key);
    if (built === undefined) {
      built = this.build(dtypes, promoted);
      this.kernels.set(key, built);
    }
    const shape = commonShape(tensors);
    const stretched = (t: Operand): Operand => (sameShape(t.layout.shape, shape) ? t : t.view(expandTo(t.layout, shape)));
    return { tensors: tensors.map(stretched), numbers, built, shape };
  }

  /** The kernel that finds the position of the element that `max` or `min` chose: the first, and a NaN before any number. */
  chosen({ built }: Sorted): ReduceKernel {
    built.chosen ??= this.buildChosen(built.forward);
    return built.chosen;
  }

  private buildChosen({ inputs, init, lift }: ReduceKernel): ReduceKernel {
    const { type } = lift[0]!;
    const [v, i, w, j] = [state(0, type), state(1, "i64"), state(2, type), state(3, "i64")];
    const better = this.definition.reduce === "max" ? e.gt(w, v) : e.lt(w, v);
    const later = e.and(e.not(e.isnan(v)), e.or(e.isnan(w), better));
    const takes = e.or(e.lt(i, 0), e.and(e.ge(j, 0), later)); // a position of -1: nothing seen yet
    return {
      kind: "reduce",
      inputs,
      compiled: [],
      init: [init[0]!, constant(-1, "i64")],
      lift: [lift[0]!, position],
      combine: [e.select(takes, w, v), e.select(takes, j, i)],
      outputs: [{ dtype: int64, value: i }],
    };
  }
}

function own(name: string, { init, combine }: Combine): { init: (t: ComputeType) => Expr; combine: (a: Expr, b: Expr) => Expr } {
  return {
    init: (t) => constant(init, t),
    combine: (a, b) => {
      const { expr } = valueOf(combine as Formula, [new KernelValue(a), new KernelValue(b)]);
      if (expr.type !== a.type) throw combineDtype(name);
      return expr;
    },
  };
}

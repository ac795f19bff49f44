import { type ComputeType, type DType, type DTypeName, dtypes, float32, float64 } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import * as expr from "../../kernel/expr.ts";
import { add, and, arg, cast, constant, type Expr, max, mentions, min, mul, or, position, state, substitute } from "../../kernel/expr.ts";
import type { Output } from "../../kernel/kernel.ts";

/** The expressions of a reduction or scan, ready for code generation. */
export interface Monoid {
  /** The state's starting values and types, one per component. */
  readonly init: readonly Expr[];
  /** What is folded in, per component: over args and `position`. */
  readonly lift: readonly Expr[];
  /** The next state with an element folded in: over `state(0..n-1)`, args and `position`. */
  readonly fold: readonly Expr[];
  readonly outputs: readonly Output[];
}

/** What a kernel says of its monoid. */
export interface Source {
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly outputs: readonly Output[];
}

/** An associative and commutative operation on one component alone. */
export type Simple = "add" | "mul" | "min" | "max" | "and" | "or";
const operations = { add, mul, min, max, and, or };

/** The operation that combines component `k` alone, if that is all it does. Expressions are interned, so equality is identity. */
function simpleOf(source: Source, k: number): Simple | null {
  const combine = source.combine[k]!;
  const n = source.combine.length;
  const [a, b] = [state(k, combine.type), state(n + k, combine.type)];
  for (const name of Object.keys(operations) as Simple[]) {
    if (combine.prim === name && (combine === operations[name](a, b) || combine === operations[name](b, a))) return name;
  }
  return null;
}

/** The operations of all components, or null where one of them is something else. Such monoids are commutative. */
export function simpleOperations(source: Source): readonly Simple[] | null {
  const simple = source.combine.map((_, k) => simpleOf(source, k));
  return simple.every((s) => s !== null) ? (simple as Simple[]) : null;
}

/** The expression of a simple operation on components of a type, over `state(0)` and `state(1)`. */
export const operation = (name: Simple, type: ComputeType): Expr => operations[name](state(0, type), state(1, type));

const extremes: { readonly [K in ComputeType]: readonly [least: number | bigint, greatest: number | bigint] } = {
  f32: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  f64: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  bool: [0, 1],
};

/** The value that changes nothing. */
export function identity(name: Simple, type: ComputeType): number | bigint {
  if (name === "min" || name === "max") return extremes[type][name === "max" ? 0 : 1];
  if (name === "mul") return 1;
  return name === "and" ? (type === "bool" ? 1 : -1) : 0;
}

/** Puts the lifted element into the combining expression, so that what the two share is computed once. */
export function monoid(source: Source): Monoid {
  const n = source.init.length;
  const lift = source.lift.map(lower);
  const right = new Map<Expr, Expr>(lift.map((e, k) => [state(n + k, e.type), e]));
  return {
    init: source.init.map(lower),
    lift,
    fold: source.combine.map((e) => substitute(lower(e), new Map(right))),
    outputs: source.outputs.map((o) => ({ dtype: o.dtype, value: lower(o.value) })),
  };
}

/** Which components are float32 sums that no other component looks at: those that can be carried in double precision. */
export function floatSums(source: Source): readonly boolean[] {
  const n = source.combine.length;
  const alone = (k: number): boolean =>
    source.combine.every((e, j) => j === k || !(mentions(e, state(k, "f32")) || mentions(e, state(n + k, "f32"))));
  return source.combine.map((e, k) => e.type === "f32" && simpleOf(source, k) === "add" && alone(k));
}

/**
 * The same reduction with float32 sums carried in double precision: what one accumulator needs to stay accurate over many elements. Sums
 * are rounded to float32 before the outputs see them, unless those want double precision.
 */
export function widened(source: Source): Source {
  const n = source.init.length;
  const wide = floatSums(source);
  if (!wide.includes(true)) return source;
  const narrow = new Map<Expr, Expr>();
  wide.forEach((w, k) => {
    if (!w) return;
    narrow.set(state(k, "f32"), cast(state(k, "f64"), float32));
    // An output in double precision need not be rounded on its way.
    narrow.set(cast(state(k, "f32"), float64), state(k, "f64"));
  });
  const widen = (e: Expr, k: number): Expr => (wide[k] ? cast(e, float64) : e);
  return {
    init: source.init.map(widen),
    lift: source.lift.map(widen),
    combine: source.combine.map((e, k) => (wide[k] ? add(state(k, "f64"), state(n + k, "f64")) : e)),
    outputs: source.outputs.map((o) => ({ dtype: o.dtype, value: substitute(o.value, new Map(narrow)) })),
  };
}

/**
 * The same reduction with positions in 32 bits instead of 64, so that they fit beside float32 in vectors: `position` becomes the operand
 * `slot`, an i32. Null where 64-bit integers do more than being kept, chosen and compared.
 */
export function narrowed(source: Source, slot: number): Source | null {
  if (!source.lift.some((e) => mentions(e, position))) return null;
  const memo = new Map<Expr, Expr | null>();
  const narrow = (e: Expr): Expr | null => {
    let known = memo.get(e);
    if (known === undefined) {
      known = narrowOne(e, slot, narrow);
      memo.set(e, known);
    }
    return known;
  };
  const all = (list: readonly Expr[]): Expr[] | null => {
    const out = list.map(narrow);
    return out.every((e) => e !== null) ? (out as Expr[]) : null;
  };
  const [init, lift, combine, values] = [all(source.init), all(source.lift), all(source.combine), all(source.outputs.map((o) => o.value))];
  if (init === null || lift === null || combine === null || values === null) return null;
  return { init, lift, combine, outputs: source.outputs.map((o, k) => ({ dtype: o.dtype, value: values[k]! })) };
}

const binary: { readonly [name: string]: (a: Expr, b: Expr) => Expr } = {
  min,
  max,
  eq: expr.eq,
  ne: expr.ne,
  lt: expr.lt,
  le: expr.le,
  gt: expr.gt,
  ge: expr.ge,
};

function narrowOne(e: Expr, slot: number, narrow: (e: Expr) => Expr | null): Expr | null {
  if (e === position) return arg(slot, "i32");
  const wide = e.type === "i64";
  // Positions that start elsewhere.
  if (e.prim === "add" && e.src[0] === position && isNarrow(e.src[1]!)) return add(arg(slot, "i32"), e.src[1]!.src[0]!);
  if (e.prim === "const" && wide)
    return BigInt(e.value!) === BigInt.asIntN(32, BigInt(e.value!)) ? constant(e.value as number | bigint, "i32") : null;
  if (e.prim === "state" && wide) return state(Number(e.value), "i32");
  if (!wide && !e.src.some((s) => mentionsWide(s))) return e;
  const src = e.src.map(narrow);
  if (src.length === 0 || src.some((s) => s === null)) return null;
  const [a, b, c] = src as [Expr, Expr, Expr];
  if (e.prim === "select") return expr.select(a, b, c);
  if (e.prim === "cast") return wide ? null : cast(a, dtypeNamed(e.value as DTypeName));
  const make = binary[e.prim] ?? (wide ? undefined : boolean[e.prim]);
  return make === undefined ? null : make(a, b);
}

/** What may stand above comparisons of positions. */
const boolean: { readonly [name: string]: (a: Expr, b: Expr) => Expr } = { and, or, xor: expr.xor, not: (a) => expr.not(a) };

const dtypeNamed = (name: DTypeName): DType => dtypes.find((d) => d.name === name)!;

/** An operand of 32 bits in the type of positions. */
const isNarrow = (e: Expr): boolean => e.prim === "cast" && e.src[0]!.prim === "arg" && e.src[0]!.type === "i32";

function mentionsWide(e: Expr): boolean {
  return e.type === "i64" || e.src.some(mentionsWide);
}

import { float32, float64 } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import { add, and, cast, type Expr, max, mentions, min, mul, or, state, substitute } from "../../kernel/expr.ts";
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
  /** The operation of each component, where all of them are simple. */
  readonly simple: readonly Simple[] | null;
}

/** An associative and commutative operation on one component alone. */
export type Simple = "add" | "mul" | "min" | "max" | "and" | "or";

const operations = { add, mul, min, max, and, or };

/** The operation that a combining expression stands for. Expressions are interned, so equality is identity. */
function simpleOf(combine: Expr, k: number, n: number): Simple | null {
  const [a, b] = [state(k, combine.type), state(n + k, combine.type)];
  for (const name of Object.keys(operations) as Simple[]) {
    if (combine.prim === name && (combine === operations[name](a, b) || combine === operations[name](b, a))) return name;
  }
  return null;
}

interface Source {
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly outputs: readonly Output[];
}

/** Puts the lifted element into the combining expression, so that what the two share is computed once. */
export function monoid(source: Source): Monoid {
  const n = source.init.length;
  const lift = source.lift.map(lower);
  const right = new Map<Expr, Expr>(lift.map((e, k) => [state(n + k, e.type), e]));
  const simple = source.combine.map((e, k) => simpleOf(e, k, n));
  return {
    init: source.init.map(lower),
    lift,
    fold: source.combine.map((e) => substitute(lower(e), new Map(right))),
    outputs: source.outputs.map((o) => ({ dtype: o.dtype, value: lower(o.value) })),
    simple: simple.every((s) => s !== null) ? (simple as Simple[]) : null,
  };
}

/**
 * The same reduction with float32 sums carried in double precision: what one accumulator needs to stay accurate over many elements. Sums are
 * rounded to float32 before the outputs see them.
 */
export function widened(source: Source): Source {
  const n = source.init.length;
  const alone = (k: number): boolean =>
    source.combine.every((e, j) => j === k || !(mentions(e, state(k, "f32")) || mentions(e, state(n + k, "f32"))));
  const wide = source.combine.map((e, k) => e.type === "f32" && simpleOf(e, k, n) === "add" && alone(k));
  if (!wide.includes(true)) return source;
  const narrow = new Map<Expr, Expr>();
  wide.forEach((w, k) => {
    if (w) narrow.set(state(k, "f32"), cast(state(k, "f64"), float32));
  });
  const widen = (e: Expr, k: number): Expr => (wide[k] ? cast(e, float64) : e);
  return {
    init: source.init.map(widen),
    lift: source.lift.map(widen),
    combine: source.combine.map((e, k) => (wide[k] ? add(state(k, "f64"), state(n + k, "f64")) : e)),
    outputs: source.outputs.map((o) => ({ dtype: o.dtype, value: substitute(o.value, new Map(narrow)) })),
  };
}


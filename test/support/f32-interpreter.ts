import { fma32 } from "../../src/core/random/fma.ts";
import type { Expr } from "../../src/kernel/expr.ts";

/** How a target computes. */
export interface Target {
  /** Whether multiply-add rounds once. */
  readonly fused: boolean;
  /** Whether division and square root are off by up to 2.5 ulp, as a shading language allows. */
  readonly coarse?: boolean;
}

/** The values of an expression at many places. Bools are 0 or 1. */
type Values = Float32Array | Int32Array;
type Scalar1 = (a: number) => number;
type Scalar2 = (a: number, b: number) => number;

const word = new Int32Array(1);
const asFloat = new Float32Array(word.buffer);

/** Moves a result by 2 ulp one way or the other, as its bits decide; with the rounding before that makes 2.5. */
function blur(y: number): number {
  asFloat[0] = y;
  const size = word[0]! & 0x7fffffff;
  if (size < 2 || size > 0x7f7ffffd) return y;
  word[0]! += (Math.imul(size, 0x9e3779b1) >>> 16) & 1 ? 2 : -2;
  return asFloat[0]!;
}

const sign = (x: number): boolean => x < 0 || Object.is(x, -0);
function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const part = x - below;
  const y = part < 0.5 || (part === 0.5 && below % 2 === 0) ? below : below + 1;
  return y === 0 && sign(x) ? -0 : y;
}

const unary: Record<string, Scalar1> = {
  neg: (a) => -a,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfEven,
  isnan: (a) => Number(Number.isNaN(a)),
  not: (a) => ~a,
};
// Float32Array rounds what is stored. For one operation in double precision that is the correctly rounded f32 result.
const floats: Record<string, Scalar2> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  copysign: (a, b) => (sign(a) === sign(b) ? a : -a),
};
// Int32Array wraps what is stored.
const integers: Record<string, Scalar2> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
};
const comparisons: Record<string, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

/** Evaluates an expression over f32, i32 and bool element by element, with float32 rounding after every operation. */
export function evaluate(root: Expr, inputs: readonly Float32Array[], target: Target): Values {
  const n = inputs[0]!.length;
  const known = new Map<Expr, Values>();
  const value = (e: Expr): Values => {
    let y = known.get(e);
    if (y === undefined) {
      y = compute(e, e.src.map(value));
      known.set(e, y);
    }
    return y;
  };
  const room = (e: Expr): Values => (e.type === "f32" ? new Float32Array(n) : new Int32Array(n));

  function compute(e: Expr, [a, b, c]: Values[]): Values {
    if (e.type !== "f32" && e.type !== "i32" && e.type !== "bool") throw new Error(`no ${e.type} here`);
    if (e.prim === "arg") return inputs[Number(e.value)]!;
    const y = room(e);
    if (e.prim === "const") return y.fill(Number(e.value));
    if (e.prim === "bitcast") return e.type === "f32" ? new Float32Array(a!.buffer) : new Int32Array(a!.buffer);
    if (e.prim === "cast" && e.value === "float32") return Float32Array.from(a!);
    if (e.prim === "select") for (let i = 0; i < n; i++) y[i] = a![i] ? b![i]! : c![i]!;
    else if (e.prim === "mad" && target.fused) for (let i = 0; i < n; i++) y[i] = fma32(a![i]!, b![i]!, c![i]!);
    else if (e.prim === "mad") for (let i = 0; i < n; i++) y[i] = Math.fround(a![i]! * b![i]!) + c![i]!;
    else if (e.src.length === 1) each1(y, a!, unary[e.prim]);
    else each2(y, a!, b!, (comparisons[e.prim] as Scalar2 | undefined) ?? (e.type === "f32" ? floats : integers)[e.prim]);
    if (target.coarse === true && (e.prim === "div" || e.prim === "sqrt")) for (let i = 0; i < n; i++) y[i] = blur(y[i]!);
    return y;
  }
  const each1 = (y: Values, a: Values, f: Scalar1 | undefined): void => {
    for (let i = 0; i < n; i++) y[i] = f!(a[i]!);
  };
  const each2 = (y: Values, a: Values, b: Values, f: Scalar2 | undefined): void => {
    for (let i = 0; i < n; i++) y[i] = f!(a[i]!, b[i]!);
  };
  return value(root);
}

/** The name of a primitive. */
export type Prim =
  | "const"
  | "arg"
  | "scalar"
  | "state"
  | "position"
  | "cast"
  | "bitcast"
  | "add"
  | "sub"
  | "mul"
  | "mad"
  | "div"
  | "neg"
  | "abs"
  | "min"
  | "max"
  | "sqrt"
  | "floor"
  | "ceil"
  | "trunc"
  | "round"
  | "copysign"
  | "idiv"
  | "irem"
  | "and"
  | "or"
  | "xor"
  | "not"
  | "shl"
  | "shr"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "isnan"
  | "select"
  | "exp"
  | "exp2"
  | "expm1"
  | "log"
  | "log2"
  | "log10"
  | "log1p"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh"
  | "erf"
  | "pow"
  | "atan2"
  | "fmod";

/** One scalar primitive. The only table where target languages are spelled: a new backend adds a column. */
export interface Row {
  /** Its value in double precision (leaves have none): the meaning of the primitive, and what the reference backend runs. */
  readonly js: (...a: number[]) => number | boolean;
  /** Its value on integers and bools (0 or 1), wrapped to the type's width by the caller. Absent: floats only. */
  readonly int?: (...a: bigint[]) => bigint | boolean;
  /** The type of the result where it is not that of the operands. */
  readonly result?: "bool";
  /** The first operand is a condition: it does not decide the type. */
  readonly condition?: true;
}

const leaf: Row = { js: () => Number.NaN };
const float = (js: (...a: number[]) => number): Row => ({ js });
const both = (js: (...a: number[]) => number, int: (...a: bigint[]) => bigint): Row => ({ js, int });
const compare = (js: (a: number, b: number) => boolean, int: (a: bigint, b: bigint) => boolean): Row => ({
  js: (a, b) => js(a!, b!),
  int: (a, b) => int(a!, b!),
  result: "bool",
});
const bitwise = (int: (a: bigint, b: bigint) => bigint): Row => ({ js: () => Number.NaN, int: (a, b) => int(a!, b!) });

/** Rounds half to even, as IEEE 754 and PyTorch do. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const part = x - floor;
  const r = part < 0.5 || (part === 0.5 && floor % 2 === 0) ? floor : floor + 1;
  return r === 0 && (x < 0 || Object.is(x, -0)) ? -0 : r;
}

/** C's pow: 1 to anything is 1, and -1 to an infinity is 1; JavaScript's ** gives NaN for both. */
const pow = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b);

/** The low 64 bits of an integer power: squares and multiplies. A negative exponent leaves 0, but for bases 1 and -1. */
function integerPow(a: bigint, b: bigint): bigint {
  if (b < 0n) return a === 1n || a === -1n ? integerPow(a, -b) : 0n;
  let y = 1n;
  for (; b > 0n; b >>= 1n) {
    if (b & 1n) y = BigInt.asIntN(64, y * a);
    a = BigInt.asIntN(64, a * a);
  }
  return y;
}

/** The error function to double precision: its Maclaurin series, or the continued fraction of erfc (Abramowitz and Stegun 7.1.5, 7.1.14). */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x) || a === 0) return x;
  if (a > 6) return Math.sign(x);
  if (a < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = 0;
  for (let n = 120; n >= 1; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + f)));
}

const abs = (x: bigint): bigint => (x < 0n ? -x : x);

/** Table 1: one row per scalar primitive. This is all that a new backend has to spell. */
export const prims: { readonly [K in Prim]: Row } = {
  // leaves
  const: leaf,
  arg: leaf,
  scalar: leaf,
  state: leaf,
  position: leaf,
  // conversions; `value` names the dtype of a cast
  cast: leaf,
  bitcast: leaf,
  // arithmetic. On bools `add` and `max` are or, `mul` and `min` are and.
  add: both(
    (a, b) => a! + b!,
    (a, b) => a! + b!,
  ),
  sub: both(
    (a, b) => a! - b!,
    (a, b) => a! - b!,
  ),
  mul: both(
    (a, b) => a! * b!,
    (a, b) => a! * b!,
  ),
  // a * b + c, rounded once or twice: whatever is faster on the target
  mad: float((a, b, c) => a! * b! + c!),
  div: float((a, b) => a! / b!),
  neg: both(
    (a) => -a!,
    (a) => -a!,
  ),
  abs: both(
    (a) => Math.abs(a!),
    (a) => abs(a!),
  ),
  // NaN in either operand gives NaN
  min: both(
    (a, b) => Math.min(a!, b!),
    (a, b) => (a! < b! ? a! : b!),
  ),
  max: both(
    (a, b) => Math.max(a!, b!),
    (a, b) => (a! > b! ? a! : b!),
  ),
  sqrt: float((a) => Math.sqrt(a!)),
  floor: float((a) => Math.floor(a!)),
  ceil: float((a) => Math.ceil(a!)),
  trunc: float((a) => Math.trunc(a!)),
  round: float((a) => roundHalfEven(a!)),
  copysign: float((a, b) => (b! < 0 || Object.is(b, -0) ? -Math.abs(a!) : Math.abs(a!))),
  // integer division toward zero, and its remainder (of the dividend's sign). Division by zero is caught before; it gives 0 here.
  idiv: both(
    () => Number.NaN,
    (a, b) => (b === 0n ? 0n : a! / b!),
  ),
  irem: both(
    () => Number.NaN,
    (a, b) => (b === 0n ? 0n : a! % b!),
  ),
  // C's fmod: the exact remainder of division toward zero
  fmod: float((a, b) => a! % b!),
  // bits
  and: bitwise((a, b) => a & b),
  or: bitwise((a, b) => a | b),
  xor: bitwise((a, b) => a ^ b),
  // all bits of integers, the other truth value of bools (by type)
  not: bitwise((a) => ~a),
  // shifts; the count is taken modulo the width of the type (of 32-bit integers by the caller), as x86 does
  shl: bitwise((a, b) => a << (b & 63n)),
  shr: bitwise((a, b) => a >> (b & 63n)),
  // comparisons; NaN is unequal to everything and ordered with nothing
  eq: compare(
    (a, b) => a === b,
    (a, b) => a === b,
  ),
  ne: compare(
    (a, b) => a !== b,
    (a, b) => a !== b,
  ),
  lt: compare(
    (a, b) => a < b,
    (a, b) => a < b,
  ),
  le: compare(
    (a, b) => a <= b,
    (a, b) => a <= b,
  ),
  gt: compare(
    (a, b) => a > b,
    (a, b) => a > b,
  ),
  ge: compare(
    (a, b) => a >= b,
    (a, b) => a >= b,
  ),
  // by bits: languages that may assume there are no NaNs drop `x != x`
  isnan: { js: (a) => Number.isNaN(a), int: () => false, result: "bool" },
  select: { js: (c, a, b) => (c ? a! : b!), int: (c, a, b) => (c ? a! : b!), condition: true },
  // elementary functions
  exp: float((a) => Math.exp(a!)),
  exp2: float((a) => 2 ** a!),
  expm1: float((a) => Math.expm1(a!)),
  log: float((a) => Math.log(a!)),
  log2: float((a) => Math.log2(a!)),
  log10: float((a) => Math.log10(a!)),
  log1p: float((a) => Math.log1p(a!)),
  sin: float((a) => Math.sin(a!)),
  cos: float((a) => Math.cos(a!)),
  tan: float((a) => Math.tan(a!)),
  asin: float((a) => Math.asin(a!)),
  acos: float((a) => Math.acos(a!)),
  atan: float((a) => Math.atan(a!)),
  sinh: float((a) => Math.sinh(a!)),
  cosh: float((a) => Math.cosh(a!)),
  tanh: float((a) => Math.tanh(a!)),
  asinh: float((a) => Math.asinh(a!)),
  acosh: float((a) => Math.acosh(a!)),
  atanh: float((a) => Math.atanh(a!)),
  erf: float((a) => erf(a!)),
  pow: both(
    (a, b) => pow(a!, b!),
    (a, b) => integerPow(a!, b!),
  ),
  atan2: float((a, b) => Math.atan2(a!, b!)),
};

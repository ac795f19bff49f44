import type { DTypeName } from "../../core/dtype.ts";
import { constant, type Expr } from "../../kernel/expr.ts";
import type { Prim } from "../../kernel/prims.ts";
import type { Body } from "./body.ts";
import { scalarTypeOf } from "./format.ts";

/** How WGSL spells a primitive, from the values of its operands. int64 computes in i32, and bools are WGSL's. */
type Spelling = (body: Body, e: Expr, a: string, b: string, c: string) => string;

const typeOf = (e: Expr): string => scalarTypeOf(e.src[0]!.type);
const never: Spelling = (_, e) => {
  throw new Error(`${e.prim} of ${e.type} is not lowered`);
};
const call =
  (name: string): Spelling =>
  (_, e, a, b, c) =>
    `${name}(${[a, b, c].slice(0, e.src.length).join(", ")})`;

/** An operator on numbers, and another on bools. */
const infix =
  (operator: string, onBool?: string): Spelling =>
  (_, e, a, b) =>
    `(${a} ${typeOf(e) === "bool" && onBool !== undefined ? onBool : operator} ${b})`;

/** Bools are ordered false before true. */
const compare =
  (operator: string, onBool: (a: string, b: string) => string): Spelling =>
  (_, e, a, b) =>
    typeOf(e) === "bool" ? onBool(a, b) : `(${a} ${operator} ${b})`;

const isZero = (e: Expr): boolean => e.prim === "const" && Number(e.value) === 0;
const bitsOf = (x: string): string => `bitcast<u32>(${x})`;
/** Comparisons of a float with zero, by its bits: subnormal numbers are not zero then even where arithmetic takes them for it. */
const withZero = {
  eq: (x: string) => `((${bitsOf(x)} & 0x7fffffffu) == 0u)`,
  ne: (x: string) => `((${bitsOf(x)} & 0x7fffffffu) != 0u)`,
  lt: (x: string) => `((${bitsOf(x)} - 0x80000001u) < 0x7f800000u)`,
  gt: (x: string) => `((${bitsOf(x)} - 1u) < 0x7f800000u)`,
} as const;
const mirrored = { eq: "eq", ne: "ne", lt: "gt", gt: "lt" } as const;
const orZero =
  (name: keyof typeof withZero, otherwise: Spelling): Spelling =>
  (body, e, a, b, c) => {
    const [left, right] = e.src as [Expr, Expr];
    if (typeOf(e) !== "f32") return otherwise(body, e, a, b, c);
    if (isZero(right)) return withZero[name](a);
    return isZero(left) ? withZero[mirrored[name]](b) : otherwise(body, e, a, b, c);
  };
/** `<=` and `>=` with zero: less, greater or either zero, but not NaN. */
const orEqual =
  (name: "lt" | "gt", otherwise: Spelling): Spelling =>
  (body, e, a, b, c) => {
    const [left, right] = e.src as [Expr, Expr];
    if (typeOf(e) !== "f32" || !(isZero(left) || isZero(right))) return otherwise(body, e, a, b, c);
    const x = isZero(right) ? a : b;
    return `(${withZero[isZero(right) ? name : mirrored[name]](x)} || ${withZero.eq(x)})`;
  };

/** Division by a power of two is a product. */
const quotient: Spelling = (body, e, a, b) => {
  const divisor = Number(e.src[1]!.prim === "const" ? e.src[1]!.value : 0);
  const power = Math.log2(Math.abs(divisor));
  if (Number.isInteger(power) && Math.abs(power) <= 126) return `(${a} * ${body.value(constant(1 / divisor, "f32"))})`;
  return `${body.helper("divide")}(${a}, ${b})`;
};

const isNumber = (e: Expr): boolean => e.prim === "const" && !Number.isNaN(Number(e.value));
const extremum =
  (name: "min" | "max", onBool: string): Spelling =>
  (body, e, a, b) => {
    const type = typeOf(e);
    if (type === "bool") return `(${a} ${onBool} ${b})`;
    if (type === "i32") return `${name}(${a}, ${b})`;
    const [left, right] = e.src as [Expr, Expr];
    if (!isNumber(left) && !isNumber(right)) return `${body.helper(`f${name}`)}(${a}, ${b})`;
    const other = isNumber(left) ? b : a;
    // By bits: x unless it is on the other side of zero. NaN is on neither.
    if (isZero(left) || isZero(right)) {
      return `select(${other}, 0.0, ${name === "max" ? `(${bitsOf(other)} - 0x80000000u)` : bitsOf(other)} <= 0x7f800000u)`;
    }
    return `select(${name}(${a}, ${b}), ${other}, ${body.helper("is_nan")}(${other}))`;
  };

const intOnly =
  (name: "int_div" | "int_rem"): Spelling =>
  (body, _, a, b) =>
    `${body.helper(name)}(${a}, ${b})`;

/** Conversions to a dtype, by the type they start from. */
const conversions: { readonly [K in DTypeName]?: (body: Body, from: string, x: string) => string } = {
  bool: (_, from, x) => (from === "f32" ? `((bitcast<u32>(${x}) & 0x7fffffffu) != 0u)` : from === "bool" ? x : `(${x} != 0)`),
  float32: (_, from, x) => toFloat(from, x),
  float16: (body, from, x) => `${body.helper("half_to_float")}(${body.helper("float_to_half")}(${toFloat(from, x)}))`,
  bfloat16: (body, from, x) => `bitcast<f32>(${body.helper("float_to_bfloat")}(${toFloat(from, x)}) << 16u)`,
  int32: (body, from, x) => toInt(body, "float_to_int", from, x),
  int64: (body, from, x) => toInt(body, "float_to_long", from, x),
  uint8: (body, from, x) => `(${toInt(body, "float_to_long", from, x)} & 0xff)`,
  int8: (body, from, x) => `((${toInt(body, "float_to_int", from, x)} << 24u) >> 24u)`,
  int16: (body, from, x) => `((${toInt(body, "float_to_int", from, x)} << 16u) >> 16u)`,
};
export const toFloat = (from: string, x: string): string => (from === "f32" ? x : from === "bool" ? `select(0.0, 1.0, ${x})` : `f32(${x})`);
export function toInt(body: Body, helper: "float_to_int" | "float_to_long", from: string, x: string): string {
  if (from === "i32") return x;
  return from === "bool" ? `select(0, 1, ${x})` : `${body.helper(helper)}(${x})`;
}

const shifted = (e: Expr, near: string, far: string, count: string): string =>
  e.type === "i64" ? `select(${near}, ${far}, (${count} & 32) != 0)` : near;

/** Table 1 in WGSL. */
export const spelling: { readonly [K in Prim]: Spelling } = {
  const: never,
  arg: never,
  scalar: never,
  state: never,
  position: never,
  cast: (body, e, a) => {
    const convert = conversions[e.value as DTypeName];
    if (convert === undefined) throw new Error(`WGSL has no ${e.value}`);
    return convert(body, typeOf(e), a);
  },
  bitcast: (_, e, a) => `bitcast<${scalarTypeOf(e.type)}>(${a})`,
  add: infix("+", "||"),
  sub: infix("-", "!="),
  mul: infix("*", "&&"),
  mad: call("fma"),
  div: quotient,
  neg: (_, e, a) => (typeOf(e) === "f32" ? `bitcast<f32>(bitcast<u32>(${a}) ^ 0x80000000u)` : `(-${a})`),
  abs: (_, e, a) => (typeOf(e) === "f32" ? `bitcast<f32>(bitcast<u32>(${a}) & 0x7fffffffu)` : `abs(${a})`),
  min: extremum("min", "&&"),
  max: extremum("max", "||"),
  sqrt: (body, _, a) => `${body.helper("root")}(${a})`,
  floor: call("floor"),
  ceil: call("ceil"),
  trunc: call("trunc"),
  round: call("round"),
  copysign: (body, _, a, b) => `${body.helper("copy_sign")}(${a}, ${b})`,
  idiv: intOnly("int_div"),
  irem: intOnly("int_rem"),
  fmod: (body, _, a, b) => `${body.helper("float_mod")}(${a}, ${b}, ${body.bits(0x7fc00000)})`,
  and: infix("&", "&&"),
  or: infix("|", "||"),
  xor: infix("^", "!="),
  not: (_, e, a) => (typeOf(e) === "bool" ? `(!${a})` : `(~${a})`),
  // The count is taken modulo the width that the type has elsewhere.
  shl: (_, e, a, b) => shifted(e, `(${a} << (bitcast<u32>(${b}) & 31u))`, "0", b),
  shr: (_, e, a, b) => shifted(e, `(${a} >> (bitcast<u32>(${b}) & 31u))`, `(${a} >> 31u)`, b),
  eq: orZero("eq", infix("==")),
  // WGSL's != may be false beside NaN.
  ne: orZero("ne", (_, e, a, b) => (typeOf(e) === "f32" ? `(!(${a} == ${b}))` : `(${a} != ${b})`)),
  lt: orZero(
    "lt",
    compare("<", (a, b) => `(!${a} && ${b})`),
  ),
  le: orEqual(
    "lt",
    compare("<=", (a, b) => `(!${a} || ${b})`),
  ),
  gt: orZero(
    "gt",
    compare(">", (a, b) => `(${a} && !${b})`),
  ),
  ge: orEqual(
    "gt",
    compare(">=", (a, b) => `(${a} || !${b})`),
  ),
  isnan: (body, e, a) => (typeOf(e) === "f32" ? `${body.helper("is_nan")}(${a})` : "false"),
  select: (_, __, a, b, c) => `select(${c}, ${b}, ${a})`,
  exp: never,
  exp2: never,
  expm1: never,
  log: never,
  log2: never,
  log10: never,
  log1p: never,
  sin: never,
  cos: never,
  tan: never,
  asin: never,
  acos: never,
  atan: never,
  sinh: never,
  cosh: never,
  tanh: never,
  asinh: never,
  acosh: never,
  atanh: never,
  erf: never,
  pow: (body, e, a, b) => (typeOf(e) === "i32" ? `${body.helper("int_pow")}(${a}, ${b})` : never(body, e, a, b, "")),
  atan2: never,
};

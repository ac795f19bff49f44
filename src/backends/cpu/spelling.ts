import type { ComputeType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { type Prim, prims } from "../../kernel/prims.ts";
import type { Codegen } from "./codegen.ts";
import { usesRelaxedMadd } from "./features.ts";

/**
 * How WebAssembly spells the primitives. A name is completed with the operands' shape: "add" is f32.add for a number and f32x4.add for a
 * vector. Bools are 0 or 1 as numbers, and masks of all bits as vectors.
 */
export interface Spelling {
  /** The instruction on floats, integers and bools. */
  readonly float?: string;
  readonly int?: string;
  readonly bool?: string;
  /** Where one instruction is not enough: leaves the value of `e` on the stack. */
  readonly emit?: (g: Codegen, e: Expr) => void;
  /** Computed by JavaScript in double precision. */
  readonly host?: true;
  /** Whether vectors can do it, if not always. */
  readonly vector?: (e: Expr) => boolean;
}

const isFloat = (type: ComputeType): boolean => type === "f32" || type === "f64";
const never = (): boolean => false;
const leaf: Spelling = {};
const host: Spelling = { host: true, vector: never };
const hasNoBits = (e: Expr): boolean => e.prim === "const" && Object.is(Number(e.value), 0);
const float = (name: string): Spelling => ({ float: name });
const bits = (name: string): Spelling => ({ emit: (g, e) => g.operands(e).bits(e.type, name) });

/** Masks of true are -1, so bools compare the other way round there. */
const compare = (name: string, mirrored: string): Spelling => ({
  emit: (g, e) => {
    const type = e.src[0]!.type;
    g.operands(e);
    const signed = name === "eq" || name === "ne" ? "" : "_s";
    if (isFloat(type)) g.op(type, name);
    else g.op(type, `${type === "bool" && g.lanes > 1 ? mirrored : name}${signed}`);
  },
});

/**
 * The smaller or larger of two numbers. The instructions on float vectors that pass NaN on are many on x86. Beside a constant a single one
 * does: `pmin(x, c)` is `c < x ? c : x`, so NaN stays. (Of equal zeros it gives x, as PyTorch's relu and clamp do.)
 */
const extremum = (name: "min" | "max", compared: string): Spelling => ({
  emit: (g, e) => {
    const [a, b] = e.src as [Expr, Expr];
    const isNumber = (s: Expr): boolean => s.prim === "const" && !Number.isNaN(s.value);
    if (isFloat(e.type) && g.lanes > 1 && (isNumber(a) || isNumber(b)))
      g.value(isNumber(b) ? a : b)
        .value(isNumber(b) ? b : a)
        .op(e.type, `p${name}`);
    else if (isFloat(e.type)) g.operands(e).op(e.type, name);
    else if (e.type === "bool") g.operands(e).bits("bool", name === "min" ? "and" : "or");
    else if (g.lanes === 4) g.operands(e).op(e.type, `${name}_s`);
    else {
      const [a, b] = [g.keep(e.src[0]!), g.keep(e.src[1]!)];
      g.f.get(a).get(b).get(a).get(b);
      g.op(e.type, compared).choose();
    }
  },
});

/** Division that cannot trap: by zero it gives 0, and the least integer divided by -1 wraps. */
const division = (name: "div_s" | "rem_s"): Spelling => ({
  vector: never,
  emit: (g, e) => {
    const type = e.type as "i32" | "i64";
    const [a, b] = [g.keep(e.src[0]!), g.keep(e.src[1]!)];
    // Both divisors that trap are excluded at once: b + 1 is 0 or 1 (unsigned) for -1 and 0.
    g.f.get(b);
    g.integer(type, 1).op(type, "add");
    g.integer(type, 1).op(type, "gt_u");
    g.f.if(
      () => g.f.get(a).get(b).op(`${type}.${name}`),
      () => {
        // For b = -1 the quotient is -a; for b = 0 it is 0: both are a * b. The remainders are 0.
        if (name === "div_s") g.f.get(a).get(b).op(`${type}.mul`);
        else g.integer(type, 0);
      },
      type,
    );
  },
});

/** Vectors shift all lanes alike, so there the count must be a constant. */
const shift = (name: "shl" | "shr_s"): Spelling => ({
  vector: (e) => e.src[1]!.prim === "const",
  emit: (g, e) => {
    if (g.lanes === 1) g.operands(e).op(e.type, name);
    else {
      g.value(e.src[0]!).f.i32(Number(e.src[1]!.value));
      g.op(e.type, name);
    }
  },
});

/** Table 1's column for this backend. */
export const spellings: { readonly [K in Prim]: Spelling } = {
  const: leaf,
  arg: leaf,
  scalar: leaf,
  state: leaf,
  position: leaf,
  cast: { emit: (g, e) => g.value(e.src[0]!).cast(e.src[0]!.type, e) },
  bitcast: {
    emit: (g, e) => {
      g.value(e.src[0]!);
      if (g.lanes === 1) g.f.op(e.type === "i32" ? "i32.reinterpret_f32" : "f32.reinterpret_i32");
    },
  },
  add: { float: "add", int: "add", bool: "or" },
  sub: { float: "sub", int: "sub", bool: "xor" },
  mul: { float: "mul", int: "mul", bool: "and" },
  mad: {
    emit: (g, e) => {
      if (g.lanes > 1 && usesRelaxedMadd()) {
        g.operands(e).op(e.type, "relaxed_madd");
        return;
      }
      g.value(e.src[0]!).value(e.src[1]!).op(e.type, "mul");
      g.value(e.src[2]!).op(e.type, "add");
    },
  },
  div: float("div"),
  neg: {
    emit: (g, e) => {
      if (isFloat(e.type) || (g.lanes > 1 && e.type !== "bool")) g.operands(e).op(e.type, "neg");
      else if (e.type === "bool") g.operands(e);
      else g.integer(e.type, 0).value(e.src[0]!).op(e.type, "sub");
    },
  },
  abs: {
    emit: (g, e) => {
      if (isFloat(e.type) || (g.lanes > 1 && e.type !== "bool")) g.operands(e).op(e.type, "abs");
      else if (e.type === "bool") g.operands(e);
      else {
        // (a ^ s) - s, with s all bits of a's sign
        const a = g.keep(e.src[0]!);
        const sign = (): void => {
          g.f.get(a);
          g.integer(e.type, e.type === "i32" ? 31 : 63).op(e.type, "shr_s");
        };
        sign();
        g.f.get(a);
        g.op(e.type, "xor");
        sign();
        g.op(e.type, "sub");
      }
    },
  },
  min: extremum("min", "lt_s"),
  max: extremum("max", "gt_s"),
  sqrt: float("sqrt"),
  floor: float("floor"),
  ceil: float("ceil"),
  trunc: float("trunc"),
  round: float("nearest"),
  copysign: {
    emit: (g, e) => {
      if (g.lanes === 1) g.operands(e).op(e.type, "copysign");
      else g.value(e.src[1]!).value(e.src[0]!).constant(-0, e.type).choose();
    },
  },
  idiv: division("div_s"),
  irem: division("rem_s"),
  and: bits("and"),
  or: bits("or"),
  xor: bits("xor"),
  not: {
    emit: (g, e) => {
      g.operands(e);
      if (g.lanes > 1) g.f.op("v128.not");
      else if (e.type === "bool") g.f.op("i32.eqz");
      else g.integer(e.type, -1).op(e.type, "xor");
    },
  },
  shl: shift("shl"),
  shr: shift("shr_s"),
  eq: compare("eq", "eq"),
  ne: compare("ne", "ne"),
  lt: compare("lt", "gt"),
  le: compare("le", "ge"),
  gt: compare("gt", "lt"),
  ge: compare("ge", "le"),
  isnan: {
    emit: (g, e) => {
      const x = e.src[0]!;
      if (!isFloat(x.type)) {
        g.constant(0, "bool");
        return;
      }
      const a = g.keep(x);
      g.f.get(a).get(a);
      g.op(x.type, "ne");
    },
  },
  select: {
    emit: (g, e) => {
      const [condition, a, b] = e.src as [Expr, Expr, Expr];
      // A mask is itself a choice between some bits and none, and several instructions choose between two values.
      if (g.lanes > 1 && hasNoBits(b)) g.value(a).value(condition).bits(e.type, "and");
      else g.value(a).value(b).value(condition).choose();
    },
  },
  exp: host,
  exp2: host,
  expm1: host,
  log: host,
  log2: host,
  log10: host,
  log1p: host,
  sin: host,
  cos: host,
  tan: host,
  asin: host,
  acos: host,
  atan: host,
  sinh: host,
  cosh: host,
  tanh: host,
  asinh: host,
  acosh: host,
  atanh: host,
  erf: host,
  pow: host,
  atan2: host,
  fmod: host,
};

/** What modules import from JavaScript: every primitive that is computed there. */
export const hostFunctions: { readonly [name: string]: (...a: number[]) => number } = Object.fromEntries(
  (Object.keys(spellings) as Prim[]).filter((p) => spellings[p].host === true).map((p) => [p, prims[p].js as (...a: number[]) => number]),
);

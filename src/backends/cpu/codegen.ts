import { type ComputeType, type DType, type DTypeName, dtypes } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { convert, toDType } from "./convert.ts";
import { spellings } from "./spelling.ts";
import type { FunctionBuilder, ModuleBuilder, ValueType } from "./wasm/assembler.ts";
import type { Opcode } from "./wasm/opcodes.ts";

/** How many elements one value holds: a number, or a vector of two 64-bit or four 32-bit lanes. */
export type Lanes = 1 | 2 | 4;

/** The WebAssembly type of a value. */
export const valueType = (type: ComputeType, lanes: Lanes): ValueType => (lanes > 1 ? "v128" : type === "bool" ? "i32" : type);

const vectorShapes = { f32: "f32x4", i32: "i32x4", f64: "f64x2", i64: "i64x2", bool: "" } as const;

/** What instructions on a type begin with: `f32`, `f32x4`. */
export function shapeOf(type: ComputeType, lanes: Lanes): string {
  if (lanes === 1) return type === "bool" ? "i32" : type;
  return type === "bool" ? (lanes === 4 ? "i32x4" : "i64x2") : vectorShapes[type];
}

const byName: { readonly [name: string]: DType } = Object.fromEntries(dtypes.map((d) => [d.name, d]));
/** The dtype that a cast names. */
const castType = (e: Expr): DType => byName[e.value as DTypeName]!;

/** How a region of code reads what expressions name. Each leaves one value on the stack. */
export interface Leaves {
  arg?(slot: number, type: ComputeType): void;
  state?(slot: number, type: ComputeType): void;
  position?(): void;
  /** A scalar, as a number. Called in the prologue. */
  scalar(slot: number, type: ComputeType): void;
}

/** The functions that expressions call, by primitive and type. */
export type Calls = ReadonlyMap<string, number>;

/** Declares in a module all that the expressions call; before the module's first function. */
export function declareCalls(m: ModuleBuilder, roots: readonly Expr[]): Calls {
  const calls = new Map<string, number>();
  const intPowers = new Set<"i32" | "i64">();
  visit(roots, (e) => {
    if (spellings[e.prim].host !== true) return;
    if (e.type === "i32" || e.type === "i64") intPowers.add(e.type);
    else
      calls.set(
        e.prim,
        m.importFunction(
          "host",
          e.prim,
          e.src.map((): ValueType => "f64"),
          ["f64"],
        ),
      );
  });
  for (const type of intPowers) calls.set(`pow:${type}`, integerPower(m, type));
  return calls;
}

/** a ** b by squaring. Negative exponents give 0, but for bases 1 and -1. */
function integerPower(m: ModuleBuilder, type: "i32" | "i64"): number {
  const f = m.func(`pow_${type}`, [type, type], [type], false);
  const number = (n: number): FunctionBuilder => (type === "i32" ? f.i32(n) : f.i64(n));
  const result = f.local(type);
  f.get(1);
  number(0)
    .op(`${type}.lt_s`)
    .if(() => {
      // 1 and -1 are their own inverses, so the sign of the exponent does not matter; all else is 0.
      f.get(0);
      number(1).op(`${type}.add`);
      number(-3).op(`${type}.and`);
      number(0)
        .op(`${type}.ne`)
        .if(() => number(0).op("return"));
      number(0).get(1).op(`${type}.sub`).set(1);
    });
  number(1).set(result);
  f.loop((top) => {
    f.get(result).get(0);
    number(1).get(1);
    number(1).op(`${type}.and`).op(`${type}.eqz`).op("i32.eqz").op("select");
    f.op(`${type}.mul`).set(result);
    f.get(0).get(0).op(`${type}.mul`).set(0);
    f.get(1);
    number(1).op(`${type}.shr_u`).tee(1).op(`${type}.eqz`).op("i32.eqz").brIf(top);
  });
  f.get(result);
  return f.index;
}

/** Calls `see` once for every expression under the roots, operands first. */
export function visit(roots: readonly Expr[], see: (e: Expr) => void): void {
  const seen = new Set<Expr>();
  const walk = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    for (const s of e.src) walk(s);
    see(e);
  };
  for (const e of roots) walk(e);
}

/**
 * Generates the code of expressions in one region (a loop body). Subexpressions that occur several times are computed once; constants,
 * scalars and all that depends on nothing else are computed in the function's prologue.
 */
export class Codegen {
  readonly f: FunctionBuilder;
  readonly lanes: Lanes;
  readonly leaves: Leaves;
  readonly #calls: Calls;
  readonly #roots: readonly Expr[];
  readonly #uses = new Map<Expr, number>();
  readonly #invariant = new Map<Expr, boolean>();
  readonly #locals = new Map<Expr, number>();
  readonly #values = new Set<Expr>();

  constructor(f: FunctionBuilder, lanes: Lanes, calls: Calls, leaves: Leaves, roots: readonly Expr[]) {
    this.f = f;
    this.lanes = lanes;
    this.#calls = calls;
    this.leaves = leaves;
    this.#roots = roots;
    const count = (e: Expr): void => {
      const n = this.#uses.get(e) ?? 0;
      this.#uses.set(e, n + 1);
      if (n === 0) for (const s of e.src) count(s);
    };
    for (const e of roots) count(e);
  }

  /** A region of the same expressions, for elements that are computed side by side with these. */
  beside(): Codegen {
    return new Codegen(this.f, this.lanes, this.#calls, this.leaves, this.#roots);
  }

  /** What there is to compute for each element, operands first. */
  steps(): Expr[] {
    const steps: Expr[] = [];
    visit(this.#roots, (e) => {
      if (e.src.length > 0 && !this.#isInvariant(e)) steps.push(e);
    });
    return steps;
  }

  /** Forgets what was computed: the code that follows runs for other elements. */
  begin(): this {
    this.#values.clear();
    return this;
  }

  /** Leaves the value of an expression on the stack. */
  value(e: Expr): this {
    if (e.prim === "const") return this.constant(e.value as number | bigint, e.type);
    if (this.#values.has(e)) {
      this.f.get(this.#locals.get(e)!);
      return this;
    }
    if (this.#isInvariant(e)) {
      this.f.get(this.f.hoist(valueType(e.type, this.lanes), `e${this.lanes}:${e.id}`, () => this.#compute(e)));
      return this;
    }
    this.#compute(e);
    if (this.#uses.get(e)! > 1) this.f.tee(this.#remember(e));
    return this;
  }

  /** The value of an expression in a local. */
  keep(e: Expr): number {
    if (this.#values.has(e)) return this.#locals.get(e)!;
    this.value(e);
    if (this.#values.has(e)) {
      this.f.op("drop");
      return this.#locals.get(e)!;
    }
    const local = this.#remember(e);
    this.f.set(local);
    return local;
  }

  #remember(e: Expr): number {
    let local = this.#locals.get(e);
    if (local === undefined) {
      local = this.f.local(valueType(e.type, this.lanes));
      this.#locals.set(e, local);
    }
    this.#values.add(e);
    return local;
  }

  /** Whether an expression depends on scalars and constants alone. */
  #isInvariant(e: Expr): boolean {
    let known = this.#invariant.get(e);
    if (known === undefined) {
      if (e.src.length === 0) known = e.prim === "scalar" || e.prim === "const";
      else known = e.src.every((s) => this.#isInvariant(s));
      this.#invariant.set(e, known);
    }
    return known;
  }

  #compute(e: Expr): void {
    const row = spellings[e.prim];
    if (e.src.length === 0) this.#leaf(e);
    else if (row.emit !== undefined) row.emit(this, e);
    else if (row.host === true) this.#call(e);
    else {
      const kind = e.type === "f32" || e.type === "f64" ? "float" : e.type === "bool" ? "bool" : "int";
      const name = row[kind];
      if (name === undefined) throw new Error(`${e.prim} is not defined on ${e.type}`);
      this.operands(e);
      if (kind === "bool") this.bits("bool", name);
      else this.op(e.type, name);
    }
  }

  #leaf(e: Expr): void {
    const slot = Number(e.value ?? 0);
    if (e.prim === "arg") this.leaves.arg!(slot, e.type);
    else if (e.prim === "state") this.leaves.state!(slot, e.type);
    else if (e.prim === "position") this.leaves.position!();
    else {
      this.leaves.scalar(slot, e.type);
      this.splat(e.type);
    }
  }

  /** Calls a function of double precision, or the integer power. */
  #call(e: Expr): void {
    if (e.type === "i32" || e.type === "i64") {
      this.operands(e).f.call(this.#calls.get(`${e.prim}:${e.type}`)!);
      return;
    }
    for (const s of e.src) {
      this.value(s);
      if (e.type === "f32") this.f.op("f64.promote_f32");
    }
    this.f.call(this.#calls.get(e.prim)!);
    if (e.type === "f32") this.f.op("f32.demote_f64");
  }

  /** Leaves the operands of an expression on the stack. */
  operands(e: Expr): this {
    for (const s of e.src) this.value(s);
    return this;
  }

  /** An instruction on values of a type: "add" is `f32x4.add`, and so on. */
  op(type: ComputeType, name: string): this {
    this.f.op(`${shapeOf(type, this.lanes)}.${name}` as Opcode);
    return this;
  }

  /** An instruction on bits, which vectors have one of for all types. */
  bits(type: ComputeType, name: string): this {
    this.f.op(`${this.lanes > 1 ? "v128" : shapeOf(type, 1)}.${name}` as Opcode);
    return this;
  }

  /** Of the two values on the stack the first where the condition above them holds. */
  choose(): this {
    this.f.op(this.lanes > 1 ? "v128.bitselect" : "select");
    return this;
  }

  /** An integer constant as an immediate. Numbers only. */
  integer(type: ComputeType, value: number): this {
    if (type === "i64") this.f.i64(value);
    else this.f.i32(value);
    return this;
  }

  /** A constant; those that are not immediates are made once, in the prologue. */
  constant(value: number | bigint, type: ComputeType): this {
    const f = this.f;
    if (this.lanes === 1) {
      if (type === "i64") f.i64(value);
      else if (type === "i32") f.i32(Number(BigInt.asIntN(32, BigInt(value))));
      else if (type === "bool") f.i32(Number(value) === 0 ? 0 : 1);
      else
        f.get(
          f.hoist(type, `${type}:${Object.is(value, -0) ? "-0" : value}`, () =>
            type === "f32" ? f.f32(Number(value)) : f.f64(Number(value)),
          ),
        );
      return this;
    }
    const shape = shapeOf(type, this.lanes) as "f32x4" | "i32x4" | "f64x2" | "i64x2";
    const lane = type === "bool" ? (Number(value) === 0 ? 0 : -1) : value;
    f.get(f.hoist("v128", `${shape}:${Object.is(lane, -0) ? "-0" : lane}`, () => f.v128(shape, lane)));
    return this;
  }

  /** Makes a vector of the number on the stack. Bools become masks. */
  splat(type: ComputeType): this {
    if (this.lanes === 1) return this;
    if (type === "bool" && this.lanes === 2) this.f.op("i64.extend_i32_u");
    this.op(type, "splat");
    return type === "bool" ? this.op(type, "neg") : this;
  }

  /** Converts the value on the stack to the dtype of a cast. */
  cast(from: ComputeType, e: Expr): this {
    toDType(this, from, castType(e));
    return this;
  }

  /** Converts the value on the stack from one compute type to another. */
  convert(from: ComputeType, to: ComputeType): this {
    convert(this, from, to);
    return this;
  }
}

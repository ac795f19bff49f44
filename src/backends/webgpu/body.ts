import type { ComputeType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { type ScalarType, scalarTypeOf } from "./format.ts";
import type { Helper } from "./helpers.ts";
import { spelling, toFloat, toInt } from "./spelling.ts";

/** What the leaves of expressions stand for in a piece of WGSL, as WGSL expressions. */
export interface Leaves {
  /** The element of input `slot`, of the WGSL type of the input's dtype. */
  readonly arg?: (slot: number) => string;
  /** Types of the inputs: `arg` gives those, whatever type the leaf asks for. */
  readonly argTypes?: readonly ScalarType[];
  /** A number given at each run. */
  readonly scalar?: (slot: number, type: ScalarType) => string;
  readonly state?: (slot: number) => string;
  /** As i32. */
  readonly position?: string;
}

const hex = (bits: number): string => `0x${(bits >>> 0).toString(16)}u`;
const float = new Float32Array(1);
const bitsOf = new Uint32Array(float.buffer);

/**
 * Turns expressions into statements of WGSL: one `let` for each node that is not a leaf, so that what is shared is computed once. Expressions have
 * to be lowered before (`lower` in kernel/elementary.ts).
 */
export class Body {
  /** The statements so far. */
  readonly lines: string[] = [];
  readonly #leaves: Leaves;
  readonly #helpers: Set<Helper>;
  readonly #values = new Map<Expr, string>();
  readonly #prefix: string;

  /** `helpers` collects the functions that the shader needs; `prefix` keeps the names of several bodies in one function apart. */
  constructor(leaves: Leaves, helpers: Set<Helper>, prefix: string = "t") {
    this.#leaves = leaves;
    this.#helpers = helpers;
    this.#prefix = prefix;
  }

  /** Marks a helper as used; gives its name. */
  helper(name: Helper): string {
    this.#helpers.add(name);
    return name;
  }

  /** A float32 of these bits, hidden from the compiler's eyes: it may refuse NaN and infinity as constants. */
  bits(bits: number): string {
    return `bitcast<f32>(${hex(bits)} | params.w[0].x)`;
  }

  /** The value of an expression: a name or a constant. */
  value(e: Expr): string {
    let v = this.#values.get(e);
    if (v === undefined) {
      v = this.#compute(e);
      this.#values.set(e, v);
    }
    return v;
  }

  #compute(e: Expr): string {
    const type = scalarTypeOf(e.type);
    const slot = Number(e.value);
    switch (e.prim) {
      case "const":
        return this.#constant(e, type);
      case "arg": {
        const from = this.#leaves.argTypes?.[slot] ?? type;
        return this.#named(this.#converted(this.#leaves.arg!(slot), from, e.type));
      }
      case "scalar":
        return this.#leaves.scalar!(slot, type);
      case "state":
        return this.#leaves.state!(slot);
      case "position":
        return this.#leaves.position!;
      default: {
        const [a = "", b = "", c = ""] = e.src.map((s) => this.value(s));
        return this.#named(spelling[e.prim](this, e, a, b, c));
      }
    }
  }

  /** A value that was loaded as one type in the type that a leaf asks for. */
  #converted(x: string, from: ScalarType, to: ComputeType): string {
    const type = scalarTypeOf(to);
    if (from === type) return x;
    if (type === "f32") return toFloat(from, x);
    if (type === "i32") return toInt(this, to === "i64" ? "float_to_long" : "float_to_int", from, x);
    return from === "f32" ? `((bitcast<u32>(${x}) & 0x7fffffffu) != 0u)` : `(${x} != 0)`;
  }

  #named(text: string): string {
    if (/^\w+$/.test(text)) return text;
    const name = `${this.#prefix}${this.#values.size}_${this.lines.length}`;
    this.lines.push(`let ${name} = ${text};`);
    return name;
  }

  #constant(e: Expr, type: ScalarType): string {
    if (type === "bool") return Number(e.value) === 0 ? "false" : "true";
    if (type === "i32") {
      const n = Number(BigInt.asIntN(32, BigInt(e.value as number | bigint)));
      return n === -(2 ** 31) ? "(-2147483647 - 1)" : `${n < 0 ? `(${n})` : n}`;
    }
    float[0] = Number(e.value);
    const v = float[0];
    // Zeros too: compilers take 0 / x and 0 * x for 0, and x + 0 for x, which NaN, infinities and -0 are not.
    if (!Number.isFinite(v) || v === 0) return this.bits(bitsOf[0]!);
    // A hexadecimal pattern is exact, and shorter than the digits that tell two neighbours apart.
    return Number.isInteger(v) && Math.abs(v) < 1e6 ? `${v < 0 ? `(${v}.0)` : `${v}.0`}` : `bitcast<f32>(${hex(bitsOf[0]!)})`;
  }
}

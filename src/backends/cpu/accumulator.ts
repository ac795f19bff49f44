import type { ComputeType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { type Calls, Codegen, type Lanes } from "./codegen.ts";
import { identity, operation, type Simple } from "./monoid.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";

const noScalars = (): void => {
  throw new Error("simple operations have no scalars");
};

/**
 * A vector that gathers the elements of one component of a simple monoid. The instructions for the minimum and maximum of floats that pass
 * NaN on are eight instructions on x86; here it is one that forgets NaN, and two that remember in which lanes there was one.
 */
export class Accumulator {
  readonly local: number;
  readonly #f: FunctionBuilder;
  readonly #lanes: Lanes;
  readonly #calls: Calls;
  readonly #name: Simple;
  readonly #type: ComputeType;
  readonly #fold: Expr;
  /** Local: the lanes that saw a NaN. */
  readonly #unordered: number;

  constructor(f: FunctionBuilder, lanes: Lanes, calls: Calls, name: Simple, type: ComputeType, local: number) {
    this.#f = f;
    this.#lanes = lanes;
    this.#calls = calls;
    this.#name = name;
    this.#type = type;
    this.#fold = operation(name, type);
    this.local = local;
    const extremum = (name === "min" || name === "max") && (type === "f32" || type === "f64");
    this.#unordered = extremum ? f.local("v128") : -1;
  }

  /** A region over two locals, `state(0)` and `state(1)`. */
  #region(a: number, b: number): Codegen {
    return new Codegen(this.#f, this.#lanes, this.#calls, { scalar: noScalars, state: (slot) => this.#f.get(slot === 0 ? a : b) }, [
      this.#fold,
    ]);
  }

  /** Starts from what is in the local. */
  begin(): void {
    if (this.#unordered < 0) return;
    this.#f.get(this.local).get(this.local);
    this.#region(-1, -1).op(this.#type, "ne").f.set(this.#unordered);
  }

  /** Starts from the value that changes nothing. */
  beginEmpty(): void {
    this.#region(-1, -1).constant(identity(this.#name, this.#type), this.#type).f.set(this.local);
    this.begin();
  }

  /** Takes in a vector (a local). */
  add(element: number): void {
    const f = this.#f;
    if (this.#unordered < 0) {
      this.#region(this.local, element).value(this.#fold).f.set(this.local);
      return;
    }
    f.get(this.local).get(element);
    this.#region(-1, -1)
      .op(this.#type, this.#name === "max" ? "pmax" : "pmin")
      .f.set(this.local);
    f.get(this.#unordered).get(element).get(element);
    this.#region(-1, -1).op(this.#type, "ne").f.op("v128.or").set(this.#unordered);
  }

  /** Leaves the result in the local. */
  end(): void {
    if (this.#unordered < 0) return;
    const f = this.#f;
    // All bits set are a NaN.
    f.get(this.local).get(this.#unordered).op("v128.or").set(this.local);
  }

  /** Replaces the lanes of a vector (a local) that `mask` (a local) leaves out by what changes nothing. */
  mask(element: number, mask: number): void {
    this.#f.get(element);
    this.#region(-1, -1).constant(identity(this.#name, this.#type), this.#type);
    this.#f.get(mask).op("v128.bitselect").set(element);
  }
}

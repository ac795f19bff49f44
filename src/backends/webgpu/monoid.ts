import { bool, type ComputeType, type DType, float32, int32 } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import * as expr from "../../kernel/expr.ts";
import { arg, cast, constant, type Expr, mentions, position, state, substitute } from "../../kernel/expr.ts";
import type { Output } from "../../kernel/kernel.ts";
import { type ScalarType, scalarTypeOf } from "./format.ts";
import { format, type Shader } from "./shader.ts";
import { declareScalars, scalarTypes } from "./words.ts";

/** What a kernel says of its monoid. */
export interface Source {
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly outputs: readonly Output[];
  /** Pairs of components: an int64 and its float32 twin, which tells where the integer wrapped. See `watching`. */
  readonly watched?: readonly (readonly [number, number])[];
}

const operations = { add: expr.add, mul: expr.mul, min: expr.min, max: expr.max, and: expr.and, or: expr.or };
type Operation = keyof typeof operations;

/** The operation that combines component `k` alone, if that is all it does. Expressions are interned, so equality is identity. */
function operationOf({ combine }: { readonly combine: readonly Expr[] }, k: number): Operation | null {
  const e = combine[k]!;
  const [a, b] = [state(k, e.type), state(combine.length + k, e.type)];
  const names = Object.keys(operations) as Operation[];
  return names.find((name) => e.prim === name && (e === operations[name](a, b) || e === operations[name](b, a))) ?? null;
}

/** The dtype that keeps values of a WGSL type between two passes, in a word each. */
const keepers: { readonly [K in ScalarType]: DType } = { f32: float32, i32: int32, bool };

/** Numbers beyond 32 bits, which stand for the least and the greatest, become the least and the greatest there are. */
function clamped(e: Expr): Expr {
  if (e.prim !== "const" || e.type !== "i64") return e;
  const value = BigInt(e.value as number | bigint);
  if (value === BigInt.asIntN(32, value)) return e;
  return constant(value < 0n ? -(2 ** 31) : 2 ** 31 - 1, "i64");
}

/** A wrapped sum and the same sum in float32 differ by this much only where it does not fit into 32 bits. */
const FAR = "1073741824.0";

/**
 * The monoid of a reduction or scan as WGSL: a struct `State` and functions over it. Positions and all int64 are i32.
 *
 *     init_state() -> State
 *     lift(a0, a1, ..., pos: i32) -> State        one element
 *     fold(s: State, a0, ..., pos: i32) -> State  combine(s, lift(...))
 *     combine(s: State, r: State) -> State        s is the left one
 *     finish_0(s: State) -> type of output 0      and so on
 *     overflowed(s: State) -> bool                where the monoid was asked to watch for it
 */
export class Monoid {
  /** The type of each component. */
  readonly types: readonly ScalarType[];
  /** The dtype in which each component is kept between two passes. */
  readonly kept: readonly DType[];
  readonly scalars: readonly (ComputeType | null)[];
  readonly usesPosition: boolean;
  /** Whether elements may be combined in any order. */
  readonly commutative: boolean;
  /** Whether rounding errors grow with the number of elements that are combined one after the other. */
  readonly rounds: boolean;
  readonly outputs: readonly Output[];
  readonly #watched: readonly (readonly [number, number])[];
  readonly #init: readonly Expr[];
  readonly #lift: readonly Expr[];
  readonly #combine: readonly Expr[];
  readonly #fold: readonly Expr[];

  constructor(source: Source) {
    const { init, lift, combine } = source;
    this.#watched = source.watched ?? [];
    const n = init.length;
    this.#init = init.map(clamped).map(lower);
    this.#lift = lift.map(lower);
    this.#combine = combine.map(lower);
    const right = new Map<Expr, Expr>(this.#lift.map((e, k) => [state(n + k, e.type), e]));
    // One expression, so that what lifting and combining share is computed once.
    this.#fold = this.#combine.map((e) => substitute(e, new Map(right)));
    this.outputs = source.outputs.map(({ dtype, value }) => {
      const same = scalarTypeOf(value.type) === format(dtype).type;
      return { dtype, value: lower(same ? value : cast(value, dtype)) };
    });
    this.types = init.map((e) => scalarTypeOf(e.type));
    this.kept = this.types.map((t) => keepers[t]);
    this.scalars = scalarTypes([...this.#init, ...this.#lift, ...this.#combine, ...this.outputs.map((o) => o.value)]);
    this.usesPosition = this.#lift.some((e) => mentions(e, position));
    this.commutative = !this.usesPosition && combine.every((_, k) => operationOf(source, k) !== null);
    this.rounds = combine.some((e, k) => {
      const operation = operationOf(source, k);
      return e.type === "f32" && operation !== "min" && operation !== "max" && !picks(e);
    });
  }

  /** The dtypes that a pass stores: the components, where it keeps them for another, or else the outputs. */
  results(keeps: boolean): readonly DType[] {
    return keeps ? this.kept : this.outputs.map((o) => o.dtype);
  }

  /** Whether it tells overflow. */
  get watches(): boolean {
    return this.#watched.length > 0;
  }

  /** Declares the struct and the functions in a shader. `inputs`: the WGSL types of the inputs. */
  declare(s: Shader, inputs: readonly ScalarType[]): void {
    const n = this.types.length;
    const scalar = declareScalars(s, this.scalars);
    const args = [...inputs.map((t, k) => `a${k}: ${t}`), "pos: i32"].join(", ");
    const components = (slot: number): string => (slot < n ? `s.c${slot}` : `r.c${slot - n}`);
    const declare = (name: string, parameters: string, roots: readonly Expr[], result: string, make: (v: string[]) => string): void => {
      const body = s.body({ arg: (slot) => `a${slot}`, argTypes: inputs, scalar, position: "pos", state: components });
      const values = roots.map((e) => body.value(e));
      s.declarations.push(`fn ${name}(${parameters}) -> ${result} {\n${body.lines.join("\n")}\nreturn ${make(values)};\n}`);
    };
    const whole = (values: string[]): string => `State(${values.join(", ")})`;
    s.declarations.push(`struct State { ${this.types.map((t, k) => `c${k}: ${t}`).join(", ")} }`);
    declare("init_state", "", this.#init, "State", whole);
    declare("lift", args, this.#lift, "State", whole);
    declare("fold", `s: State, ${args}`, this.#fold, "State", whole);
    declare("combine", "s: State, r: State", this.#combine, "State", whole);
    this.outputs.forEach((o, k) => {
      declare(`finish_${k}`, "s: State", [o.value], scalarTypeOf(o.value.type), ([v]) => v!);
    });
    if (this.#watched.length === 0) return;
    const far = this.#watched.map(([whole, float]) => `abs(f32(s.c${whole}) - s.c${float}) >= ${FAR}`);
    s.declarations.push(`fn overflowed(s: State) -> bool { return ${far.join(" || ")}; }`);
  }
}

/** Whether the value is one of the components, unchanged. */
const picks = (e: Expr): boolean => e.prim === "state" || (e.prim === "select" && picks(e.src[1]!) && picks(e.src[2]!));

function watchable(source: Source, e: Expr, k: number): boolean {
  const operation = operationOf(source, k);
  return e.type === "i64" && (operation === "add" || operation === "mul");
}

/** Whether there is anything to watch for overflow. */
export const watchesOverflow = (source: Source): boolean => source.combine.some((e, k) => watchable(source, e, k));

/** The monoid with a float32 twin of each int64 sum and product, which does not wrap. */
export function watching(source: Source): Source {
  const n = source.init.length;
  const slots = source.combine.flatMap((e, k) => (watchable(source, e, k) ? [k] : []));
  const total = n + slots.length;
  // The right operands' numbers begin behind those of all left ones.
  const moved = new Map<Expr, Expr>(source.init.map((e, k) => [state(n + k, e.type), state(total + k, e.type)]));
  const float = (e: Expr): Expr => cast(e, float32);
  return {
    init: [...source.init, ...slots.map((k) => float(source.init[k]!))],
    lift: [...source.lift, ...slots.map((k) => float(source.lift[k]!))],
    combine: [
      ...source.combine.map((e) => substitute(e, new Map(moved))),
      ...slots.map((k, j) => operations[operationOf(source, k)!](state(n + j, "f32"), state(total + n + j, "f32"))),
    ],
    outputs: source.outputs,
    watched: slots.map((k, j) => [k, n + j] as const),
  };
}

/** What a second pass does: combines what a first one kept, a component an operand. */
export const resumed = (source: Source): Source => ({ ...source, lift: source.init.map((e, k) => arg(k, e.type)) });

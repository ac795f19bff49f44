import { type ComputeType, type DType, dtypes } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { prims } from "../../kernel/prims.ts";
import { convert, type Value, widest, wrap } from "./elements.ts";

/** Where an expression finds the elements of an operand. */
export interface Loads {
  load(i: number, type: ComputeType): Value;
}
/** What the leaves of an expression stand for. */
export interface Scope {
  /** `arg(k, type)`: element number `element` of operand k. */
  readonly args?: readonly Loads[];
  readonly element?: number;
  readonly position?: number;
  readonly scalars?: readonly Value[] | undefined;
  readonly state?: readonly Value[];
}
/** Computes the value of one node from the values of the nodes before it. */
type Step = (values: readonly Value[], scope: Scope) => Value;

/**
 * Makes a function that evaluates expressions together. The nodes are put in an order in which operands come first, each once however often
 * it is used, and become one step each.
 */
export function evaluator(roots: readonly Expr[]): (scope: Scope) => Value[] {
  const numbers = new Map<Expr, number>();
  const visit = (e: Expr): void => {
    if (numbers.has(e)) return;
    e.src.forEach(visit);
    numbers.set(e, numbers.size);
  };
  roots.forEach(visit);
  const numbersOf = (list: readonly Expr[]): number[] => list.map((e) => numbers.get(e)!);
  const steps = [...numbers.keys()].map((e) => stepOf(e, numbersOf(e.src)));
  const results = numbersOf(roots);
  return (scope) => {
    const values: Value[] = [];
    for (const step of steps) values.push(step(values, scope));
    return results.map((n) => values[n]!);
  };
}

function stepOf(e: Expr, [a = -1, b = -1, c = -1]: number[]): Step {
  const slot = Number(e.value);
  switch (e.prim) {
    case "const": {
      const value = convert(e.value as Value, widest[e.type]);
      return () => value;
    }
    case "arg":
      return (_, scope) => scope.args![slot]!.load(scope.element!, e.type);
    case "scalar":
      return (_, scope) => convert(scope.scalars![slot]!, widest[e.type]);
    case "state":
      return (_, scope) => scope.state![slot]!;
    case "position":
      return (_, scope) => BigInt(scope.position!);
    case "cast":
      return castStep(e, a);
    case "bitcast":
      return (v) => (e.type === "i32" ? bitsOfFloat(v[a] as number) : floatOfBits(v[a] as bigint));
    case "select":
      return (v) => (v[a] ? v[b]! : v[c]!);
    default:
      return e.src[0]!.type === "f32" || e.src[0]!.type === "f64" ? floatStep(e, a, b, c) : intStep(e, a, b);
  }
}

/** Values in between have more digits than float32 can hold: they are rounded to it before a conversion looks at them. */
function castStep(e: Expr, a: number): Step {
  const from = widest[e.src[0]!.type];
  const to: DType = dtypes.find((d) => d.name === e.value)!;
  return (v) => convert(convert(v[a]!, from), to);
}

function floatStep({ prim }: Expr, a: number, b: number, c: number): Step {
  const { js } = prims[prim];
  return (v) => fromTruth(js(v[a] as number, v[b] as number, v[c] as number));
}

function intStep({ prim, type, src }: Expr, a: number, b: number): Step {
  const { int } = prims[prim];
  if (int === undefined) throw new Error(`${prim} is not defined on ${src[0]!.type}`);
  if (prim === "not" && type === "bool") return (v) => (v[a] ? 0n : 1n);
  // The number of bits to shift by is taken modulo the width of the type.
  const mask = (prim === "shl" || prim === "shr") && type === "i32" ? 31n : -1n;
  return (v) => wrap(fromTruth(int(v[a] as bigint, b < 0 ? 0n : (v[b] as bigint) & mask)), widest[type]);
}

const fromTruth = <T extends Value>(value: T | boolean): T | bigint => (typeof value === "boolean" ? BigInt(value) : value);

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

function bitsOfFloat(value: number): bigint {
  float[0] = value;
  return BigInt(bits[0]!);
}

function floatOfBits(value: bigint): number {
  bits[0] = Number(value);
  return float[0]!;
}

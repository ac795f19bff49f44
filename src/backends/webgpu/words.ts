import type { ComputeType } from "../../core/dtype.ts";
import { type Expr, leaves } from "../../kernel/expr.ts";
import { type ScalarType, scalarTypeOf } from "./format.ts";
import type { Recorder } from "./recorder.ts";
import type { Shader } from "./shader.ts";

/** The types of the scalars that expressions name, by slot; null where a slot is not used. */
export function scalarTypes(roots: readonly Expr[]): (ComputeType | null)[] {
  const types: (ComputeType | null)[] = [];
  for (const [slot, e] of leaves(roots, "scalar")) types[slot] = e.type;
  for (let k = 0; k < types.length; k++) types[k] ??= null;
  return types;
}

/** Names a word of parameters for each scalar that is used; the function gives its spelling. */
export function declareScalars(shader: Shader, types: readonly (ComputeType | null)[]): (slot: number) => string {
  const names = types.map((t) => (t === null ? "" : shader.scalar(scalarTypeOf(t) as ScalarType)));
  return (slot) => names[slot]!;
}

/** Writes the scalars of a run, from word `at` on; gives the next word. Integers keep their low 32 bits. */
export function writeScalars(
  recorder: Recorder,
  at: number,
  types: readonly (ComputeType | null)[],
  values: readonly (number | bigint)[] | undefined,
): number {
  let w = at;
  for (let k = 0; k < types.length; k++) {
    const type = types[k];
    if (type === null) continue;
    const value = values![k]!;
    if (type === "f32") recorder.f32[w++] = Number(value);
    else if (type === "bool") recorder.u32[w++] = Number(value) === 0 ? 0 : 1;
    else
      recorder.i32[w++] =
        typeof value === "bigint"
          ? Number(BigInt.asIntN(32, value))
          : Number.isSafeInteger(value) && Math.abs(value) >= 2 ** 31
            ? Number(BigInt.asIntN(32, BigInt(value)))
            : value;
  }
  return w;
}

import type { ComputeType, DType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { type Lanes, visit } from "./codegen.ts";
import { vectorElements, vectorStores } from "./elements.ts";
import { spellings } from "./spelling.ts";

/** Which expressions vectors can compute, and how many elements at a time. */

const lanesOf: { readonly [K in ComputeType]: Lanes | 0 } = { f32: 4, i32: 4, f64: 2, i64: 2, bool: 0 };

/** Whether vectors of so many lanes can compute every expression. Leaves are not looked at; how they are read is the caller's matter. */
export function vectorizes(roots: readonly Expr[], lanes: Lanes): boolean {
  let can = true;
  visit(roots, (e) => {
    const fits = lanesOf[e.type] === 0 || lanesOf[e.type] === lanes;
    const row = spellings[e.prim];
    const known = row.vector === undefined || row.vector(e);
    // There is no instruction between 64-bit integers and floats.
    const converts = e.prim !== "cast" || lanes === 4 || e.type === e.src[0]!.type || e.type === "bool" || e.src[0]!.type === "bool";
    can &&= fits && known && converts;
  });
  return can;
}

/** The weight of the expressions: how many instructions they take, about. */
export function weight(roots: readonly Expr[]): number {
  let n = 0;
  visit(roots, (e) => {
    if (e.src.length > 0) n++;
  });
  return n;
}

/** How many instructions of the longest chain in the expressions wait for one another. */
export function depth(roots: readonly Expr[]): number {
  const depths = new Map<Expr, number>();
  let deepest = 0;
  visit(roots, (e) => {
    let d = 0;
    for (const s of e.src) d = Math.max(d, depths.get(s)!);
    if (e.src.length > 0) d++;
    depths.set(e, d);
    deepest = Math.max(deepest, d);
  });
  return deepest;
}

/** The leaves `arg` under some expressions, each once by slot and type. */
export function argLeaves(roots: readonly Expr[]): { slot: number; type: ComputeType }[] {
  const found: { slot: number; type: ComputeType }[] = [];
  visit(roots, (e) => {
    if (e.prim === "arg") found.push({ slot: Number(e.value), type: e.type });
  });
  return found;
}

/** How many lanes a region can have, its expressions and all that it loads and stores considered. */
export function chooseLanes(roots: readonly Expr[], inputs: readonly DType[], stores: readonly { dtype: DType; value: Expr }[]): Lanes {
  const args = argLeaves(roots);
  for (const lanes of [4, 2] as const) {
    if (!vectorizes(roots, lanes)) continue;
    if (!args.every((a) => vectorElements(inputs[a.slot]!, a.type, lanes))) continue;
    if (stores.every((s) => vectorStores(s.dtype, s.value.type, lanes))) return lanes;
  }
  return 1;
}

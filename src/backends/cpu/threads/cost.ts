import type { Expr } from "../../../kernel/expr.ts";
import type { Lanes } from "../codegen.ts";
import { weight } from "../lanes.ts";

/** Nanoseconds that an element costs by the instructions of its expressions, and by its bytes in the cache; about, as it is on one core. */
const PER_INSTRUCTION = 0.12;
const PER_BYTE = 0.0125;

/** What one element costs a kernel that computes `roots` in vectors of so many lanes from and to operands of these sizes, in nanoseconds. */
export function elementCost(roots: readonly Expr[], lanes: Lanes, itemsizes: readonly number[]): number {
  let bytes = 0;
  for (const size of itemsizes) bytes += size;
  return Math.max((PER_INSTRUCTION * weight(roots)) / lanes, PER_BYTE * bytes);
}

import { indices, type Layout } from "../../core/layout.ts";
import type { LaunchArgs } from "../../kernel/kernel.ts";
import { elementsOf, type Operand } from "./elements.ts";

/**
 * The storage index of each element of an operand some of whose dimensions are looked up: what its layout says, plus index times stride for
 * each looked-up dimension. Throws at the first index out of range.
 */
export function lookUp(layout: Layout, indexOperands: readonly Operand[], { indexed, fault }: LaunchArgs): number[] {
  const tables = elementsOf(indexOperands);
  return Array.from(indices(layout), (base, i) => {
    let place = base;
    tables.forEach((table, which) => {
      const { size, stride, wraps } = indexed![which]!;
      const index = Number(table.load(i, "i64"));
      if (index < (wraps ? -size : 0) || index >= size) throw fault!(index, which);
      place += (index < 0 ? index + size : index) * stride;
    });
    return place;
  });
}

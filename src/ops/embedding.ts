import { int64 } from "../core/dtype.ts";
import { embeddingIndex, embeddingIndexType, embeddingRank } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import { type Rule, rule, type Tensor } from "./define.ts";

/** The rows of a table (v, d) at the places that `index` (...) names: (..., d). `paddingIndex` names a row that gets no gradient, or is -1. */
export const _embedding: Rule<(index: Tensor, paddingIndex: number, scaleByFrequency: boolean) => Tensor> = rule({
  params: ["index", "paddingIndex", "scaleByFrequency"],
  node: "EmbeddingBackward0",
  run: (k, table: Tensor, index: Tensor) => {
    const [rows, width] = table.shape as [number, number];
    const [rowStride, stride] = table.stride() as [number, number];
    const layout = new Layout([...index.shape, width], [...index.shape.map(() => 0), stride], table.storageOffset());
    return k.gather(table, layout, [index.unsqueeze(-1)], [{ size: rows, stride: rowStride, wraps: false }], embeddingIndex);
  },
  save: (_, table: Tensor, index: Tensor, paddingIndex: number, scaleByFrequency: boolean) => ({
    index,
    rows: table.shape[0]!,
    paddingIndex,
    scaleByFrequency,
  }),
  grad: (
    { index, rows, paddingIndex, scaleByFrequency }: { index: Tensor; rows: number; paddingIndex: number; scaleByFrequency: boolean },
    [g],
  ) => {
    const at = index.reshape([-1]);
    let each = g!.reshape([-1, g!.shape.at(-1)!]);
    if (paddingIndex >= 0) each = each.maskedFill(at.eq(paddingIndex).unsqueeze(1), 0);
    if (scaleByFrequency) {
      const counts = g!.newZeros([rows]).indexAdd(0, at, g!.newOnes(at.shape));
      each = each.div(counts.indexSelect(0, at).unsqueeze(1));
    }
    return [g!.newZeros([rows, each.shape[1]!]).indexAdd(0, at, each), null];
  },
});

/** Checks the arguments of a look-up and makes it. */
export function embed(index: Tensor, table: Tensor, paddingIndex: number, scaleByFrequency: boolean): Tensor {
  if (index.dtype !== int64 && index.dtype.name !== "int32") throw embeddingIndexType(index.dtype.scalarName);
  if (table.ndim !== 2) throw embeddingRank();
  return table._embedding(index.to(int64), paddingIndex, scaleByFrequency);
}

import {
  bfloat16,
  bool,
  type Category,
  type DType,
  dtypes,
  float16,
  float32,
  getDefaultDtype,
  int8,
  int16,
  int64,
  uint8,
} from "./dtype.ts";

const rank: Record<Category, number> = { bool: 0, int: 1, float: 2 };

function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  if (rank[a.category] !== rank[b.category]) return rank[a.category] > rank[b.category] ? a : b;
  const pair = (x: DType, y: DType) => (a === x && b === y) || (a === y && b === x);
  if (pair(uint8, int8)) return int16;
  if (pair(float16, bfloat16)) return float32;
  return a.id > b.id ? a : b;
}

// Looked up by `a.id * dtypes.length + b.id`: promotion happens on every op with mixed operands.
const table: readonly DType[] = dtypes.flatMap((a) => dtypes.map((b) => promote(a, b)));

/** The smallest dtype that can hold values of both, by PyTorch's table. */
export const promoteTypes = (a: DType, b: DType): DType => table[a.id * dtypes.length + b.id]!;

/** Whether values of `from` may be written to `to` in place: never from a higher category to a lower one. */
export const canCast = (from: DType, to: DType): boolean =>
  rank[from.category] <= rank[to.category] || (from.category === "float" && to.category === "float");

/** An operand as promotion sees it: 0-d tensors weigh less than dimensioned ones, numbers less than both. */
export interface Promotable {
  readonly dtype: DType;
  readonly ndim: number;
}

/** The dtype that a number stands for: bool, int64 for integers, the default float otherwise. */
export const numberDtype = (category: Category): DType => (category === "bool" ? bool : category === "int" ? int64 : getDefaultDtype());

/**
 * The dtype of an operation's result, by PyTorch's rule: dimensioned tensors decide, unless a 0-d tensor or a number is of a higher category.
 * `numbers` are the categories of the plain numbers among the operands.
 */
export function resultType(tensors: readonly Promotable[], numbers: readonly Category[] = []): DType {
  let dimensioned: DType | undefined;
  let scalars: DType | undefined;
  let wrapped: DType | undefined;
  for (const t of tensors) {
    if (t.ndim > 0) dimensioned = dimensioned === undefined ? t.dtype : promoteTypes(dimensioned, t.dtype);
    else scalars = scalars === undefined ? t.dtype : promoteTypes(scalars, t.dtype);
  }
  for (const category of numbers) {
    const dtype = numberDtype(category);
    wrapped = wrapped === undefined ? dtype : promoteTypes(wrapped, dtype);
  }
  return combine(combine(dimensioned, scalars), wrapped) ?? float32;
}

function combine(higher: DType | undefined, lower: DType | undefined): DType | undefined {
  if (higher === undefined) return lower;
  if (lower === undefined || rank[higher.category] >= rank[lower.category]) return higher;
  return promoteTypes(higher, lower);
}

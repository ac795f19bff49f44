import type { Layout } from "../../../core/layout.ts";
import type { ContractDims } from "../../../kernel/kernel.ts";

/** A dimension with its strides, in elements, in each operand. An operand that does not have the dimension has stride 0. */
export interface Dim {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** A contraction c = start + a * b, its dimensions in four groups, outermost first. `d` is what the sum starts from. */
export interface Problem {
  readonly batch: readonly Dim[];
  readonly m: readonly Dim[];
  readonly n: readonly Dim[];
  readonly k: readonly Dim[];
  /** The operands a and b have changed places, and the rows with the columns. */
  readonly swapped: boolean;
}

/** The number of index combinations of a group. */
export function count(group: readonly Dim[]): number {
  let n = 1;
  for (const dim of group) n *= dim.size;
  return n;
}

/**
 * The problem in as few dimensions as possible: sizes of 1 go, dimensions that lie in memory like one become one, a batch dimension that
 * one operand does not see becomes rows or columns (a convolution's images are columns of one product), and the output's columns are those
 * of its groups that lie closest together.
 */
export function problemOf(a: Layout, b: Layout, c: Layout, d: Layout | null, dims: ContractDims): Problem {
  const batch: Dim[] = [];
  const m: Dim[] = [];
  const n: Dim[] = [];
  const k: Dim[] = [];
  const start = d?.strides;
  for (let i = 0; i < dims.batch; i++) {
    const dim = { size: a.shape[i]!, a: a.strides[i]!, b: b.strides[i]!, c: c.strides[i]!, d: start?.[i] ?? 0 };
    if (dim.size === 1) continue;
    if (dim.a === 0) n.push(dim);
    else if (dim.b === 0) m.push(dim);
    else batch.push(dim);
  }
  for (let i = 0; i < dims.m; i++) {
    const p = dims.batch + i;
    if (a.shape[p] !== 1) m.push({ size: a.shape[p]!, a: a.strides[p]!, b: 0, c: c.strides[p]!, d: start?.[p] ?? 0 });
  }
  for (let i = 0; i < dims.n; i++) {
    const p = dims.batch + dims.k + i;
    const q = dims.batch + dims.m + i;
    if (b.shape[p] !== 1) n.push({ size: b.shape[p]!, a: 0, b: b.strides[p]!, c: c.strides[q]!, d: start?.[q] ?? 0 });
  }
  for (let i = 0; i < dims.k; i++) {
    const p = dims.batch + dims.m + i;
    if (a.shape[p] !== 1) k.push({ size: a.shape[p]!, a: a.strides[p]!, b: b.strides[dims.batch + i]!, c: 0, d: 0 });
  }
  const rows = merged(sorted(m));
  const columns = merged(sorted(n));
  const swapped = !dense(columns) && (dense(rows) || columns.length === 0);
  const steps = merged(k);
  const outer = merged(batch);
  return swapped
    ? { batch: outer.map(mirrored), m: columns.map(mirrored), n: rows.map(mirrored), k: steps.map(mirrored), swapped }
    : { batch: outer, m: rows, n: columns, k: steps, swapped };
}

const byOutput = (x: Dim, y: Dim): number => Math.abs(y.c) - Math.abs(x.c);
const sorted = (group: Dim[]): Dim[] => (group.length > 1 ? group.sort(byOutput) : group);
const dense = (group: readonly Dim[]): boolean => group.length > 0 && group[group.length - 1]!.c === 1;
const mirrored = (dim: Dim): Dim => ({ size: dim.size, a: dim.b, b: dim.a, c: dim.c, d: dim.d });

/** Joins neighbours that lie in every operand like one dimension. */
function merged(group: readonly Dim[]): readonly Dim[] {
  if (group.length <= 1) return group;
  const out: Dim[] = [];
  for (const dim of group) {
    const outer = out[out.length - 1];
    const { size, a, b, c, d } = dim;
    if (outer !== undefined && outer.a === size * a && outer.b === size * b && outer.c === size * c && outer.d === size * d) {
      out[out.length - 1] = { size: outer.size * size, a, b, c, d };
    } else out.push(dim);
  }
  return out;
}

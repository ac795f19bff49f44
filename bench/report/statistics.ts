export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The greatest over the least: 1 where all rounds agree. */
export const spread = (values: readonly number[]): number => Math.max(...values) / Math.min(...values);

/** What a column of a row gave: in each round a median (null where it sat out), or why there is nothing. */
export type Cell = { readonly rounds: readonly (number | null)[]; readonly best: number } | { readonly none: string };

const taken = (rounds: readonly (number | null)[]): number[] => rounds.filter((x) => x !== null);

/** The median over rounds; null where nothing was measured. */
export const figure = (cell: Cell | undefined): number | null => {
  if (cell === undefined || "none" in cell || taken(cell.rounds).length === 0) return null;
  return median(taken(cell.rounds));
};

/** How many times another's figure a figure is: the median of the rounds that both took part in, so that a slow minute touches both alike. */
export function ratio(cell: Cell | undefined, other: Cell | undefined): number | null {
  const [a, b] = [figure(cell), figure(other)];
  if (a === null || b === null) return null;
  const [mine, theirs] = [cell, other] as { rounds: readonly (number | null)[] }[];
  const each = mine!.rounds.flatMap((x, i) => {
    const y = theirs!.rounds[i] ?? null;
    return x === null || y === null ? [] : [x / y];
  });
  return each.length < 2 ? a / b : median(each);
}

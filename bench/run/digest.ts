/** Results are compared by some of their numbers, and by the mean of all. */
export interface Digest {
  readonly length: number;
  /** Of absolute values. */
  readonly mean: number | null;
  /** JSON has no NaN: null. */
  readonly samples: readonly (number | null)[];
}

/** How many numbers of a result are compared. */
export const POSITIONS = 512;

/** Where they stand: one in each of as many parts, at places that do not share a column. */
export function positionsOf(length: number, positions: number): number[] {
  if (length <= positions) return Array.from({ length }, (_, i) => i);
  const each = Math.floor(length / positions);
  return Array.from({ length: positions }, (_, i) => i * each + ((i * 7919) % each));
}

export function digest(values: ArrayLike<number>, positions: number): Digest {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += Math.abs(values[i]!);
  return { length: values.length, mean: total / values.length, samples: positionsOf(values.length, positions).map((i) => values[i]!) };
}

interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}
const near = (x: number | null, y: number | null, { absolute, relative }: Tolerance): boolean =>
  x !== null && y !== null && Math.abs(x - y) <= absolute + relative * Math.abs(y);

/** How far results are from others: null where they are near enough, else a sentence. */
export function mistake(found: readonly Digest[], reference: readonly Digest[], tolerance: Tolerance): string | null {
  if (found.length !== reference.length) return `${found.length} results in place of ${reference.length}`;
  for (const [k, { length, mean, samples }] of found.entries()) {
    const other = reference[k]!;
    const of = found.length > 1 ? ` of result ${k}` : "";
    if (length !== other.length) return `${length} numbers${of} in place of ${other.length}`;
    const at = samples.findIndex((x, i) => !near(x, other.samples[i]!, tolerance));
    if (at >= 0) return `number ${at}${of} is ${samples[at]}, not ${other.samples[at]}`;
    if (!near(mean, other.mean, tolerance)) return `the mean${of} is ${mean}, not ${other.mean}`;
  }
  return null;
}

import {
  multinomialEntryInfinite,
  multinomialEntryNegative,
  multinomialInvalid,
  multinomialNoSamples,
  multinomialSum,
  multinomialTooFew,
  multinomialTooMany,
} from "../errors.ts";
import { fillExponential } from "./continuous.ts";
import type { FloatArray } from "./elements.ts";
import type { Generator } from "./generator.ts";

/**
 * `multinomial(weights, n, replacement)`: for each of `rows` rows of `cols` weights, `n` column numbers drawn with probabilities
 * that are proportional to the weights. Gives rows * n numbers.
 *
 * Without replacement these are the columns with the largest `weight / e`, where the e are exponential
 * (P. Efraimidis and P. Spirakis, "Weighted random sampling with a reservoir", 2006). With replacement each draw inverts the
 * cumulative distribution, in the dtype of the weights.
 */
export function multinomial(
  g: Generator,
  weights: FloatArray,
  rows: number,
  cols: number,
  n: number,
  replacement: boolean,
): BigInt64Array<ArrayBuffer> {
  if (n <= 0) throw multinomialNoSamples();
  if (!replacement && n > cols) throw multinomialTooFew();
  if (cols > 2 ** 24) throw multinomialTooMany();
  const out = new BigInt64Array(rows * n);
  if (replacement) invert(g, weights, cols, n, out);
  else race(g, weights, cols, n, out);
  return out;
}

function race(g: Generator, weights: FloatArray, cols: number, n: number, out: BigInt64Array): void {
  for (const weight of weights) if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) throw multinomialInvalid();
  for (let row = 0; row < weights.length; row += cols) {
    if (weights.subarray(row, row + cols).every((weight) => weight === 0)) throw multinomialSum();
  }
  const scores = weights.slice();
  fillExponential(g, scores);
  for (let i = 0; i < scores.length; i++) scores[i] = weights[i]! / scores[i]!;
  for (let row = 0, o = 0; row < scores.length; row += cols, o += n) {
    if (n === 1) out[o] = BigInt(largest(scores, row, cols));
    else {
      const order = Uint32Array.from({ length: cols }, (_, i) => i).sort((a, b) => scores[row + b]! - scores[row + a]!);
      for (let i = 0; i < n; i++) out[o + i] = BigInt(order[i]!);
    }
  }
}

function largest(scores: FloatArray, row: number, cols: number): number {
  let best = 0;
  for (let i = 1; i < cols; i++) if (scores[row + i]! > scores[row + best]!) best = i;
  return best;
}

function invert(g: Generator, weights: FloatArray, cols: number, n: number, out: BigInt64Array): void {
  const cumulative = weights.slice(0, cols);
  for (let row = 0, o = 0; o < out.length; row += cols, o += n) {
    accumulate(weights, row, cumulative);
    for (let i = 0; i < n; i++) out[o + i] = BigInt(firstNotBelow(cumulative, g.u53()));
  }
}

/** Running sums of a row, divided by the total. */
function accumulate(weights: FloatArray, row: number, cumulative: FloatArray): void {
  let last = 0;
  for (let i = 0; i < cumulative.length; i++) {
    const weight = weights[row + i]!;
    if (!(weight >= 0)) throw multinomialEntryNegative();
    if (weight === Number.POSITIVE_INFINITY) throw multinomialEntryInfinite();
    cumulative[i] = last + weight;
    last = cumulative[i]!;
  }
  if (!(last > 0)) throw multinomialSum();
  for (let i = 0; i < cumulative.length; i++) cumulative[i] = cumulative[i]! / last;
  cumulative[cumulative.length - 1] = 1;
}

function firstNotBelow(sorted: FloatArray, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

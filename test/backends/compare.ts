import type { DType } from "../../src/core/dtype.ts";
import type { Tolerance } from "./case.ts";
import type { Value } from "./operands.ts";

/** Digits of the significand, and the exponent of the smallest number. */
const formats: Partial<Record<DType["name"], readonly [digits: number, smallest: number]>> = {
  float16: [11, -24],
  bfloat16: [8, -133],
  float32: [24, -149],
  float64: [53, -1074],
};

/** The distance between a number and the next of its dtype. */
export function ulp(x: number, dtype: DType): number {
  const [digits, smallest] = formats[dtype.name]!;
  return 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - digits + 1, smallest);
}

function smallestNormal(dtype: DType): number {
  const [digits, smallest] = formats[dtype.name]!;
  return 2 ** (smallest + digits - 1);
}

function agree(
  expected: Value,
  actual: Value,
  dtype: DType,
  { ulp: ulps, floor = 0, signedZero = true }: Tolerance,
  flushes: boolean,
): boolean {
  if (Object.is(expected, actual)) return true;
  if (typeof expected === "bigint" || typeof actual === "bigint" || !dtype.isFloatingPoint) return false;
  if (expected === actual) return !signedZero;
  if (flushes && Math.max(Math.abs(expected), Math.abs(actual)) <= 2 * smallestNormal(dtype)) return true;
  if (!Number.isFinite(expected) || !Number.isFinite(actual)) return false;
  return Math.abs(expected - actual) <= ulps * ulp(Math.max(Math.abs(expected), floor), dtype);
}

/** A sentence about the first element that differs, and how many do; null where none does. */
export function difference(
  expected: readonly Value[],
  actual: readonly Value[],
  dtype: DType,
  tolerance: Tolerance,
  flushes: boolean,
): string | null {
  const wrong = expected.flatMap((e, i) => (agree(e, actual[i]!, dtype, tolerance, flushes) ? [] : [i]));
  const first = wrong[0];
  if (first === undefined) return null;
  const text = (x: Value): string => (Object.is(x, -0) ? "-0" : String(x));
  return `${wrong.length} of ${expected.length} differ, storage[${first}]: expected ${text(expected[first]!)}, got ${text(actual[first]!)}`;
}

import { seedNotWhole, seedOutOfRange } from "../errors.ts";

const smallestSeed = -(2n ** 63n);
const largestSeed = 2n ** 64n - 1n;

/** A generator's seed as bigint. Raises PyTorch's RuntimeError for a number that is not whole and for one out of range. */
export function wholeSeed(seed: number | bigint): bigint {
  if (typeof seed === "number" && !Number.isInteger(seed)) throw seedNotWhole();
  const whole = BigInt(seed);
  if (whole < smallestSeed || whole > largestSeed) throw seedOutOfRange();
  return whole;
}

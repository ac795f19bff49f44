import type { Tensor } from "../../src/index.ts";
import { ulp } from "../backends/compare.ts";
import { type DType, Nd, type OpInfo } from "./info.ts";
import { rounded } from "./nd.ts";
import { numbers, sameShape, tensorsOf } from "./realize.ts";

/** Whether a float result is near enough to a formula's value. */
function near(actual: number, expected: number, dtype: DType, info: OpInfo): boolean {
  if (Object.is(actual, expected)) return true;
  const nearest = rounded(expected, dtype);
  if (Object.is(actual, nearest)) return true;
  if (expected === 0 && actual === 0) return info.eitherZero ?? false;
  if (!Number.isFinite(nearest) || !Number.isFinite(actual)) return false;
  const half = dtype.itemsize === 2;
  const allowed = half ? (info.halfUlp ?? 1) + 0.5 : info.ulp! + 0.5;
  // Half floats are computed in float32, so that cancelled terms cost digits of that.
  const floor = (info.floor ?? 0) * (half && info.halfUlp === undefined ? 0.02 : 1);
  return Math.abs(actual - expected) <= allowed * ulp(Math.max(Math.abs(expected), floor), dtype);
}

export const resultTypes = (info: OpInfo, dtype: DType, count: number): readonly DType[] =>
  info.results !== undefined && count > 1 ? info.results(dtype) : new Array<DType>(count).fill((info.result ?? ((d) => d))(dtype));

/** The smallest normal float32. */
const SMALLEST = 2 ** -126;

/** What is wrong with a result: a sentence for each thing. `flushed`: smaller numbers than the smallest normal one may be 0. */
export async function complaints(
  info: OpInfo,
  result: unknown,
  expected: Nd | readonly Nd[],
  dtype: DType,
  flushed: boolean = false,
): Promise<string[]> {
  const actual = tensorsOf(result);
  const meant = expected instanceof Nd ? [expected] : expected;
  if (actual.length !== meant.length) return [`${actual.length} results instead of ${meant.length}`];
  const types = resultTypes(info, dtype, actual.length);
  const found = await Promise.all(actual.map((y, i) => wrong(info, y, meant[i]!, types[i]!, flushed)));
  return found.filter((s) => s !== null);
}

async function wrong(info: OpInfo, y: Tensor, expected: Nd, dtype: DType, flushed: boolean): Promise<string | null> {
  if (!sameShape(y.shape, expected.shape)) return `shape [${y.shape}] instead of [${expected.shape}]`;
  if (y.dtype !== dtype) return `dtype ${y.dtype.name} instead of ${dtype.name}`;
  if (info.undefinedValues) return null;
  const values = await numbers(y);
  const bad = values.findIndex((v, i) => {
    const e = expected.data[i]!;
    return dtype.isFloatingPoint
      ? !(near(v, e, dtype, info) || (flushed && Math.abs(e) < SMALLEST && Math.abs(v) < SMALLEST))
      : v !== rounded(Number.isFinite(e) ? e : 0, dtype);
  });
  if (bad < 0) return null;
  return `element ${bad} is ${Object.is(values[bad], -0) ? "-0" : values[bad]} instead of ${Object.is(expected.data[bad], -0) ? "-0" : expected.data[bad]}`;
}

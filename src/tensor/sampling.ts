import { float32, float64, int64 } from "../core/dtype.ts";
import { notForDtype, ShapeError } from "../core/errors.ts";
import * as distributions from "../core/random/distributions.ts";
import { byPosition } from "./arguments.ts";
import { fromValues } from "./encode.ts";
import { defaultGenerator, type RandomOptions, randint } from "./random.ts";
import type { Tensor } from "./tensor.ts";

type Generator = NonNullable<RandomOptions["generator"]>;

/** Values that a host algorithm draws from: float64 as it is, everything else as float32. */
const hostValues = (x: Tensor): Float32Array | Float64Array =>
  (x.dtype === float64 ? x : x.to(float32)).toTypedArraySync() as Float32Array | Float64Array;

/**
 * Draws positions with probabilities proportional to weights (cols) or, row by row, (rows, cols): int64 of shape (numSamples) or
 * (rows, numSamples). Without `replacement` each position is drawn at most once in a row.
 */
export function multinomial(
  input: Tensor,
  ...given: readonly (number | boolean | { numSamples?: number; replacement?: boolean; generator?: Generator | null } | null)[]
): Tensor {
  const [numSamples, replacement, generator] = byPosition("multinomial", ["numSamples", "replacement", "generator"], given) as [
    number,
    boolean?,
    Generator?,
  ];
  if (!input.isFloatingPoint()) throw notForDtype("multinomial", input.dtype.scalarName);
  if (input.ndim !== 1 && input.ndim !== 2) throw new ShapeError("prob_dist must be 1 or 2 dim");
  const cols = input.shape.at(-1)!;
  const rows = input.ndim === 1 ? 1 : input.shape[0]!;
  const drawn = distributions.multinomial(generator ?? defaultGenerator, hostValues(input), rows, cols, numSamples, replacement ?? false);
  return fromValues(drawn, input.ndim === 1 ? [numSamples] : [rows, numSamples], int64, input.device);
}

/** A whole number of the Poisson distribution for every rate in `input`, in its shape and dtype. */
export function poisson(input: Tensor, options: { generator?: Generator | null } = {}): Tensor {
  if (!input.isFloatingPoint()) throw notForDtype("poisson_cpu", input.dtype.scalarName);
  const rates = hostValues(input);
  const out = rates instanceof Float64Array ? new Float64Array(rates.length) : new Float32Array(rates.length);
  distributions.fillPoisson(options.generator ?? defaultGenerator, out, rates);
  return fromValues(out, input.shape, input.dtype, input.device);
}

/** Whole numbers from `low` (0) to `high`, exclusive, in the shape, dtype and on the device of `input`: `randintLike(x, high)`, `randintLike(x, low, high)`. */
export function randintLike(input: Tensor, ...given: readonly (number | bigint | RandomOptions)[]): Tensor {
  const last = given.at(-1);
  const options = typeof last === "object" ? last : {};
  const bounds = typeof last === "object" ? given.slice(0, -1) : given;
  return randint(...bounds, input.shape, { ...options, dtype: options.dtype ?? input.dtype, device: options.device ?? input.device });
}

import { withGrad } from "../autograd/modes.ts";
import { float32, float64, int64 } from "../core/dtype.ts";
import { multinomialInvalid, multinomialNoSamples, multinomialSum, multinomialTooFew, notForDtype, ShapeError } from "../core/errors.ts";
import * as distributions from "../core/random/distributions.ts";
import { ownedBy } from "../memory/ownership.ts";
import { cat } from "../ops/joining.ts";
import { byPosition } from "./arguments.ts";
import { arange } from "./creation.ts";
import { fromValues } from "./encode.ts";
import { checkReadable, isReadable, raiseWhere } from "./faults.ts";
import { cpuGenerator } from "./generators.ts";
import { type RandomOptions, randint } from "./random.ts";
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
  if (!isReadable(input.device)) return raced(input, numSamples, replacement ?? false, generator ?? null);
  const source = cpuGenerator(generator);
  const cols = input.shape.at(-1)!;
  const rows = input.ndim === 1 ? 1 : input.shape[0]!;
  const drawn = distributions.multinomial(source, hostValues(input), rows, cols, numSamples, replacement ?? false);
  return fromValues(drawn, input.ndim === 1 ? [numSamples] : [rows, numSamples], int64, input.device);
}

/**
 * `multinomial` on the device: each draw is the position of the largest `weight / e`, where the e are exponential. With replacement every draw has
 * numbers of its own; without, the draws are the largest in order (P. Efraimidis and P. Spirakis, "Weighted random sampling with a reservoir", 2006).
 */
function raced(input: Tensor, n: number, replacement: boolean, generator: Generator | null): Tensor {
  const cols = input.shape.at(-1)!;
  if (n <= 0) throw multinomialNoSamples();
  if (!replacement && n > cols) throw multinomialTooFew();
  const draw = (): Tensor => {
    const weights = input.detach().to(float32);
    raiseWhere(weights.ge(0).logicalAnd(weights.isfinite()).logicalNot(), multinomialInvalid);
    raiseWhere(weights.sum(-1).le(0), multinomialSum);
    const scores = (draws: number): Tensor => {
      const w = weights.unsqueeze(-2);
      const e = w.newEmpty(w.shape.with(-2, draws)).exponential_(1, { generator });
      return w.div(e);
    };
    if (replacement || n === 1) return scores(n).argmax(-1);
    const left = scores(1).squeeze(-2);
    const places = arange(cols, { device: input.device });
    const order: Tensor[] = [];
    for (let i = 0; i < n; i++) {
      const largest = left.argmax(-1, true);
      order.push(largest);
      left.maskedFill_(places.eq(largest), -1);
    }
    return cat(order, -1);
  };
  return ownedBy(
    () => withGrad(false, draw),
    (y) => [y],
  );
}

/**
 * A whole number of the Poisson distribution for every rate in `input`, in its shape and dtype.
 * @throws DeviceError where the rates cannot be read at once: there, `await torch.poissonAsync(rates)`.
 */
export function poisson(input: Tensor, options: { generator?: Generator | null } = {}): Tensor {
  if (!input.isFloatingPoint()) throw notForDtype("poisson_cpu", input.dtype.scalarName);
  checkReadable(input, "poisson()", "await torch.poissonAsync(rates)");
  const rates = hostValues(input);
  const out = rates instanceof Float64Array ? new Float64Array(rates.length) : new Float32Array(rates.length);
  distributions.fillPoisson(cpuGenerator(options.generator), out, rates);
  return fromValues(out, input.shape, input.dtype, input.device);
}
/** `poisson` on every device: the rates are read first, and the numbers are drawn by the CPU's generator. */
export async function poissonAsync(input: Tensor, options: { generator?: Generator | null } = {}): Promise<Tensor> {
  if (isReadable(input.device)) return poisson(input, options);
  const rates = await input.detach().cpu();
  const drawn = poisson(rates, options);
  try {
    return await drawn.to(input.device);
  } finally {
    rates.dispose();
    drawn.dispose();
  }
}

/** Whole numbers from `low` (0) to `high`, exclusive, in the shape, dtype and on the device of `input`: `randintLike(x, high)`, `randintLike(x, low, high)`. */
export function randintLike(input: Tensor, ...given: readonly (number | bigint | RandomOptions)[]): Tensor {
  const last = given.at(-1);
  const options = typeof last === "object" ? last : {};
  const bounds = typeof last === "object" ? given.slice(0, -1) : given;
  return randint(...bounds, input.shape, { ...options, dtype: options.dtype ?? input.dtype, device: options.device ?? input.device });
}

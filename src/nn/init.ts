/**
 * `nn.init`: fills tensors in place, without recording, and gives them back. On the CPU the values are PyTorch's for the same seed, bit for bit
 * (`orthogonal_` to the rounding of a QR decomposition).
 */
import { withGrad } from "../autograd/modes.ts";
import { diracGroups, fanMode, gainNonlinearity, gainSlope, initRank } from "../core/errors.ts";
import { empty } from "../tensor/creation.ts";
import { fromValues } from "../tensor/encode.ts";
import { randperm } from "../tensor/random.ts";
import { ownedBy } from "../tensor/scratch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { positional } from "./arguments.ts";
import { fans } from "./fans.ts";
import { orthonormalColumns } from "./init/orthonormal.ts";
import { truncatedNormal } from "./init/truncated-normal.ts";
import { warn } from "./warn.ts";

/** The functions whose gain is known. */
export type Nonlinearity =
  | "linear"
  | "conv1d"
  | "conv2d"
  | "conv3d"
  | "conv_transpose1d"
  | "conv_transpose2d"
  | "conv_transpose3d"
  | "sigmoid"
  | "tanh"
  | "relu"
  | "leaky_relu"
  | "selu";
/** Which number of connections keeps its variance: those into an output (forward), or those out of an input (backward). */
export type FanMode = "fan_in" | "fan_out";

/** Runs a filling without recording, releases what it creates, and gives the tensor back. */
function filling<T extends Tensor>(tensor: T, fill: () => unknown): T {
  ownedBy(
    () => withGrad(false, fill),
    () => [],
  );
  return tensor;
}

/** The factor by which a nonlinearity wants its weights scaled. `param` is the negative slope of `leaky_relu`. */
export function calculateGain(nonlinearity: Nonlinearity, param?: number | null): number {
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.sqrt(2);
    case "leaky_relu": {
      const slope = param ?? 0.01;
      if (typeof slope !== "number") throw gainSlope(param);
      return Math.sqrt(2 / (1 + slope ** 2));
    }
    case "selu":
      return 3 / 4;
    case "linear":
    case "conv1d":
    case "conv2d":
    case "conv3d":
    case "conv_transpose1d":
    case "conv_transpose2d":
    case "conv_transpose3d":
    case "sigmoid":
      return 1;
    default:
      throw gainNonlinearity(nonlinearity);
  }
}

/** Uniform in [a, b). */
export function uniform_<T extends Tensor>(tensor: T, ...args: [a?: number | { a?: number; b?: number }, b?: number | { b?: number }]): T {
  const [a = 0, b = 1] = positional("uniform_", ["a", "b"], 0, args) as [number?, number?];
  return filling(tensor, () => tensor.uniform_(a, b));
}
/** Normal with a mean and a standard deviation. */
export function normal_<T extends Tensor>(
  tensor: T,
  ...args: [mean?: number | { mean?: number; std?: number }, std?: number | { std?: number }]
): T {
  const [mean = 0, std = 1] = positional("normal_", ["mean", "std"], 0, args) as [number?, number?];
  return filling(tensor, () => tensor.normal_(mean, std));
}

/** Options of `truncNormal_`. */
export interface TruncNormalOptions {
  mean?: number;
  std?: number;
  a?: number;
  b?: number;
}
/** Normal with a mean and a standard deviation, without what falls outside [a, b] (these are values, not multiples of `std`). */
export function truncNormal_<T extends Tensor>(
  tensor: T,
  ...args: [
    mean?: number | TruncNormalOptions,
    std?: number | TruncNormalOptions,
    a?: number | TruncNormalOptions,
    b?: number | TruncNormalOptions,
  ]
): T {
  const [mean = 0, std = 1, a = -2, b = 2] = positional("truncNormal_", ["mean", "std", "a", "b"], 0, args) as [
    number?,
    number?,
    number?,
    number?,
  ];
  if (mean < a - 2 * std || mean > b + 2 * std) {
    warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.");
  }
  return filling(tensor, () => truncatedNormal(tensor, mean, std, a, b));
}

/** One value everywhere. */
export const constant_ = <T extends Tensor>(tensor: T, val: number): T => filling(tensor, () => tensor.fill_(val));
/** Ones. */
export const ones_ = <T extends Tensor>(tensor: T): T => constant_(tensor, 1);
/** Zeros. */
export const zeros_ = <T extends Tensor>(tensor: T): T => filling(tensor, () => tensor.zero_());

/** The identity matrix; the tensor has two dimensions. */
export function eye_<T extends Tensor>(tensor: T): T {
  if (tensor.ndim !== 2) throw initRank("2");
  return filling(tensor, () => {
    tensor.zero_();
    tensor.diagonal().fill_(1);
  });
}

/** The weight (out, in, ...) of a convolution that passes its channels through unchanged, group by group. */
export function dirac_<T extends Tensor>(tensor: T, groups: number | { groups?: number } = 1): T {
  const count = typeof groups === "number" ? groups : (groups.groups ?? 1);
  if (tensor.ndim < 3 || tensor.ndim > 5) throw initRank("3, 4, or 5");
  const [out, into, ...kernel] = tensor.shape as [number, number, ...number[]];
  if (out % count !== 0) throw diracGroups();
  const perGroup = out / count;
  return filling(tensor, () => {
    tensor.zero_();
    for (let i = 0; i < count * Math.min(perGroup, into); i++) {
      const channel = i % Math.min(perGroup, into);
      const row = Math.floor(i / Math.min(perGroup, into)) * perGroup + channel;
      tensor.setAt([row, channel, ...kernel.map((n) => Math.floor(n / 2))], 1);
    }
  });
}

/** Uniform with the variance 2 / (fanIn + fanOut) times the square of `gain`. Source: Glorot and Bengio 2010. */
export function xavierUniform_<T extends Tensor>(tensor: T, gain: number | { gain?: number } = 1): T {
  const bound = Math.sqrt(3) * xavierStd(tensor, gain);
  return filling(tensor, () => tensor.uniform_(-bound, bound));
}
/** Normal with the variance 2 / (fanIn + fanOut) times the square of `gain`. Source: Glorot and Bengio 2010. */
export function xavierNormal_<T extends Tensor>(tensor: T, gain: number | { gain?: number } = 1): T {
  const std = xavierStd(tensor, gain);
  return filling(tensor, () => tensor.normal_(0, std));
}
function xavierStd(tensor: Tensor, gain: number | { gain?: number }): number {
  const { fanIn, fanOut } = fans(tensor);
  return (typeof gain === "number" ? gain : (gain.gain ?? 1)) * Math.sqrt(2 / (fanIn + fanOut));
}

/** Options of Kaiming's initialisation. */
export interface KaimingOptions {
  /** The negative slope, for `leaky_relu`. */
  a?: number;
  mode?: FanMode;
  nonlinearity?: Nonlinearity;
}
type KaimingArguments = [a?: number | KaimingOptions, mode?: FanMode | KaimingOptions, nonlinearity?: Nonlinearity | KaimingOptions];
/** Uniform with the variance that keeps that of a rectified signal. Source: He, Zhang, Ren and Sun 2015. */
export function kaimingUniform_<T extends Tensor>(tensor: T, ...args: KaimingArguments): T {
  const std = kaimingStd("kaimingUniform_", tensor, args);
  if (std === null) return tensor;
  const bound = Math.sqrt(3) * std;
  return filling(tensor, () => tensor.uniform_(-bound, bound));
}
/** Normal with the variance that keeps that of a rectified signal. Source: He, Zhang, Ren and Sun 2015. */
export function kaimingNormal_<T extends Tensor>(tensor: T, ...args: KaimingArguments): T {
  const std = kaimingStd("kaimingNormal_", tensor, args);
  return std === null ? tensor : filling(tensor, () => tensor.normal_(0, std));
}
/** The standard deviation, or null where there is nothing to fill. */
function kaimingStd(name: string, tensor: Tensor, args: KaimingArguments): number | null {
  const [a = 0, mode = "fan_in", nonlinearity = "leaky_relu"] = positional(name, ["a", "mode", "nonlinearity"], 0, args) as [
    number?,
    FanMode?,
    Nonlinearity?,
  ];
  if (tensor.shape.includes(0)) {
    warn("Initializing zero-element tensors is a no-op");
    return null;
  }
  if (mode !== "fan_in" && mode !== "fan_out") throw fanMode(mode);
  const { fanIn, fanOut } = fans(tensor);
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === "fan_in" ? fanIn : fanOut);
}

/** Rows (or columns, whichever are fewer) that are orthonormal, times `gain`. Dimensions after the first count as one. Source: Saxe et al. 2013. */
export function orthogonal_<T extends Tensor>(tensor: T, gain: number | { gain?: number } = 1): T {
  if (tensor.ndim < 2) throw initRank("2 or more");
  if (tensor.numel() === 0) return tensor;
  const rows = tensor.shape[0]!;
  const columns = tensor.numel() / rows;
  return filling(tensor, () => {
    const drawn = empty([rows, columns], { dtype: tensor.dtype, device: "cpu" }).normal_(0, 1);
    const tall = rows < columns ? drawn.t() : drawn;
    const [m, n] = tall.shape as [number, number];
    const q = orthonormalColumns(tall.double().toTypedArraySync() as Float64Array, m, n);
    const result = fromValues(q, [m, n], tensor.dtype, tensor.device);
    tensor.copy_((rows < columns ? result.t() : result).reshape(tensor.shape)).mul_(typeof gain === "number" ? gain : (gain.gain ?? 1));
  });
}

/** Normal numbers with a fraction `sparsity` of each column set to zero; the tensor has two dimensions. Source: Martens 2010. */
export function sparse_<T extends Tensor>(
  tensor: T,
  ...args: [sparsity: number | { sparsity: number; std?: number }, std?: number | { std?: number }]
): T {
  const [sparsity, std = 0.01] = positional("sparse_", ["sparsity", "std"], 1, args) as [number, number?];
  if (tensor.ndim !== 2) throw initRank("2");
  const [rows, columns] = tensor.shape as [number, number];
  const zeros = Math.ceil(sparsity * rows);
  return filling(tensor, () => {
    tensor.normal_(0, std);
    for (let column = 0; column < columns; column++) {
      const order = randperm(rows, { device: tensor.device });
      tensor.setAt([order.narrow(0, 0, zeros), column], 0);
    }
  });
}

import { type ComputeType, type DType, float32, float64, int64 } from "../core/dtype.ts";
import { indexOutOfBounds } from "../core/errors.ts";
import { expandTo, extent, indices, Layout } from "../core/layout.ts";
import { fillBernoulliTensor } from "../core/random/distributions.ts";
import type { Generator } from "../core/random/generator.ts";
import { allocate, allocateContiguous } from "../dispatch/allocate.ts";
import type { Device } from "../dispatch/device.ts";
import type { Operand } from "../dispatch/operand.ts";
import * as run from "../dispatch/run.ts";
import { resultLayout } from "../dispatch/strides.ts";
import { add, arg, cast, type Expr, max, min, mul, position, scalar, state, substitute } from "../kernel/expr.ts";
import type {
  ContractDims,
  ContractKernel,
  GatherKernel,
  Indexed,
  LaunchArgs,
  RandomKernel,
  RandomSource,
  ReduceKernel,
  ScanKernel,
  ScatterKernel,
} from "../kernel/kernel.ts";
import { RowProgram } from "../kernel/row-program.ts";
import type { MapLoop, ReduceDefinition, ReduceLoop, RowsLoop, ScanLoop } from "../ops/define.ts";
import { fromValues } from "./encode.ts";
import { isReadable, raiseWhere } from "./faults.ts";
import { converted, filled, generated, generatorKernel } from "./fill.ts";
import { Tensor } from "./tensor.ts";

/** How elements that a scatter brings together combine. */
export type ScatterMode = "set" | "add" | "mul" | "max" | "min";
export type Fault = NonNullable<LaunchArgs["fault"]>;
type Distribution = RandomKernel["distribution"];

/**
 * The vocabulary in which rules are written: kernels over tensors. Nothing here is recorded; operands come as views of the shapes that the kind of
 * kernel asks for, and results are new tensors unless a target is named.
 */
export interface Kernels {
  /** A new tensor whose values are whatever was in the memory. */
  empty(shape: readonly number[], dtype: DType, device: Device): Tensor;
  /** A new tensor with the strides given; where they leave gaps, it has those too. */
  emptyStrided(shape: readonly number[], strides: readonly number[], dtype: DType, device: Device): Tensor;
  /** A new tensor of the shape, dtype and device of another, dense, with its dimensions in the same order in memory. */
  emptyLike(x: Tensor): Tensor;
  /** A new tensor of one value. */
  full(shape: readonly number[], value: number | bigint | boolean, dtype: DType, device: Device): Tensor;
  /** The values as another dtype, in a new tensor. */
  convert(x: Tensor, dtype: DType): Tensor;
  /** The tensor seen through another layout. */
  view(x: Tensor, layout: Layout): Tensor;
  /** Where each element of a layout lies in its storage, plus `shift`, as int64. */
  positions(layout: Layout, shift: number, device: Device): Tensor;
  /** A small tensor of whole numbers. */
  integers(values: readonly number[], shape: readonly number[], device: Device): Tensor;
  /** A map of the rule's own, row-major. */
  map(loop: MapLoop, inputs: readonly Tensor[], out: DType, scalars?: readonly (number | bigint)[]): Tensor;
  /** `more.operands`: what a loop of several operands reads beside x, stretched to its shape; `more.parameter`: for the loop's scalars. */
  reduce(
    loop: ReduceLoop,
    x: Tensor,
    dims: readonly number[],
    keepdim?: boolean,
    more?: { operands?: readonly Tensor[]; parameter?: number },
  ): Tensor[];
  /** The rows of x along `dims` (ascending); `operands` are stretched to its shape. What is one for each row keeps `dims` with size 1. */
  rows(loop: RowsLoop, x: Tensor, dims: readonly number[], operands?: readonly Tensor[], scalars?: readonly number[]): Tensor[];
  scan(loop: ScanLoop, x: Tensor, dim: number): Tensor[];
  /** a [batch, m, k] times b [batch, k, n], by the number of dimensions in each group; `bias` is added, expanded to the result. */
  contract(a: Tensor, b: Tensor, dims: ContractDims, bias?: Tensor | null): Tensor;
  /** `asSource`: the result's dimensions lie in memory in the order of the source's, else row-major. */
  gather(source: Tensor, layout: Layout, indices: readonly Tensor[], indexed: readonly Indexed[], fault: Fault, asSource?: boolean): Tensor;
  /** Writes `values` into a target that the rule has just made, or (`inplace`) into one that others see. */
  scatter(
    target: Tensor,
    layout: Layout,
    values: Tensor,
    indices: readonly Tensor[],
    indexed: readonly Indexed[],
    mode: ScatterMode,
    fault: Fault,
    inplace?: boolean,
  ): void;
  /** Copies elements of one dtype into a tensor that the rule has just made. */
  copy(from: Tensor, to: Tensor): void;
  /** Raises an error if a mask holds anywhere; see Note [Errors that depend on values]. */
  raiseWhere(mask: Tensor, error: () => Error): void;
  /** 1 with the probability that each element gives. Where the host can read the probabilities, it draws, as PyTorch does; else the device. */
  bernoulli(p: Tensor, generator: RandomSource): Tensor;
  random(distribution: Distribution, out: Tensor, generator: RandomSource, parameters: readonly (number | bigint)[]): void;
}

const modes: readonly ScatterMode[] = ["set", "add", "mul", "max", "min"];
const distributionNames: readonly Distribution[] = [
  "uniform",
  "normal",
  "bernoulli",
  "exponential",
  "randint",
  "random",
  "geometric",
  "cauchy",
  "logNormal",
];
const combines: Record<Exclude<ScatterMode, "set">, (a: Expr, b: Expr) => Expr> = { add, mul, max, min };

/** Kernels by dtypes and variant, made when first needed. Keys are numbers: building a string for every call would cost more than the lookup. */
class KernelTable<K> {
  private readonly table = new Map<number, K>();
  get(key: number, make: () => K): K {
    let k = this.table.get(key);
    if (k === undefined) {
      k = make();
      this.table.set(key, k);
    }
    return k;
  }
}
const contracts = new Map<number, ContractKernel>();
const gathers = new KernelTable<GatherKernel>();
const scatters = new KernelTable<ScatterKernel>();
const randoms = new KernelTable<RandomKernel>();

function contractKernel(a: DType, b: DType, bias: DType | null): ContractKernel {
  const key = (a.id * 16 + b.id) * 16 + (bias === null ? 15 : bias.id);
  let kernel = contracts.get(key);
  if (kernel === undefined) {
    kernel = newContract(a, b, bias);
    contracts.set(key, kernel);
  }
  return kernel;
}
function newContract(a: DType, b: DType, bias: DType | null): ContractKernel {
  const compute: ComputeType = a.compute === "bool" ? "i32" : a.compute;
  const sum = state(0, compute);
  const value = bias === null ? sum : add(sum, argOf(2, bias, compute));
  return { kind: "contract", inputs: bias === null ? [a, b] : [a, b, bias], compute, output: { dtype: a, value }, compiled: [] };
}

function argOf(slot: number, dtype: DType, type: ComputeType): Expr {
  if (dtype.compute !== type) throw new Error("the bias of a contraction has its dtype");
  return arg(slot, type);
}

/** The loop of a monoid for a dtype; kernels are kept on the loop, by the dtype's id. */
function loopKernel<K extends ReduceKernel | ScanKernel>(
  kind: K["kind"],
  loop: ReduceDefinition & { kernels: unknown[] },
  input: DType,
): K {
  const known = loop.kernels[input.id];
  if (known !== undefined) return known as K;
  const computed = loop.compute(input);
  const { init, lift, combine, outputs } = loop.monoid(computed.compute);
  const inputs = [input, ...(loop.operands ?? []).map((d) => d ?? input)];
  const replace = new Map<Expr, Expr>();
  inputs.forEach((dtype, i) => {
    // Operands of the input's dtype come in the type of computation; the others are what the loop says they are.
    if (dtype === input && input !== computed) replace.set(arg(i, computed.compute), cast(arg(i, input.compute), computed));
  });
  const dtypes = loop.outputs(computed);
  const kernel = {
    kind,
    inputs,
    init,
    combine,
    compiled: [],
    lift: lift.map((e) => substitute(e, new Map(replace))),
    outputs: outputs.map((value, i) => ({ dtype: dtypes[i]!, value: value.type === dtypes[i]!.compute ? value : cast(value, dtypes[i]!) })),
  } as unknown as K;
  loop.kernels[input.id] = kernel;
  return kernel;
}

const fresh = (shape: readonly number[], dtype: DType, device: Device): Tensor => new Tensor(allocateContiguous(shape, dtype, device));

const expanded = (x: Operand, shape: readonly number[]): Operand => (x.layout.shape === shape ? x : x.view(expandTo(x.layout, shape)));
function operandsOf(xs: readonly Tensor[]): Operand[] {
  const operands = new Array<Operand>(xs.length);
  for (let i = 0; i < xs.length; i++) operands[i] = xs[i]!.operand;
  return operands;
}

const NO_MORE: NonNullable<Parameters<Kernels["reduce"]>[4]> = {};
const asTensors = (operands: readonly Operand[]): Tensor[] =>
  operands.length === 1 ? [new Tensor(operands[0]!)] : operands.map((o) => new Tensor(o));

/** Whether dimensions are in order. */
function ascend(dims: readonly number[]): boolean {
  for (let i = 1; i < dims.length; i++) if (dims[i]! < dims[i - 1]!) return false;
  return true;
}
/** The number of elements along some dimensions. */
function countOf(shape: readonly number[], dims: readonly number[]): number {
  let count = 1;
  for (let i = 0; i < dims.length; i++) count *= shape[dims[i]!]!;
  return count;
}

/** Whole numbers below 2^53 as int64, without a bigint for each. */
function asInt64(values: readonly number[]): BigInt64Array {
  const words = new Int32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]!;
    words[2 * i + 1] = Math.floor(values[i]! / 2 ** 32);
  }
  return new BigInt64Array(words.buffer);
}

const fromFirst = (i: Expr): Expr => add(i, scalar(0, "i64"));

export const kernels: Kernels = {
  empty: fresh,
  emptyStrided(shape, strides, dtype, device) {
    const layout = new Layout(shape, strides, 0);
    return new Tensor(allocateContiguous([extent(layout)], dtype, device).view(layout));
  },
  emptyLike: (x) => new Tensor(allocate(resultLayout(x.shape, [x.layout]), x.dtype, x.device)),
  full: filled,
  convert: converted,
  view: (x, layout) => new Tensor(x.operand.view(layout)),

  integers: (values, shape, device) => fromValues(asInt64(values), shape, int64, device),
  positions(layout, shift, device) {
    if (layout.isContiguous)
      return generated(generatorKernel("positions", int64, fromFirst), layout.shape, device, [layout.offset + shift]);
    const at = new BigInt64Array(layout.numel);
    let i = 0;
    for (const p of indices(layout)) at[i++] = BigInt(p + shift);
    return fromValues(at, layout.shape, int64, device);
  },
  map(loop, inputs, out, scalars = []) {
    let key = out.id;
    for (const x of inputs) key = key * 16 + x.dtype.id;
    let kernel = loop.kernels.get(key);
    if (kernel === undefined) {
      const value = loop.f(
        inputs.map((x, i) => arg(i, x.dtype.compute)),
        scalar,
        position,
      );
      kernel = {
        kind: "map",
        inputs: inputs.map((x) => x.dtype),
        outputs: [{ dtype: out, value: value.type === out.compute ? value : cast(value, out) }],
        compiled: [],
      };
      loop.kernels.set(key, kernel);
    }
    const operands = operandsOf(inputs);
    run.commonDevice(operands);
    // Row-major: `position` counts that way.
    return new Tensor(run.mapOne(kernel, operands, { scalars }, true));
  },

  reduce(loop, x, dims, keepdim = false, more = NO_MORE) {
    loop.check?.(x.dtype);
    const sorted = ascend(dims) ? dims : [...dims].sort((a, b) => a - b);
    if (loop.nonEmpty) run.checkNonEmpty(loop.name, x.operand, sorted);
    const args = loop.scalars === undefined ? undefined : { scalars: loop.scalars(countOf(x.shape, sorted), more.parameter ?? 0) };
    const operands = [x.operand];
    if (more.operands !== undefined) for (const t of more.operands) operands.push(expanded(t.operand, x.shape));
    return asTensors(run.reduce(loopKernel<ReduceKernel>("reduce", loop, x.dtype), operands, sorted, keepdim, args));
  },

  rows(loop, x, dims, more = [], scalars) {
    const operands = [x.operand];
    let key = x.dtype.id;
    for (let i = 0; i < more.length; i++) {
      const t = more[i]!;
      key = key * 16 + t.dtype.id;
      operands.push(expanded(t.operand, x.shape));
    }
    let kernel = loop.kernels.get(key);
    if (kernel === undefined) {
      const program = new RowProgram(operands.map((o) => o.dtype));
      const wide = x.dtype.compute === "f64" ? float64 : float32;
      const values = loop.program(program, program.x).map((v) => ({ ...v, dtype: v.per === "element" ? x.dtype : wide }));
      kernel = program.kernel(values);
      loop.kernels.set(key, kernel);
    }
    if (more.length > 0) run.commonDevice(operands);
    return asTensors(run.rows(kernel, operands, dims, scalars));
  },

  scan(loop, x, dim) {
    loop.check?.(x.dtype);
    return asTensors(run.scan(loopKernel<ScanKernel>("scan", loop, x.dtype), x.operand, dim));
  },

  contract(a, b, dims, bias = null) {
    // Of its final length from the start: an array that grows takes room for many.
    const shape = new Array<number>(dims.batch + dims.m + dims.n);
    const rows = dims.batch + dims.m;
    for (let d = 0; d < shape.length; d++) shape[d] = d < rows ? a.shape[d]! : b.shape[d - rows + dims.batch + dims.k]!;
    const out = fresh(shape, a.dtype, a.device);
    const inputs = [a.operand, b.operand];
    if (bias !== null) inputs.push(bias.operand.view(expandTo(bias.layout, shape)));
    run.commonDevice(inputs);
    run.contract(contractKernel(a.dtype, b.dtype, bias?.dtype ?? null), inputs, out.operand, { dims });
    return out;
  },

  gather(source, layout, indices, indexed, fault, asSource = false) {
    const inputs = [source.operand.view(layout)];
    for (let i = 0; i < indices.length; i++) inputs.push(expanded(indices[i]!.operand, layout.shape));
    run.commonDevice(inputs);
    const target = asSource
      ? resultLayout(
          layout.shape,
          inputs.map((x) => x.layout),
        )
      : Layout.contiguous(layout.shape);
    const out = new Tensor(allocate(target, source.dtype, source.device));
    const kernel = gathers.get(source.dtype.id * 64 + indices.length, () => ({
      kind: "gather",
      inputs: [source.dtype, ...indices.map(() => int64)],
      compiled: [],
    }));
    run.gather(kernel, inputs, out.operand, indexed, fault);
    return out;
  },

  scatter(target, layout, values, indices, indexed, mode, fault, inplace = false) {
    const { dtype } = target;
    const kernel = scatters.get((dtype.id * 64 + indices.length) * 8 + modes.indexOf(mode), () => ({
      kind: "scatter",
      inputs: [dtype, ...indices.map(() => int64)],
      compiled: [],
      combine: mode === "set" ? null : combines[mode](state(0, dtype.compute), state(1, dtype.compute)),
    }));
    run.commonDevice([target.operand, values.operand, ...indices.map((i) => i.operand)]);
    const inputs = [values.operand.view(expandTo(values.layout, layout.shape)), ...expandAll(indices, layout.shape)];
    run.scatter(kernel, inputs, target.operand.view(layout), indexed, fault, !inplace);
  },

  copy: (from, to) => run.copyPart(from.operand, to.operand),

  raiseWhere,

  bernoulli(p, generator) {
    if (!isReadable(p.device)) {
      const u = fresh(p.shape, float32, p.device);
      kernels.random("uniform", u, generator, [0, 1]);
      return u.lt(p).convert(p.dtype);
    }
    const wide = p.dtype === float64;
    const probabilities = (wide ? p : p.to(float32)).toTypedArraySync() as Float32Array | Float64Array;
    const out = wide ? new Float64Array(probabilities.length) : new Float32Array(probabilities.length);
    fillBernoulliTensor(generator as Generator, out, probabilities);
    return fromValues(out, p.shape, p.dtype, p.device);
  },

  random(distribution, out, generator, parameters) {
    const kernel = randoms.get(distributionNames.indexOf(distribution) * 16 + out.dtype.id, () => ({
      kind: "random",
      inputs: [],
      distribution,
      output: out.dtype,
      compiled: [],
    }));
    run.random(kernel, out.operand, { generator, parameters });
  },
};

const expandAll = (xs: readonly Tensor[], shape: readonly number[]) => xs.map((x) => expanded(x.operand, shape));

/** The fault of an index into dimension `dim` of size `size`. */
export const boundsFault =
  (dims: readonly number[], sizes: readonly number[], pythonType?: string): Fault =>
  (value, which) =>
    indexOutOfBounds(value, dims[which]!, sizes[which]!, pythonType);

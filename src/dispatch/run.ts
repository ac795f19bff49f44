import type { DType } from "../core/dtype.ts";
import { differentDevices, reduceEmptyDim, sizeMismatch } from "../core/errors.ts";
import { broadcastShapes, expandTo, Layout, permute, sameShape } from "../core/layout.ts";
import type {
  ContractKernel,
  CopyKernel,
  GatherKernel,
  Indexed,
  Kernel,
  LaunchArgs,
  MapKernel,
  RandomKernel,
  ReduceKernel,
  RowsKernel,
  ScanKernel,
  ScatterKernel,
} from "../kernel/kernel.ts";
import { allocate, allocateContiguous, allocateEach, allocateOutputs } from "./allocate.ts";
import type { Device } from "./device.ts";
import { execute, overwrite } from "./executor.ts";
import type { Operand } from "./operand.ts";
import { checkWritable, overlapsItself, partlyOverlaps } from "./overlap.ts";
import { resultLayout } from "./strides.ts";

const NONE: LaunchArgs = {};

/** The device that the operands share. */
export function commonDevice(operands: readonly Operand[]): Device {
  const { device } = operands[0]!;
  for (let i = 1; i < operands.length; i++) {
    if (operands[i]!.device !== device) throw differentDevices(device.type, operands[i]!.device.type);
  }
  return device;
}

/** The shape that the operands broadcast to. */
export function commonShape(operands: readonly Operand[]): readonly number[] {
  let { shape } = operands[0]!.layout;
  for (let i = 1; i < operands.length; i++) {
    const other = operands[i]!.layout.shape;
    if (sameShape(shape, other)) continue;
    const both = broadcastShapes(shape, other);
    if (!Array.isArray(both)) throw sizeMismatch(both.a, both.b, both.dim);
    shape = both;
  }
  return shape;
}

const expand = (x: Operand, shape: readonly number[]): Operand =>
  x.layout.shape === shape || sameShape(x.layout.shape, shape) ? x : x.view(expandTo(x.layout, shape));

/** Runs a map over broadcast operands into a new operand per output, laid out as the operands are unless it is to be row-major. */
export function map(kernel: MapKernel, inputs: readonly Operand[], args: LaunchArgs = NONE, rowMajor: boolean = false): Operand[] {
  const device = commonDevice(inputs);
  const shape = commonShape(inputs);
  const expanded: Operand[] = [];
  const layouts: Layout[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const x = expand(inputs[i]!, shape);
    expanded.push(x);
    layouts.push(x.layout);
  }
  const layout = rowMajor ? Layout.contiguous(shape) : resultLayout(shape, layouts);
  const outputs = allocateOutputs(kernel.outputs, layout, device);
  if (layout.numel > 0) execute(kernel, expanded, outputs, args);
  return outputs;
}

/** Whether the operands have one shape and are contiguous: nothing has to be stretched or ordered. */
function isFlat(layout: Layout, operands: readonly Operand[]): boolean {
  if (!layout.isContiguous) return false;
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i]!.layout;
    if (x !== layout && !(x.isContiguous && sameShape(x.shape, layout.shape))) return false;
  }
  return true;
}

/** `map` with one output. The device is known to be one. */
export function mapOne(kernel: MapKernel, inputs: readonly Operand[], args: LaunchArgs = NONE, rowMajor: boolean = false): Operand {
  const { layout, device } = inputs[0]!;
  if (!isFlat(layout, inputs)) return map(kernel, inputs, args, rowMajor)[0]!;
  const y = allocate(layout.isPlain ? layout : Layout.contiguous(layout.shape), kernel.outputs[0]!.dtype, device);
  if (layout.numel > 0) execute(kernel, inputs, [y], args);
  return y;
}

/** Runs a map over operands that are known to have the shape `shape` (or broadcast to it), without any: for kernels of `position` alone. */
export function generate(kernel: MapKernel, shape: readonly number[], device: Device, args: LaunchArgs = NONE): Operand {
  const out = allocateContiguous(shape, kernel.outputs[0]!.dtype, device);
  if (out.layout.numel > 0) execute(kernel, [], [out], args);
  return out;
}

function write(kernel: MapKernel, inputs: readonly Operand[], out: Operand, args: LaunchArgs): void {
  if (out.layout.numel > 0) overwrite(kernel, inputs, [out], args);
  else if (!out.untracked) out.storage.version++;
}

/** Whether an input lies in the output's storage, or on another device, without being the output itself. */
function sharesWithOthers(out: Operand, inputs: readonly Operand[]): boolean {
  for (let i = 0; i < inputs.length; i++) {
    const x = inputs[i]!;
    if (x !== out && (x.storage === out.storage || x.device !== out.device)) return true;
  }
  return false;
}

/** Runs a map whose only output is written over `out`. Operands that partly overlap it are read from a copy. */
export function mapInto(kernel: MapKernel, inputs: readonly Operand[], out: Operand, args: LaunchArgs = NONE): void {
  if (isFlat(out.layout, inputs) && !sharesWithOthers(out, inputs)) {
    write(kernel, inputs, out, args);
    return;
  }
  checkWritable(out);
  for (let i = 0; i < inputs.length; i++)
    if (inputs[i]!.device !== out.device) throw differentDevices(out.device.type, inputs[i]!.device.type);
  const { shape } = out.layout;
  const expanded = inputs.map((x) => expand(x, shape));
  const copies: Operand[] = [];
  try {
    for (let i = 0; i < expanded.length; i++) {
      if (!partlyOverlaps(expanded[i]!, out)) continue;
      const copied = copy(expanded[i]!);
      copied.storage.retain();
      copies.push(copied);
      expanded[i] = copied;
    }
    write(kernel, expanded, out, args);
  } finally {
    for (const c of copies) c.storage.release();
  }
}

/** A map of operands of one shape whose outputs are written over: they are inputs too, or nobody has seen their values yet. */
export interface Update {
  readonly kernel: MapKernel;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly args: LaunchArgs;
}

/** Whether an output of an update shows an element twice, or shares memory with another output or with an input that is not itself. */
function isEntangled({ inputs, outputs }: Update): boolean {
  for (let i = 0; i < outputs.length; i++) {
    const out = outputs[i]!;
    if (overlapsItself(out.layout)) return true;
    let sharing = 0;
    for (let k = 0; k < inputs.length; k++) if (inputs[k]!.storage === out.storage) sharing++;
    if (sharing > 1) return true;
    for (let k = 0; k < i; k++) if (outputs[k]!.storage === out.storage) return true;
  }
  return false;
}

/** Runs updates, one after the other. Gives false, with nothing written, where memory is shared within one of them. */
export function updateEach(updates: readonly Update[]): boolean {
  for (let i = 0; i < updates.length; i++) if (isEntangled(updates[i]!)) return false;
  for (let i = 0; i < updates.length; i++) {
    const { kernel, inputs, outputs, args } = updates[i]!;
    if (outputs[0]!.layout.numel > 0) overwrite(kernel, inputs, outputs, args);
  }
  return true;
}

/** The dimensions of `ndim` that are not among `dims`, which ascend. */
function keptDims(ndim: number, dims: readonly number[]): number[] {
  // Of its final length from the start: an array that grows takes room for many.
  const kept = new Array<number>(ndim - dims.length);
  let k = 0;
  for (let d = 0; d < ndim; d++) {
    if (dims[k] === d) k++;
    else kept[d - k] = d;
  }
  return kept;
}

/** Reduces operands of one shape over `dims` (ascending); the results have the kept dimensions, or all with those of size 1. */
export function reduce(
  kernel: ReduceKernel,
  operands: readonly Operand[],
  dims: readonly number[],
  keepdim: boolean,
  args: LaunchArgs = NONE,
): Operand[] {
  const x = operands[0]!;
  const { shape } = x.layout;
  if (dims.length === shape.length && !keepdim) {
    const single = allocateOutputs(kernel.outputs, Layout.contiguous([]), x.device);
    execute(kernel, operands, single, args);
    return single;
  }
  const kept = keptDims(shape.length, dims);
  // The kernel reduces the last dimensions.
  const areLast = dims.length === 0 || dims[0] === kept.length;
  const inputs = areLast ? operands : operands.map((o) => o.view(permute(o.layout, [...kept, ...dims])));
  const left = new Array<number>(kept.length);
  for (let i = 0; i < kept.length; i++) left[i] = shape[kept[i]!]!;
  const outputs = allocateOutputs(kernel.outputs, Layout.contiguous(left), x.device);
  if (outputs[0]!.layout.numel > 0) execute(kernel, inputs, outputs, args);
  if (!keepdim) return outputs;
  const full = Layout.contiguous(shape.map((n, d) => (dims.includes(d) ? 1 : n)));
  return outputs.map((o) => o.view(full));
}

/**
 * Runs a rows kernel over operands of one shape; `dims` (ascending) are the rows'. What is one for each element comes in that shape, row-major; what
 * is one for each row with those dimensions of size 1.
 */
export function rows(kernel: RowsKernel, operands: readonly Operand[], dims: readonly number[], scalars: LaunchArgs["scalars"]): Operand[] {
  const { layout, device } = operands[0]!;
  const { shape } = layout;
  const whole = layout.isPlain ? layout : Layout.contiguous(shape);
  const rank = shape.length - dims.length;
  const args = scalars === undefined ? { kept: rank } : { kept: rank, scalars };
  const areLast = dims.length === 0 || dims[0] === rank;
  if (areLast && kernel.outputs.length === 1 && kernel.outputs[0]!.per === "element") {
    const out = allocate(whole, kernel.outputs[0]!.dtype, device);
    if (layout.numel > 0) execute(kernel, operands, [out], args);
    return [out];
  }
  const kept = keptDims(shape.length, dims);
  const turned = (o: Operand): Operand => (areLast ? o : o.view(permute(o.layout, [...kept, ...dims])));
  const single = Layout.contiguous(shape.map((n, d) => (dims.includes(d) ? 1 : n)));
  const outputs = allocateEach(kernel.outputs, (o) => allocate(o.per === "element" ? whole : single, o.dtype, device));
  const perRow = new Layout(
    kept.map((d) => shape[d]!),
    kept.map((d) => single.strides[d]!),
    0,
  );
  const targets = outputs.map((o, i) => (kernel.outputs[i]!.per === "element" ? turned(o) : o.view(perRow)));
  if (single.numel > 0) execute(kernel, operands.map(turned), targets, args);
  return outputs;
}

/** Raises where a reduction without a neutral element would reduce over nothing. */
export function checkNonEmpty(op: string, x: Operand, dims: readonly number[]): void {
  if (x.layout.numel === 0) for (const d of dims) if (x.layout.shape[d] === 0) throw reduceEmptyDim(op, d);
}

/** Scans along one dimension. */
export function scan(kernel: ScanKernel, x: Operand, dim: number, args: LaunchArgs = NONE): Operand[] {
  const last = x.layout.ndim - 1;
  const outputs = allocateOutputs(kernel.outputs, Layout.contiguous(x.layout.shape), x.device);
  if (x.layout.numel === 0) return outputs;
  if (last < 0) {
    const lift = (o: Operand) => o.view(Layout.contiguous([1], o.layout.offset));
    execute(kernel, [lift(x)], outputs.map(lift), args);
    return outputs;
  }
  const order = [...x.layout.shape.keys()].filter((d) => d !== dim).concat(dim);
  const turned = (o: Operand) => (dim === last ? o : o.view(permute(o.layout, order)));
  execute(kernel, [turned(x)], outputs.map(turned), args);
  return outputs;
}

/** out[batch, m, n] = a[batch, m, k] b[batch, k, n]; see ContractKernel. Further operands go to the epilogue, expanded to the output. */
export function contract(kernel: ContractKernel, inputs: readonly Operand[], out: Operand, args: LaunchArgs): void {
  if (out.layout.numel > 0) execute(kernel, inputs, [out], args);
}

export const gather = (
  kernel: GatherKernel,
  inputs: readonly Operand[],
  out: Operand,
  indexed: readonly Indexed[],
  fault: NonNullable<LaunchArgs["fault"]>,
): void => {
  if (out.layout.numel > 0) execute(kernel, inputs, [out], { indexed, fault });
};

/** Writes into `target`, whose values elsewhere stay. `fresh`: nobody has seen the target yet. */
export function scatter(
  kernel: ScatterKernel,
  inputs: readonly Operand[],
  target: Operand,
  indexed: readonly Indexed[],
  fault: NonNullable<LaunchArgs["fault"]>,
  fresh: boolean,
): void {
  if (target.layout.numel > 0) (fresh ? execute : overwrite)(kernel, inputs, [target], { indexed, fault });
}

const copyKernels = new Map<DType, CopyKernel>();
function copyKernel(dtype: DType): CopyKernel {
  let kernel = copyKernels.get(dtype);
  if (kernel === undefined) {
    kernel = { kind: "copy", inputs: [dtype], compiled: [] };
    copyKernels.set(dtype, kernel);
  }
  return kernel;
}

/** Copies into part of a new operand. */
export function copyPart(from: Operand, to: Operand): void {
  if (to.layout.numel > 0) execute(copyKernel(from.dtype), [expand(from, to.layout.shape)], [to], NONE);
}

/** A row-major copy. */
export function copy(x: Operand): Operand {
  const out = allocateContiguous(x.layout.shape, x.dtype, x.device);
  copyPart(x, out);
  return out;
}

/** Fills a new row-major operand with random numbers. */
export function random(kernel: RandomKernel, out: Operand, args: NonNullable<LaunchArgs["random"]>): void {
  if (out.layout.numel > 0) execute(kernel, [], [out], { random: args });
}

/** The kernels whose compiled form is looked up on the kernel itself. */
export type { Kernel };

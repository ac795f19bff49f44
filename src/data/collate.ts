import { bool, type DataArray, type DType, getDefaultDtype, int64 } from "../core/dtype.ts";
import { collateSizes, collateType } from "../core/errors.ts";
import { isOptions } from "../tensor/arguments.ts";
import { pythonTypeName } from "../tensor/call-pointwise.ts";
import { tensor } from "../tensor/creation.ts";
import { stack } from "../tensor/public-ops.ts";
import { ownedBy } from "../tensor/scratch.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a batch of samples of type `T` is: tensors in place of tensors and numbers, the same structure around them. */
export type Collated<T> = T extends Tensor | DataArray | number | bigint | boolean
  ? Tensor
  : T extends string
    ? string[]
    : T extends object
      ? { -readonly [K in keyof T]: Collated<T[K]> }
      : T;

const dtypeOf = (x: unknown): DType | null =>
  typeof x === "number" ? getDefaultDtype() : typeof x === "bigint" ? int64 : typeof x === "boolean" ? bool : null;

const className = (x: unknown): string => (typeof x === "object" && x !== null && !isOptions(x) ? x.constructor.name : pythonTypeName(x));

function collated(batch: readonly unknown[]): unknown {
  const [first] = batch;
  if (first instanceof Tensor) return stack(batch as readonly Tensor[], 0);
  if (ArrayBuffer.isView(first))
    return ownedBy(
      () =>
        stack(
          batch.map((x) => tensor(x as DataArray)),
          0,
        ),
      (x) => [x],
    );
  const dtype = dtypeOf(first);
  if (dtype !== null) return tensor(batch as readonly (number | bigint | boolean)[], { dtype });
  if (typeof first === "string") return [...batch];
  if (Array.isArray(first)) {
    const samples = batch as readonly (readonly unknown[])[];
    if (samples.some((sample) => sample.length !== first.length)) throw collateSizes();
    return first.map((_, i) => collated(samples.map((sample) => sample[i])));
  }
  if (!isOptions(first)) throw collateType(`<class '${className(first)}'>`);
  const samples = batch as readonly Record<string, unknown>[];
  return Object.fromEntries(Object.keys(first).map((key) => [key, collated(samples.map((sample) => sample[key]))]));
}

/**
 * Puts samples together into a batch: tensors are stacked along a new first dimension; numbers become a tensor of the default float dtype, bigints
 * one of int64 and booleans one of bool; strings stay a list; arrays and objects keep their structure. (Where PyTorch sees an int, a number here is
 * a float, as everywhere: write class labels as bigints, or as tensors.)
 *
 * @example
 * data.defaultCollate([[torch.ones(2), 3n], [torch.zeros(2), 4n]]) // [tensor([[1., 1.], [0., 0.]]), tensor([3, 4])]
 */
export function defaultCollate<T>(batch: readonly T[]): Collated<T> {
  return collated(batch) as Collated<T>;
}

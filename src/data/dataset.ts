import { datasetIndex, datasetSizes, IndexError, indexOutOfBounds, noDatasets } from "../core/errors.ts";
import { tensor } from "../tensor/creation.ts";
import { ownedBy } from "../tensor/scratch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Collated } from "./collate.ts";

/**
 * Samples that can be asked for by number. A subclass says how many there are and gives each, at once or as a promise.
 *
 * @example
 * class Squares extends data.Dataset<[Tensor, Tensor]> {
 *   readonly length = 100;
 *   get(i: number): [Tensor, Tensor] { return [torch.tensor([i]), torch.tensor([i * i])]; }
 * }
 */
export abstract class Dataset<T> {
  abstract readonly length: number;
  abstract get(index: number): T | Promise<T>;

  /** (optional) A whole batch, collated, where that is faster than sample by sample. Null: there is no faster way. */
  getBatch(_indices: readonly number[]): Collated<T> | Promise<Collated<T>> | null {
    return null;
  }
}

/** Samples that come one after another, as from a stream: their number need not be known. */
export abstract class IterableDataset<T> implements AsyncIterable<T> {
  abstract [Symbol.asyncIterator](): AsyncIterator<T>;
}

/** What has samples by number: a dataset, an array, or an object with `length` and `get`. */
export type MapSource<T> = Dataset<T> | { readonly length: number; get(index: number): T | Promise<T> } | ArrayLike<T>;
/** What has samples one after another. */
export type IterableSource<T> = Iterable<T> | AsyncIterable<T>;

const hasGet = (source: object): source is { get(index: number): unknown } => "get" in source && typeof source.get === "function";
const isIterable = (source: object): boolean => Symbol.iterator in source || Symbol.asyncIterator in source;

/** Whether samples can be asked for by number. */
export function isMapSource<T>(source: MapSource<T> | IterableSource<T>): source is MapSource<T> {
  if (!("length" in source)) return false;
  return hasGet(source) || Array.isArray(source) || ArrayBuffer.isView(source) || !isIterable(source);
}

/** Sample `index`. */
export function sampleOf<T>(source: MapSource<T>, index: number): T | Promise<T> {
  if (hasGet(source)) return source.get(index) as T | Promise<T>;
  const { length } = source;
  if (index < -length || index >= length) throw new IndexError("list index out of range");
  return source[index < 0 ? index + length : index]!;
}

/** A whole batch by the source's own fast way, or null. */
export const batchOf = <T>(source: MapSource<T>, indices: readonly number[]): Collated<T> | Promise<Collated<T>> | null =>
  source instanceof Dataset ? source.getBatch(indices) : null;

/** Samples that are rows of tensors: sample `i` is row `i` of each. */
export class TensorDataset<T extends readonly Tensor[] = readonly Tensor[]> extends Dataset<T> {
  readonly tensors: T;

  constructor(...tensors: T) {
    super();
    const [first] = tensors;
    if (first !== undefined && tensors.some((t) => t.size(0) !== first.size(0))) throw datasetSizes();
    this.tensors = tensors;
  }

  get length(): number {
    return this.tensors[0]?.size(0) ?? 0;
  }

  get(index: number): T {
    return this.tensors.map((t) => t.at(index)) as readonly Tensor[] as T;
  }

  override getBatch(indices: readonly number[]): Collated<T> | null {
    const rows = this.rowsOf(indices);
    if (rows.length === 0) return null;
    return ownedBy(
      () => this.tensors.map(selectRows(rows)),
      (batch) => batch,
    ) as Collated<T>;
  }

  /** Row numbers counted from the front. */
  private rowsOf(indices: readonly number[]): readonly number[] {
    const { length } = this;
    return indices.map((i) => {
      if (i < -length || i >= length) throw indexOutOfBounds(i, 0, length);
      return i < 0 ? i + length : i;
    });
  }
}

/** Copies rows out of a tensor, in one piece where they follow each other. */
function selectRows(rows: readonly number[]): (t: Tensor) => Tensor {
  const [first] = rows as [number];
  if (rows.every((row, i) => row === first + i)) return (t) => t.narrow(0, first, rows.length).clone();
  const numbers = BigInt64Array.from(rows, BigInt);
  return (t) => t.indexSelect(0, tensor(numbers, { device: t.device }));
}

/** The samples of a dataset that `indices` names, in its order. */
export class Subset<T> extends Dataset<T> {
  readonly dataset: MapSource<T>;
  readonly indices: ArrayLike<number>;

  constructor(dataset: MapSource<T>, indices: ArrayLike<number>) {
    super();
    this.dataset = dataset;
    this.indices = indices;
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number): T | Promise<T> {
    return sampleOf(this.dataset, this.at(index));
  }

  override getBatch(indices: readonly number[]): Collated<T> | Promise<Collated<T>> | null {
    return batchOf(
      this.dataset,
      indices.map((i) => this.at(i)),
    );
  }

  private at(index: number): number {
    const i = this.indices[index < 0 ? index + this.length : index];
    if (i === undefined) throw new IndexError("list index out of range");
    return i;
  }
}

/** Several datasets, one after the other, as one. */
export class ConcatDataset<T> extends Dataset<T> {
  readonly datasets: readonly MapSource<T>[];
  /** For each dataset, the number of samples up to its end. */
  readonly cumulativeSizes: readonly number[];

  constructor(datasets: Iterable<MapSource<T>>) {
    super();
    this.datasets = [...datasets];
    if (this.datasets.length === 0) throw noDatasets();
    let total = 0;
    this.cumulativeSizes = this.datasets.map((d) => (total += d.length));
  }

  get length(): number {
    return this.cumulativeSizes.at(-1)!;
  }

  get(index: number): T | Promise<T> {
    const { length, cumulativeSizes } = this;
    if (-index > length) throw datasetIndex();
    const i = index < 0 ? index + length : index;
    const which = cumulativeSizes.findIndex((end) => i < end);
    if (which < 0) throw new IndexError("list index out of range");
    return sampleOf(this.datasets[which]!, which === 0 ? i : i - cumulativeSizes[which - 1]!);
  }
}

/** Several streams of samples, one after the other. */
export class ChainDataset<T> extends IterableDataset<T> {
  readonly datasets: Iterable<IterableSource<T>>;

  constructor(datasets: Iterable<IterableSource<T>>) {
    super();
    this.datasets = datasets;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (const d of this.datasets) yield* d;
  }
}

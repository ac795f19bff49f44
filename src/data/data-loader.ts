import { batchingOff, exclusiveOption, iterableOption, noLength, ValueError } from "../core/errors.ts";
import { reprBool } from "../core/print/python.ts";
import type { Generator } from "../core/random/generator.ts";
import type { Device } from "../dispatch/device.ts";
import { relieve, underPressure } from "../memory/pressure.ts";
import { byPosition, isOptions } from "../tensor/arguments.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Collated, defaultCollate } from "./collate.ts";
import { batchOf, type IterableSource, isMapSource, type MapSource, sampleOf } from "./dataset.ts";
import { BatchSampler, checkPositive, drawSeed, RandomSampler, SequentialSampler, type Sized } from "./sampler.ts";

export interface DataLoaderOptions<T, B = Collated<T>> {
  /** Samples to a batch; 1. Null: samples as they are, no batches. */
  batchSize?: number | null;
  /** A new random order in each pass; false. */
  shuffle?: boolean | null;
  /** The order of the samples, instead of `shuffle`. */
  sampler?: (Iterable<number> & Partial<Sized>) | null;
  /** The batches, as lists of indices, instead of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  batchSampler?: (Iterable<readonly number[]> & Partial<Sized>) | null;
  /** How many batches are fetched ahead, all at once, while the loop works on one; 0. There are no processes: it helps where samples are promises. */
  numWorkers?: number;
  /** Makes a batch of samples; `defaultCollate`. Without batches it gets each sample by itself, as in PyTorch. */
  collateFn?: ((samples: T[]) => B | Promise<B>) | null;
  /** Leaves out a smaller batch at the end; false. */
  dropLast?: boolean;
  /** Where the order is drawn from; the default generator. */
  generator?: Generator | null;
  /** Moves the tensors of each batch there. */
  device?: string | Device | null;
}

const NAMES = ["batchSize", "shuffle", "sampler", "batchSampler", "numWorkers", "collateFn", "dropLast", "generator", "device"] as const;
type Settings<T, B> = Required<DataLoaderOptions<T, B>>;

function settingsOf<T, B>(args: readonly unknown[]): Settings<T, B> {
  const given = byPosition("DataLoader.__init__", NAMES, args);
  const named = Object.fromEntries(NAMES.map((name, i) => [name, given[i]]).filter(([, value]) => value !== undefined));
  return {
    batchSize: 1,
    shuffle: null,
    sampler: null,
    batchSampler: null,
    numWorkers: 0,
    collateFn: null,
    dropLast: false,
    generator: null,
    device: null,
    ...named,
  };
}

function checkSettings<T, B>({ batchSize, shuffle, sampler, batchSampler, numWorkers, dropLast }: Settings<T, B>, isMap: boolean): void {
  if (numWorkers < 0) throw new ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.");
  if (!isMap) {
    if (shuffle) throw iterableOption("shuffle", reprBool(shuffle));
    if (sampler !== null) throw iterableOption("sampler", String(sampler));
    if (batchSampler !== null) throw iterableOption("batch_sampler", String(batchSampler));
  }
  if (sampler !== null && shuffle) throw exclusiveOption("sampler", "shuffle");
  if (batchSampler !== null) {
    if (batchSize !== 1 || shuffle || sampler !== null || dropLast)
      throw exclusiveOption("batch_sampler", "batch_size, shuffle, sampler, and drop_last");
  } else if (batchSize === null) {
    if (dropLast) throw batchingOff();
  } else checkPositive("batch_size", batchSize);
}

/**
 * Goes through a dataset in batches, once each time it is iterated. The same seed gives PyTorch's order.
 *
 * @example
 * const loader = new data.DataLoader(dataset, { batchSize: 64, shuffle: true });
 * for await (const [x, y] of loader) { ... }
 */
export class DataLoader<T, B = Collated<T>> implements AsyncIterable<B> {
  readonly dataset: MapSource<T> | IterableSource<T>;
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  readonly sampler: (Iterable<number> & Partial<Sized>) | null;
  readonly batchSampler: (Iterable<readonly number[]> & Partial<Sized>) | null;
  readonly collateFn: (samples: T[]) => B | Promise<B>;
  readonly numWorkers: number;
  readonly generator: Generator | null;
  readonly device: string | Device | null;
  private readonly map: MapSource<T> | null;
  private readonly collatesByDefault: boolean;

  constructor(
    dataset: MapSource<T> | IterableSource<T>,
    ...args:
      | readonly [DataLoaderOptions<T, B>?]
      | readonly [number | null, DataLoaderOptions<T, B>?]
      | readonly [number | null, boolean, DataLoaderOptions<T, B>?]
  ) {
    const settings = settingsOf<T, B>(args);
    this.map = isMapSource(dataset) ? dataset : null;
    checkSettings(settings, this.map !== null);
    this.dataset = dataset;
    this.batchSize = settings.batchSampler === null ? settings.batchSize : null;
    this.dropLast = settings.dropLast;
    this.generator = settings.generator;
    this.numWorkers = settings.numWorkers;
    this.device = settings.device;
    this.collatesByDefault = settings.collateFn === null;
    this.collateFn = settings.collateFn ?? (defaultCollate as (samples: T[]) => unknown as (samples: T[]) => B);
    const { map, batchSize, dropLast, generator } = this;
    this.sampler =
      map === null ? null : (settings.sampler ?? (settings.shuffle ? new RandomSampler(map, { generator }) : new SequentialSampler(map)));
    this.batchSampler =
      settings.batchSampler ?? (this.sampler === null || batchSize === null ? null : new BatchSampler(this.sampler, batchSize, dropLast));
  }

  /** The number of batches of a pass. */
  get length(): number {
    const of = this.batchSampler ?? this.sampler;
    const known = of?.length ?? (this.map === null ? this.streamLength() : undefined);
    if (known === undefined || Number.isNaN(known)) throw noLength((of ?? this.dataset).constructor.name);
    return known;
  }

  private streamLength(): number | undefined {
    const { length } = this.dataset as Partial<Sized>;
    if (length === undefined || this.batchSize === null) return length;
    return this.dropLast ? Math.floor(length / this.batchSize) : Math.ceil(length / this.batchSize);
  }

  [Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    // PyTorch draws a seed for its workers in every pass, also where there are none; the order's own seed is drawn after it.
    drawSeed(this.generator);
    return this.run(this.map === null ? this.streamed() : this.indexed(this.map));
  }

  /** Awaits what is being fetched, with up to `numWorkers` more on the way. */
  private async *run(batches: AsyncIterator<() => Promise<B>>): AsyncGenerator<B, void, undefined> {
    const ahead: Promise<B>[] = [];
    for (let open = true; open || ahead.length > 0; ) {
      while (open && ahead.length <= this.numWorkers) {
        const next = await batches.next();
        if (next.done) {
          open = false;
          break;
        }
        const batch = next.value();
        // A failure is raised when its turn comes; until then it is no unhandled rejection.
        batch.catch(() => {});
        ahead.push(batch);
      }
      const batch = ahead.shift();
      if (batch === undefined) return;
      const ready = await batch;
      if (underPressure()) await relieve();
      yield ready;
    }
  }

  private async *indexed(map: MapSource<T>): AsyncGenerator<() => Promise<B>> {
    if (this.batchSampler !== null) {
      for (const indices of this.batchSampler) yield () => this.batch(map, indices);
    } else {
      for (const index of this.sampler!) yield async () => await this.single(await sampleOf(map, index));
    }
  }

  private async batch(map: MapSource<T>, indices: readonly number[]): Promise<B> {
    const whole = this.collatesByDefault ? await batchOf(map, indices) : null;
    if (whole !== null) return await this.placed(whole as B);
    const samples = indices.map((i) => sampleOf(map, i));
    const waiting = samples.some((sample) => sample instanceof Promise);
    return await this.placed(await this.collateFn(waiting ? await Promise.all(samples) : (samples as T[])));
  }

  private async *streamed(): AsyncGenerator<() => Promise<B>> {
    const source = this.dataset as IterableSource<T>;
    const whole = async (samples: T[]): Promise<B> => await this.placed(await this.collateFn(samples));
    let samples: T[] = [];
    for await (const sample of source) {
      if (this.batchSize === null) {
        yield () => this.single(sample);
        continue;
      }
      samples.push(sample);
      if (samples.length < this.batchSize) continue;
      const full = samples;
      samples = [];
      yield () => whole(full);
    }
    if (samples.length > 0 && !this.dropLast) yield () => whole(samples);
  }

  /** A sample where there are no batches: as it is, or as the user's own function makes it. */
  private async single(sample: T): Promise<B> {
    return await this.placed(this.collatesByDefault ? (sample as unknown as B) : await this.collateFn(sample as unknown as T[]));
  }

  private async placed(batch: B): Promise<B> {
    return this.device === null ? batch : ((await toDevice(batch, this.device)) as B);
  }
}

/** The tensors in a batch on another device, in the same structure. */
async function toDevice(x: unknown, device: string | Device): Promise<unknown> {
  if (x instanceof Tensor) return await x.to(device);
  if (Array.isArray(x)) return await Promise.all(x.map((e) => toDevice(e, device)));
  if (!isOptions(x)) return x;
  return Object.fromEntries(
    await Promise.all(Object.entries(x).map(async ([key, value]) => [key, await toDevice(value, device)] as const)),
  );
}

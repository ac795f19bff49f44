import type { DType } from "../core/dtype.ts";
import type { Compiled, Kernel, KernelOf, Kind } from "../kernel/kernel.ts";
import type { Block, RawMemory } from "../memory/block.ts";

/**
 * All that a device has to provide. Nothing above this interface reads device memory synchronously unless `readSync` is there, or does
 * arithmetic on addresses. Runs are in order: a later run or read sees what earlier ones wrote.
 */
export interface Backend extends RawMemory {
  /** The device's name, as in `x.to(name)`. */
  readonly name: string;
  /** A small integer, given at registration. Indexes `kernel.compiled`. */
  id: number;
  /** (optional) Whether the device is gone, with all that was on it. */
  readonly isLost?: boolean;
  /** What fills its tensors with random numbers: a Mersenne twister on the host, or a counter-based Philox in its kernels. */
  readonly randomSource: "mt19937" | "philox";
  /** Whether the device can hold and compute a dtype. */
  supports(dtype: DType): boolean;
  /** Bytes of an element in the device's memory. The host sees `dtype.itemsize`; a device may keep another format. */
  itemsize(dtype: DType): number;
  /** Copies elements into a block, from element `at` on. `bytes` are in the host's format of the dtype; the caller may reuse them afterwards. */
  write(block: Block, dtype: DType, at: number, bytes: Uint8Array): void;
  /** Copies elements out of a block, after all runs so far, into an ordinary ArrayBuffer in the host's format. Raises what the runs left to raise. */
  read(block: Block, dtype: DType, at: number, count: number): Promise<Uint8Array>;
  /** (optional) The same at once, where the device shares memory with the host. */
  readSync?(block: Block, dtype: DType, at: number, count: number): Uint8Array;
  /**
   * (optional) Where a block lies in the host's own memory, for typed arrays over it: they must stay valid as long as the block is held. null
   * where the memory may move.
   */
  hostMemory?(block: Block): HostMemory | null;
  /** Makes a kernel ready. Called once per kernel. */
  compile(kernel: Kernel): Compiled;
  /** (optional) Measures runs by the device's own clock from now on; null where it has none. */
  startTimer?(): DeviceTimer | null;
  /** Hands over to the device what was only recorded so far. */
  flush(): void;
  /** Resolves when the device has done all of its work. */
  synchronize(): Promise<void>;
}

/** When the device was at work for a step, in microseconds of its own clock: from the beginning, for so long in all. */
export interface DeviceTime {
  readonly start: number;
  readonly duration: number;
}

/** Measures steps by the device's clock. */
export interface DeviceTimer {
  /** What is run from now on counts as another step; gives its number. */
  step(): number;
  /** Ends measuring. Gives the time of each step, once the device has done all of its work; null where it had nothing to compute. */
  stop(): Promise<readonly (DeviceTime | null)[]>;
}

/** A place in the host's memory; `offset` counts bytes. */
export interface HostMemory {
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
}

/** One emitter per kind of kernel: tsc lists what a new backend lacks. */
export type Emitters = { readonly [K in Kind]: (kernel: KernelOf<K>) => Compiled };

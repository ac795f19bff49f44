import type { DType } from "../../core/dtype.ts";
import { deviceFailed, deviceLost, forgottenFault, int64Overflow, OutOfMemoryError } from "../../core/errors.ts";
import { Layout } from "../../core/layout.ts";
import type { Compiled, Kernel } from "../../kernel/kernel.ts";
import type { Block, RawMemory } from "../../memory/block.ts";
import type { Backend, DeviceTimer, Emitters } from "../backend.ts";
import { Context, type Features, type Limits } from "./context.ts";
import { contract } from "./contract.ts";
import { copy } from "./copy.ts";
import { DeviceBuffer } from "./device-buffer.ts";
import { FAULT_BYTES, Faults } from "./faults.ts";
import { formatOf, toDevice, toHost } from "./format.ts";
import { gather } from "./gather.ts";
import { map } from "./map.ts";
import { PassTimer } from "./pass-timer.ts";
import { random } from "./random.ts";
import { Readback } from "./readback.ts";
import { Recorder } from "./recorder.ts";
import { reduce } from "./reduce.ts";
import { rows } from "./rows.ts";
import { scan } from "./scan.ts";
import { scatter } from "./scatter.ts";
import { newStats, type WebGpuStats } from "./stats.ts";

const BUFFER_USAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST
/** What a bind group takes of the host's memory, about: its wrapper, Dawn's and the driver's part, and its place among those that are kept. */
const BIND_GROUP_BYTES = 4096;

/** One emitter per kind of kernel, for one device. */
const emittersOf = (context: Context): Emitters => ({
  map: (kernel) => map(context, kernel),
  copy: (kernel) => copy(context, kernel),
  contract: (kernel) => contract(context, kernel),
  gather: (kernel) => gather(context, kernel),
  scatter: (kernel) => scatter(context, kernel),
  reduce: (kernel) => reduce(context, kernel),
  rows: (kernel) => rows(context, kernel),
  scan: (kernel) => scan(context, kernel),
  random: (kernel) => random(context, kernel),
});

/** A GPU through WebGPU: kernels are WGSL, recorded in batches and submitted at a read. */
export class WebGpuBackend implements Backend {
  readonly name: string = "webgpu";
  id: number = -1;
  readonly randomSource = "philox";
  readonly device: GPUDevice;
  readonly adapter: GPUAdapterInfo;
  readonly stats: WebGpuStats = newStats();
  readonly context: Context;
  readonly #recorder: Recorder;
  readonly #readback: Readback;
  readonly #emitters: Emitters;
  /** The first error that the device reported and nobody has been told of. */
  #failure: Error | null = null;
  #lost: Error | null = null;

  constructor(device: GPUDevice, adapter: GPUAdapterInfo, limits: Limits, features: Features) {
    this.device = device;
    this.adapter = adapter;
    this.#recorder = new Recorder(device, this.stats);
    this.#readback = new Readback(device, () => this.stats.buffers++);
    const { maxBufferSize } = limits;
    const memory: RawMemory = {
      allocate: (size) => this.#newBlock(size, maxBufferSize),
      release: (block) => this.release(block),
      reuse: this.reuse,
    };
    const faults = new Faults(memory.allocate(256), () => forgottenFault(this.name));
    this.context = new Context(this.#recorder, limits, features, faults, memory, (dtype) => this.#copyOf(dtype));
    this.#emitters = emittersOf(this.context);
    device.addEventListener("uncapturederror", (event) => {
      this.#failure ??= deviceFailed(this.name, event.error.message);
    });
    void device.lost.then((info) => {
      this.#lost = deviceLost(this.name, info.message || info.reason);
    });
  }

  /** Whether the device is lost: nothing can run on it any more. */
  get isLost(): boolean {
    return this.#lost !== null;
  }

  supports(dtype: DType): boolean {
    return formatOf(dtype) !== undefined;
  }

  itemsize(dtype: DType): number {
    return formatOf(dtype)?.bytes ?? dtype.itemsize;
  }

  /** A bind group is made for blocks: the same ones in each step of a loop need no new groups. */
  get reuse(): "lowest" {
    return "lowest";
  }

  get hostBytes(): number {
    return this.stats.bindGroups * BIND_GROUP_BYTES;
  }

  allocate(size: number): Block {
    return this.#newBlock(size, this.context.limits.maxBufferSize);
  }

  release(block: Block): void {
    const buffer = block.buffer as DeviceBuffer;
    if (this.#recorder.uses(buffer)) this.#recorder.flush();
    if (buffer.owned) buffer.gpu.destroy();
  }

  write(block: Block, dtype: DType, at: number, bytes: Uint8Array): void {
    this.#check();
    if (bytes.length === 0) return;
    const data = toDevice(dtype, bytes, (value) => int64Overflow(this.name, value));
    const buffer = block.buffer as DeviceBuffer;
    const size = this.itemsize(dtype);
    const start = at * size;
    const exact = (bytes.length / dtype.itemsize) * size;
    if (start % 4 === 0 && (exact === data.length || start + data.length === block.size)) {
      this.#recorder.upload(buffer, block.offset + start, data);
    } else this.#writeUnaligned(block, dtype, at, data, exact / size);
  }

  async read(block: Block, dtype: DType, at: number, count: number): Promise<Uint8Array> {
    const size = this.itemsize(dtype);
    const first = block.offset + at * size;
    const start = Math.floor(first / 4) * 4;
    const bytes = await this.#readBytes(block, start, Math.ceil((first + count * size - start) / 4) * 4);
    return toHost(dtype, first === start ? bytes : bytes.slice(first - start), count);
  }

  compile(kernel: Kernel): Compiled {
    this.#check();
    const emit = this.#emitters[kernel.kind] as (kernel: Kernel) => Compiled;
    return emit(kernel);
  }

  startTimer(): DeviceTimer | null {
    if (!this.context.features.timestamps) return null;
    this.#recorder.endPass();
    return (this.#recorder.timer = new PassTimer(this.#recorder));
  }

  flush(): void {
    this.#recorder.flush();
  }

  /** Resolves when the device has done all of its work; raises what that work left to raise. */
  async synchronize(): Promise<void> {
    this.#recorder.flush();
    await this.device.queue.onSubmittedWorkDone();
    await this.#readBytes(this.context.faults.block, 0, 0);
  }

  #newBlock(size: number, limit: number): Block {
    this.#check();
    if (size > limit) throw new OutOfMemoryError(`${this.name} has no buffers of ${size} bytes: the limit is ${limit}`);
    this.stats.buffers++;
    const bytes = Math.max(Math.ceil(size / 256), 1) * 256; // bindings of vec4 need whole ones
    return { buffer: new DeviceBuffer(this.device.createBuffer({ size: bytes, usage: BUFFER_USAGE })), offset: 0, size: bytes };
  }

  /** Raises if the device is gone. */
  #check(): void {
    if (this.#lost !== null) throw this.#lost;
  }

  /** Reads bytes of a buffer, and the flag of faults with them where one may be set. */
  async #readBytes(block: Block, start: number, size: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#check();
    const { faults } = this.context;
    const latest = faults.latest;
    const flagged = faults.pending ? FAULT_BYTES : 0;
    let bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    if (size + flagged > 0) {
      const buffer = this.#readback.take(size + flagged);
      if (size > 0) this.#recorder.copy((block.buffer as DeviceBuffer).gpu, start, buffer, 0, size);
      const flag = faults.block.buffer as DeviceBuffer;
      if (flagged > 0) {
        // Cleared at once: a kernel after this read sets it anew, and no other read brings it along again.
        this.#recorder.copy(flag.gpu, faults.block.offset, buffer, size, flagged);
        this.#recorder.clear(flag, faults.block.offset, flagged);
      }
      this.#recorder.flush();
      try {
        bytes = await this.#readback.bytes(buffer, size + flagged);
      } catch (error) {
        await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 10))]);
        throw this.#lost ?? this.#takeFailure() ?? error;
      }
      this.stats.bytesDown += size;
    }
    const failure = this.#takeFailure();
    if (failure !== null) throw failure;
    if (flagged === 0) return bytes;
    const fault = faults.take(new Int32Array(bytes.slice(size).buffer), latest);
    if (fault !== null) throw fault;
    return bytes.slice(0, size);
  }

  #takeFailure(): Error | null {
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  /** Elements that share a word with others: the words around them are uploaded apart and copied over by a kernel. */
  #writeUnaligned(block: Block, dtype: DType, at: number, data: Uint8Array<ArrayBuffer>, count: number): void {
    const { scratch } = this.context;
    const part = scratch.allocate(data.length);
    try {
      this.#recorder.upload(part.buffer as DeviceBuffer, part.offset, data);
      const layout = (offset: number): Layout => new Layout([count], [1], offset);
      this.#copyOf(dtype).run(
        [{ storage: { block: part }, layout: layout(0), dtype }],
        [{ storage: { block }, layout: layout(at), dtype }],
        {},
      );
    } finally {
      scratch.free(part);
    }
  }
  #copies: Compiled[] = [];
  #copyOf(dtype: DType): Compiled {
    return (this.#copies[dtype.id] ??= this.compile({ kind: "copy", inputs: [dtype], compiled: [] }));
  }
}

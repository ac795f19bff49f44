import type { Block } from "../../memory/block.ts";
import type { DeviceBuffer } from "./device-buffer.ts";
import type { PassTimer } from "./pass-timer.ts";
import type { WebGpuStats } from "./stats.ts";

/** A compiled shader: how many storage bindings it has decides its layout. */
export interface Pipeline {
  readonly gpu: GPUComputePipeline;
  readonly bindings: number;
}

/** A node of the tree in which bind groups are found, block after block. */
interface Branch {
  group: GPUBindGroup | null;
  readonly next: Map<Block, Branch>;
}
const branch = (): Branch => ({ group: null, next: new Map() });

/** Parameters of the dispatches of one batch, in words. */
const PARAMETER_WORDS = 128 * 1024;
/** The most that one dispatch may have: what is bound of them. */
const MAX_WORDS = 256;
const MAX_DISPATCHES = 1024;
/** Uploads up to here, into blocks that recorded commands use, are recorded among these. */
const STAGED_BYTES = 4 * 1024 * 1024;
const MAX_GROUPS = 8192;

const PARAMETER_USAGE = 0x40 | 0x8; // UNIFORM | COPY_DST
const STAGING_USAGE = 0x4 | 0x8; // COPY_SRC | COPY_DST

/**
 * Records commands and submits them in batches: one encoder, many dispatches, one submit at a read or when a batch is full.
 *
 * Note [Uploads overtake]. `queue.writeBuffer` happens before everything in the encoder that is still open, also before dispatches recorded
 * earlier. Parameters may do so, since each dispatch of a batch has its own place among them. Uploads may where the open batch does not use
 * the block; otherwise they go through a staging buffer and a copy inside the encoder, or the batch is submitted first.
 */
export class Recorder {
  readonly device: GPUDevice;
  readonly stats: WebGpuStats;
  /** The words of the parameters; a dispatch writes its own from `parameters()` on. */
  readonly u32: Uint32Array<ArrayBuffer> = new Uint32Array(PARAMETER_WORDS);
  readonly i32: Int32Array<ArrayBuffer> = new Int32Array(this.u32.buffer);
  readonly f32: Float32Array<ArrayBuffer> = new Float32Array(this.u32.buffer);
  /** Where passes note their times, while that is wanted. */
  timer: PassTimer | null = null;
  readonly #parameters: GPUBuffer;
  /** In words; a power of two. */
  readonly #alignment: number;
  readonly #groupLayouts: GPUBindGroupLayout[] = [];
  readonly #pipelineLayouts: GPUPipelineLayout[] = [];
  readonly #groups: Branch[] = [];
  #groupCount = 0;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: Pipeline | null = null;
  #batch = 0;
  #dispatches = 0;
  #start = 0;
  #used = 0;
  readonly #offsets: [number] = [0];
  #staging: GPUBuffer | null = null;
  #staged: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #stagedBytes = 0;

  constructor(device: GPUDevice, stats: WebGpuStats) {
    this.device = device;
    this.stats = stats;
    this.#alignment = Math.max(device.limits.minUniformBufferOffsetAlignment, 16) / 4;
    this.#parameters = device.createBuffer({ size: PARAMETER_WORDS * 4, usage: PARAMETER_USAGE });
    stats.buffers++;
  }

  /** Whether anything has been recorded since the last submit. */
  get pending(): boolean {
    return this.#encoder !== null;
  }

  /** Compiles a shader for a number of storage bindings. */
  pipeline(code: string, bindings: number): Pipeline {
    this.stats.pipelines++;
    const module = this.device.createShaderModule({ code });
    const gpu = this.device.createComputePipeline({ layout: this.#layout(bindings), compute: { module, entryPoint: "main" } });
    return { gpu, bindings };
  }

  /**
   * Reserves the parameters of the next dispatch; gives the index of their first word, which is 0 already. The others hold anything. Nothing may
   * be allocated, compiled or submitted between this and the dispatch.
   */
  parameters(words: number): number {
    if (this.#dispatches >= MAX_DISPATCHES || this.#used + MAX_WORDS > PARAMETER_WORDS) this.flush();
    if (words > MAX_WORDS) throw new Error(`a dispatch has at most ${MAX_WORDS} words of parameters, not ${words}`);
    this.#start = this.#used;
    this.#used = (this.#used + words + this.#alignment - 1) & -this.#alignment;
    this.u32[this.#start] = 0;
    return this.#start;
  }

  /** Runs a pipeline with the parameters reserved last, on these blocks (each bound from its start to its end). */
  dispatch(pipeline: Pipeline, blocks: readonly Block[], x: number, y: number = 1, z: number = 1): void {
    const group = this.#bindGroup(blocks);
    const pass = (this.#pass ??= this.#open().beginComputePass(this.timer?.nextPass()));
    if (this.#pipeline !== pipeline) {
      pass.setPipeline(pipeline.gpu);
      this.#pipeline = pipeline;
    }
    this.#offsets[0] = this.#start * 4;
    pass.setBindGroup(0, group, this.#offsets); // Dawn takes a plain array faster than a typed one
    pass.dispatchWorkgroups(x, y, z);
    for (let i = 0; i < blocks.length; i++) (blocks[i]!.buffer as DeviceBuffer).batch = this.#batch;
    this.#dispatches++;
    this.stats.dispatches++;
  }

  /** Copies bytes between buffers. Offsets and size are multiples of 4, and the buffers are not the same. */
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, size: number): void {
    this.endPass();
    this.#open().copyBufferToBuffer(from, fromOffset, to, toOffset, size);
  }

  /** Sets bytes to 0, in the order of the commands. Offset and size are multiples of 4. */
  clear(buffer: DeviceBuffer, offset: number, size: number): void {
    this.endPass();
    this.#open().clearBuffer(buffer.gpu, offset, size);
    buffer.batch = this.#batch;
  }

  /** Marks a buffer as used by the open batch. */
  touch(buffer: DeviceBuffer): void {
    this.#open();
    buffer.batch = this.#batch;
  }

  /** Writes bytes (a multiple of 4, in memory that is not shared) in the order of the commands. */
  upload(buffer: DeviceBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.stats.bytesUp += bytes.byteLength;
    if (this.uses(buffer)) {
      if (this.#stagedBytes + bytes.byteLength <= STAGED_BYTES) {
        this.#stage(buffer, offset, bytes);
        return;
      }
      this.flush();
    }
    this.device.queue.writeBuffer(buffer.gpu, offset, bytes);
  }

  /** Whether commands that are not submitted yet use a buffer. */
  uses(buffer: DeviceBuffer): boolean {
    return this.#encoder !== null && buffer.batch === this.#batch;
  }

  /** Submits what has been recorded. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder === null) {
      this.#used = 0;
      return;
    }
    this.endPass();
    const { queue } = this.device;
    if (this.#used > 0) queue.writeBuffer(this.#parameters, 0, this.u32.buffer, 0, this.#used * 4);
    if (this.#stagedBytes > 0) queue.writeBuffer(this.#staging!, 0, this.#staged.buffer, 0, this.#stagedBytes);
    this.#encoder = null;
    queue.submit([encoder.finish()]);
    this.stats.submits++;
    this.#batch++;
    this.#dispatches = 0;
    this.#used = 0;
    this.#stagedBytes = 0;
  }

  #open(): GPUCommandEncoder {
    return (this.#encoder ??= this.device.createCommandEncoder());
  }

  /** The next dispatch begins a pass of its own. */
  endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }

  #stage(buffer: DeviceBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#staging === null) {
      this.#staging = this.device.createBuffer({ size: STAGED_BYTES, usage: STAGING_USAGE });
      this.#staged = new Uint8Array(STAGED_BYTES);
      this.stats.buffers++;
    }
    this.#staged.set(bytes, this.#stagedBytes);
    this.copy(this.#staging, this.#stagedBytes, buffer.gpu, offset, bytes.byteLength);
    this.#stagedBytes += Math.ceil(bytes.byteLength / 16) * 16;
  }

  #layout(bindings: number): GPUPipelineLayout {
    return (this.#pipelineLayouts[bindings] ??= this.device.createPipelineLayout({ bindGroupLayouts: [this.#groupLayout(bindings)] }));
  }

  /** Every storage binding is writable: arenas put inputs and outputs into one buffer, which must not be bound both ways. */
  #groupLayout(bindings: number): GPUBindGroupLayout {
    let layout = this.#groupLayouts[bindings];
    if (layout === undefined) {
      const visibility = 4; // COMPUTE
      const storage = Array.from(
        { length: bindings },
        (_, k): GPUBindGroupLayoutEntry => ({
          binding: k + 1,
          visibility,
          buffer: { type: "storage" },
        }),
      );
      layout = this.device.createBindGroupLayout({
        entries: [{ binding: 0, visibility, buffer: { type: "uniform", hasDynamicOffset: true } }, ...storage],
      });
      this.#groupLayouts[bindings] = layout;
    }
    return layout;
  }

  #bindGroup(blocks: readonly Block[]): GPUBindGroup {
    let node = (this.#groups[blocks.length] ??= branch());
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]!;
      let next = node.next.get(block);
      if (next === undefined) {
        next = branch();
        node.next.set(block, next);
      }
      node = next;
    }
    if (node.group !== null) return node.group;
    if (++this.#groupCount > MAX_GROUPS) {
      this.#groups.length = 0;
      this.#groupCount = 1;
    }
    this.stats.bindGroups++;
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: this.#parameters, size: MAX_WORDS * 4 } }];
    blocks.forEach((b, k) => {
      entries.push({ binding: k + 1, resource: { buffer: (b.buffer as DeviceBuffer).gpu, offset: b.offset, size: b.size } });
    });
    node.group = this.device.createBindGroup({ layout: this.#groupLayout(blocks.length), entries });
    return node.group;
  }
}

import type { DeviceTime, DeviceTimer } from "../backend.ts";
import type { Recorder } from "./recorder.ts";

/** Queries of a set: as many as WebGPU allows. */
const SET_QUERIES = 4096;
const RESOLVE_USAGE = 0x200 | 0x4; // QUERY_RESOLVE | COPY_SRC
const READ_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST
const MAP_READ = 1;
const BYTES = 8;

/** Measures steps by timestamps: each has compute passes of its own, which write when they begin and end. */
export class PassTimer implements DeviceTimer {
  readonly #recorder: Recorder;
  readonly #sets: GPUQuerySet[] = [];
  /** The step of each pass: pass i has queries 2 i and 2 i + 1, counted through all sets. */
  readonly #steps: number[] = [];
  #step = -1;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  step(): number {
    this.#recorder.endPass();
    return ++this.#step;
  }

  /** What the next pass is begun with. */
  nextPass(): GPUComputePassDescriptor {
    const at = (2 * this.#steps.length) % SET_QUERIES;
    if (at === 0) this.#sets.push(this.#recorder.device.createQuerySet({ type: "timestamp", count: SET_QUERIES }));
    this.#steps.push(this.#step);
    return { timestampWrites: { querySet: this.#sets.at(-1)!, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 } };
  }

  async stop(): Promise<readonly (DeviceTime | null)[]> {
    const recorder = this.#recorder;
    if (recorder.timer === this) recorder.timer = null;
    recorder.flush();
    const stamps = await this.#stamps();
    const times: (DeviceTime | null)[] = Array.from({ length: this.#step + 1 }, () => null);
    this.#steps.forEach((step, pass) => {
      if (step < 0) return; // before the first
      const [begin, end] = [stamps[2 * pass]!, stamps[2 * pass + 1]!];
      const before = times[step];
      times[step] = { start: before?.start ?? begin, duration: (before?.duration ?? 0) + Math.max(0, end - begin) };
    });
    return times;
  }

  /** All timestamps, in microseconds since the first. */
  async #stamps(): Promise<number[]> {
    const { device } = this.#recorder;
    const raw: bigint[] = [];
    for (const [i, set] of this.#sets.entries()) {
      const count = Math.min(SET_QUERIES, 2 * this.#steps.length - i * SET_QUERIES);
      const size = count * BYTES;
      const [resolved, read] = [RESOLVE_USAGE, READ_USAGE].map((usage) => device.createBuffer({ size, usage })) as [GPUBuffer, GPUBuffer];
      const encoder = device.createCommandEncoder();
      encoder.resolveQuerySet(set, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, read, 0, size);
      device.queue.submit([encoder.finish()]);
      await read.mapAsync(MAP_READ);
      for (const stamp of new BigUint64Array(read.getMappedRange())) raw.push(stamp);
      for (const used of [resolved, read, set]) used.destroy();
    }
    return raw.map((stamp) => Number(stamp - raw[0]!) / 1000);
  }
}

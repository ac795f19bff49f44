const READ_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST
const MAP_READ = 1;
const SMALLEST = 256;
/** Buffers kept for each size: as many reads at a time make no new ones. */
const KEPT = 4;

/** Buffers through which the host reads, kept by size. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #made: () => void;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(device: GPUDevice, made: () => void) {
    this.#device = device;
    this.#made = made;
  }

  /** A buffer of at least `size` bytes, not mapped. */
  take(size: number): GPUBuffer {
    const rounded = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(size)));
    const kept = this.#free.get(rounded)?.pop();
    if (kept !== undefined) return kept;
    this.#made();
    return this.#device.createBuffer({ size: rounded, usage: READ_USAGE });
  }

  /** The first `size` bytes, once the commands submitted so far are done. The buffer is given back. */
  async bytes(buffer: GPUBuffer, size: number): Promise<Uint8Array<ArrayBuffer>> {
    await buffer.mapAsync(MAP_READ, 0, size);
    const copy = new Uint8Array(buffer.getMappedRange(0, size).slice(0));
    buffer.unmap();
    const list = this.#free.get(buffer.size);
    if (list === undefined) this.#free.set(buffer.size, [buffer]);
    else if (list.length < KEPT) list.push(buffer);
    else buffer.destroy();
    return copy;
  }
}

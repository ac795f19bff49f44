/**
 * A piece of a device's memory. `buffer` is the device's own object (the CPU's heap, a GPUBuffer) and `offset` the first byte in it: small
 * blocks share a buffer. Only the backend that made the buffer looks inside.
 */
export interface Block {
  readonly buffer: unknown;
  readonly offset: number;
  readonly size: number;
}

/** A device's raw memory, as the pool sees it. */
export interface RawMemory {
  /** A new buffer of at least `size` bytes, aligned for any use. Throws OutOfMemoryError where there is none. */
  allocate(size: number): Block;
  /** Gives a buffer back to the device. */
  release(block: Block): void;
}

import { outOfMemory } from "../../core/errors.ts";
import type { Block, RawMemory } from "../../memory/block.ts";
import type { MemoryType } from "./wasm/assembler.ts";

const PAGE = 65536;
const ALIGNMENT = 64;
/** Kernels may read (never write) up to this many bytes past an operand's end, so the heap's last bytes are never handed out. */
const SLACK = 64;
/** The first page belongs to the backend: launch parameters lie there. */
const FIRST = PAGE;
const INITIAL_PAGES = 256;
/** In pages: 4 GiB where the engine reserves that much, else what it grants. */
const MAXIMA = [65536, 49152, 32768, 16384, 8192, 4096, 1024];

function create(sharing: readonly boolean[]): { memory: WebAssembly.Memory; type: MemoryType } {
  for (const shared of sharing) {
    for (const maximum of MAXIMA) {
      const type = { initial: INITIAL_PAGES, maximum, shared };
      try {
        return { memory: new WebAssembly.Memory(type), type: { ...type, initial: 1 } };
      } catch {
        // Too much address space for this engine, or no shared memory.
      }
    }
  }
  throw outOfMemory("CPU", INITIAL_PAGES * PAGE, 0, 0, 0);
}

/**
 * The CPU's memory: one WebAssembly.Memory, shared with workers where the engine allows it. Free ranges are kept in address order; the
 * smallest that fits is taken, neighbours merge when they are given back, and the memory grows when nothing fits.
 */
export class Heap implements RawMemory {
  readonly memory: WebAssembly.Memory;
  /** How modules declare the memory that they import. */
  readonly type: MemoryType;
  // Views of the whole memory. Growing replaces them.
  u8!: Uint8Array;
  i8!: Int8Array;
  u16!: Uint16Array;
  i32!: Int32Array;
  f32!: Float32Array;
  f64!: Float64Array;
  i64!: BigInt64Array;
  /** Bytes handed out. */
  allocated = 0;
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];
  #end = 0;

  /** Shared memory is taken where there is any, unless it is not wanted. */
  constructor(shared: boolean = true) {
    const { memory, type } = create(shared ? [true, false] : [false]);
    this.memory = memory;
    this.type = type;
    this.#refresh();
    this.#free(FIRST, this.#end - SLACK - FIRST);
  }

  /** All bytes of the memory. A grown memory has a new buffer. */
  get buffer(): ArrayBufferLike {
    return this.u8.buffer;
  }

  /** The most that the memory can grow to, in bytes. */
  get capacity(): number {
    return this.type.maximum! * PAGE;
  }

  allocate(size: number): Block {
    const bytes = Math.max(Math.ceil(size / ALIGNMENT) * ALIGNMENT, ALIGNMENT);
    let k = this.#find(bytes);
    if (k < 0) {
      this.#grow(bytes);
      k = this.#find(bytes);
    }
    const offset = this.#starts[k]!;
    const rest = this.#sizes[k]! - bytes;
    if (rest === 0) {
      this.#starts.splice(k, 1);
      this.#sizes.splice(k, 1);
    } else {
      this.#starts[k] = offset + bytes;
      this.#sizes[k] = rest;
    }
    this.allocated += bytes;
    return { buffer: this, offset, size: bytes };
  }

  release(block: Block): void {
    const bytes = Math.max(Math.ceil(block.size / ALIGNMENT) * ALIGNMENT, ALIGNMENT);
    this.allocated -= bytes;
    this.#free(block.offset, bytes);
  }

  /** The index of the smallest free range of at least `bytes`, or -1. */
  #find(bytes: number): number {
    let best = -1;
    let bestSize = Number.POSITIVE_INFINITY;
    for (let k = 0; k < this.#sizes.length; k++) {
      const size = this.#sizes[k]!;
      if (size < bytes || size >= bestSize) continue;
      best = k;
      bestSize = size;
      if (size === bytes) break;
    }
    return best;
  }

  /** Puts a range among the free ones and merges it with its neighbours. */
  #free(offset: number, bytes: number): void {
    const starts = this.#starts;
    const sizes = this.#sizes;
    let lo = 0;
    let hi = starts.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (starts[mid]! < offset) lo = mid + 1;
      else hi = mid;
    }
    const joinsLeft = lo > 0 && starts[lo - 1]! + sizes[lo - 1]! === offset;
    const joinsRight = lo < starts.length && offset + bytes === starts[lo];
    if (joinsLeft && joinsRight) {
      sizes[lo - 1]! += bytes + sizes[lo]!;
      starts.splice(lo, 1);
      sizes.splice(lo, 1);
    } else if (joinsLeft) {
      sizes[lo - 1]! += bytes;
    } else if (joinsRight) {
      starts[lo] = offset;
      sizes[lo]! += bytes;
    } else {
      starts.splice(lo, 0, offset);
      sizes.splice(lo, 0, bytes);
    }
  }

  #grow(bytes: number): void {
    const last = this.#starts.length - 1;
    const tail = last >= 0 && this.#starts[last]! + this.#sizes[last]! === this.#end - SLACK ? this.#sizes[last]! : 0;
    const needed = Math.ceil((bytes - tail) / PAGE);
    const pages = this.#end / PAGE;
    const room = this.type.maximum! - pages;
    const before = this.#end;
    // Growing by a quarter keeps the number of growths small; memory that nobody touches costs no RAM.
    for (const amount of [Math.min(Math.max(needed, Math.ceil(pages / 4)), room), needed]) {
      if (amount < needed || amount > room) continue;
      try {
        this.memory.grow(amount);
      } catch {
        continue;
      }
      this.#refresh();
      this.#free(before - SLACK, this.#end - before);
      return;
    }
    throw outOfMemory("CPU", bytes, this.capacity, this.allocated, this.#end);
  }

  #refresh(): void {
    const buffer = this.memory.buffer;
    this.#end = buffer.byteLength;
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }
}

/** The one heap of this process (or worker). */
export const heap: Heap = new Heap();

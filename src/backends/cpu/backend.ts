import type { DType } from "../../core/dtype.ts";
import type { Compiled, Kernel } from "../../kernel/kernel.ts";
import type { Block } from "../../memory/block.ts";
import type { Backend, Emitters, HostMemory } from "../backend.ts";
import { contract } from "./contract.ts";
import { copy } from "./copy.ts";
import { gather } from "./gather.ts";
import { heap } from "./heap.ts";
import { map } from "./map.ts";
import { random } from "./random.ts";
import { reduce } from "./reduce.ts";
import { rows } from "./rows.ts";
import { scan } from "./scan.ts";
import { scatter } from "./scatter.ts";

const emitters: Emitters = { map, reduce, rows, scan, contract, gather, scatter, copy, random };

/** The CPU: kernels are WebAssembly, generated when they are first needed, on one memory that the host reads directly. */
export class CpuBackend implements Backend {
  readonly name: string = "cpu";
  id: number = -1;
  readonly randomSource = "mt19937";

  supports(_dtype: DType): boolean {
    return true;
  }

  get capacity(): number {
    return heap.capacity;
  }

  allocate(size: number): Block {
    return heap.allocate(size);
  }

  release(block: Block): void {
    heap.release(block);
  }

  itemsize(dtype: DType): number {
    return dtype.itemsize;
  }

  write(block: Block, { itemsize }: DType, at: number, bytes: Uint8Array): void {
    heap.u8.set(bytes, block.offset + at * itemsize);
  }

  async read(block: Block, dtype: DType, at: number, count: number): Promise<Uint8Array> {
    return this.readSync(block, dtype, at, count);
  }

  /** A copy: what leaves the heap must not show a shared buffer, which many APIs refuse. */
  readSync(block: Block, { itemsize }: DType, at: number, count: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(count * itemsize);
    const start = block.offset + at * itemsize;
    out.set(heap.u8.subarray(start, start + out.length));
    return out;
  }

  /** Growing detaches the buffer of a memory that is not shared; that of a shared one stays valid. */
  hostMemory({ offset }: Block): HostMemory | null {
    return heap.type.shared ? { buffer: heap.buffer, offset } : null;
  }

  compile(kernel: Kernel): Compiled {
    const emit = emitters[kernel.kind] as (kernel: Kernel) => Compiled;
    return emit(kernel);
  }

  /** Runs are done when they return. */
  flush(): void {}
  async synchronize(): Promise<void> {}
}

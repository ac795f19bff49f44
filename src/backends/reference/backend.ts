import type { DType } from "../../core/dtype.ts";
import type { Compiled, Kernel, KernelOf, Kind } from "../../kernel/kernel.ts";
import type { Block } from "../../memory/block.ts";
import type { Backend, Emitters, HostMemory } from "../backend.ts";
import { contract } from "./contract.ts";
import { copy } from "./copy.ts";
import { gather } from "./gather.ts";
import { map } from "./map.ts";
import { random } from "./random.ts";
import { reduce } from "./reduce.ts";
import { rows } from "./rows.ts";
import { scan } from "./scan.ts";
import { scatter } from "./scatter.ts";

const emitters: Emitters = { map, reduce, rows, scan, contract, gather, scatter, copy, random };
const emit = <K extends Kind>(kind: K, kernel: KernelOf<K>): Compiled => emitters[kind](kernel);

/**
 * Interprets every kind of kernel element by element, floats in float64 and integers in BigInt: what kernels mean, with nothing done for
 * speed. The tests hold other backends against it, and whoever writes a backend can begin with a copy.
 */
export class ReferenceBackend implements Backend {
  readonly name: string = "reference";
  id: number = -1;
  readonly randomSource = "mt19937";

  allocate(size: number): Block {
    return { buffer: new ArrayBuffer(size), offset: 0, size };
  }
  /** Nothing to do: the garbage collector has ordinary buffers. */
  release(_block: Block): void {}
  supports(): boolean {
    return true;
  }
  itemsize(dtype: DType): number {
    return dtype.itemsize;
  }
  write(block: Block, { itemsize }: DType, at: number, bytes: Uint8Array): void {
    bytesOf(block).set(bytes, at * itemsize);
  }
  readSync(block: Block, { itemsize }: DType, at: number, count: number): Uint8Array {
    return bytesOf(block).slice(at * itemsize, (at + count) * itemsize);
  }
  async read(block: Block, dtype: DType, at: number, count: number): Promise<Uint8Array> {
    return this.readSync(block, dtype, at, count);
  }
  hostMemory({ buffer, offset }: Block): HostMemory {
    return { buffer: buffer as ArrayBuffer, offset };
  }
  compile(kernel: Kernel): Compiled {
    return emit(kernel.kind, kernel);
  }
  /** Nothing to do: every run is over when it returns. */
  flush(): void {}
  async synchronize(): Promise<void> {}
}

const bytesOf = (block: Block): Uint8Array => new Uint8Array(block.buffer as ArrayBuffer, block.offset, block.size);

import type { Block } from "./block.ts";
import type { Pool } from "./pool.ts";

/**
 * The bytes that a tensor and its views share. It counts its owners (handles that user code may hold, views, saved tensors, optimizer state)
 * and gives its block back when the last one lets go. The version counts writes; autograd compares it and it never goes back, because a value
 * that was overwritten and restored would otherwise pass for the one that was saved.
 */
export class Storage {
  readonly pool: Pool;
  readonly block: Block;
  /** Bytes asked for; the block may be larger. */
  readonly nbytes: number;
  refs = 0;
  version = 0;
  /** Whether the block is somebody else's, and stays when the storage goes. */
  readonly #borrowed: boolean;

  /** `block`: memory of the device that the pool did not make. It is borrowed. */
  constructor(pool: Pool, nbytes: number, block?: Block) {
    this.pool = pool;
    this.block = block ?? pool.allocate(nbytes);
    this.nbytes = nbytes;
    this.#borrowed = block !== undefined;
  }

  retain(): void {
    this.refs++;
  }

  release(): void {
    if (--this.refs === 0 && !this.#borrowed) this.pool.free(this.block);
  }

  get isFreed(): boolean {
    return this.refs <= 0;
  }
}

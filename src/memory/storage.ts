import type { Block, Kind, PoolBlock } from "./block.ts";
import type { Pool } from "./pool.ts";

/** Who counts as an owner of a storage. */
export type Role = "handle" | "view" | "saved" | "state";

/** What a storage is for, as PyTorch's memory profiler groups it. */
export type Category = "temporary" | "activation" | "parameter" | "gradient" | "optimizerState";

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
  readonly kind: Kind;
  category: Category = "temporary";
  version = 0;
  refs = 0;
  /** How many of the owners are views, saved tensors and optimizer state; the others are handles. */
  #views = 0;
  #saved = 0;
  #states = 0;
  /** Whether the block is somebody else's, and stays when the storage goes. */
  readonly #borrowed: boolean;

  /** `block`: memory of the device that the pool did not make. It is borrowed. */
  constructor(pool: Pool, nbytes: number, kind: Kind, block?: Block) {
    this.pool = pool;
    this.nbytes = nbytes;
    this.kind = kind;
    this.#borrowed = block !== undefined;
    if (block !== undefined) this.block = block;
    else {
      const made = pool.allocate(nbytes, kind);
      made.holder = this;
      this.block = made;
    }
  }

  retain(role: Role = "handle"): void {
    this.refs++;
    if (role !== "handle") this.#count(role, 1);
  }

  release(role: Role = "handle"): void {
    if (role !== "handle") this.#count(role, -1);
    if (--this.refs === 0 && !this.#borrowed) this.pool.free(this.block as PoolBlock);
  }

  /** An owner is something else from now on. */
  recount(from: Role, to: Role): void {
    this.#count(from, -1);
    this.#count(to, 1);
  }

  #count(role: Role, by: number): void {
    if (role === "view") this.#views += by;
    else if (role === "saved") this.#saved += by;
    else if (role === "state") this.#states += by;
  }

  /** The owners, by what they are. */
  get owners(): Readonly<Record<Role, number>> {
    const [view, saved, state] = [this.#views, this.#saved, this.#states];
    return { handle: this.refs - view - saved - state, view, saved, state };
  }

  get isFreed(): boolean {
    return this.refs <= 0;
  }
}

import type { Kind, PoolBlock } from "./block.ts";
import type { SizeClasses } from "./size-class.ts";

/** What stands in place of the age of a block that was split or merged away. */
const GONE = -1;

/** Marks a block that exists no longer: others cover its bytes. It holds on to nothing. */
export function retire(block: PoolBlock): void {
  block.serial = GONE;
  block.previous = null;
  block.next = null;
}

/** Puts a block into a list whose addresses descend. */
function insert(list: PoolBlock[], block: PoolBlock): void {
  const { address } = block;
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (list[middle]!.address > address) from = middle + 1;
    else to = middle;
  }
  list.splice(from, 0, block);
}

/**
 * The free blocks of one kind, each in the list of the largest class that it can serve. The last of a list is taken first: what was freed last, which is
 * warm in caches, or the lowest address, by which the steps of a loop get the same blocks again and again.
 */
export class FreeLists {
  readonly kind: Kind;
  /** By class. Those up to the last small class hold pieces of arenas, the others large blocks. */
  readonly classes: PoolBlock[][];
  /** Pieces of arenas that are larger than any small block: what has not been carved yet, and what has merged again. */
  readonly tails: PoolBlock[] = [];
  /** How many blocks the pool had taken back when the neighbours in these lists were merged last. */
  mergedAt = 0;
  readonly #sizes: SizeClasses;
  readonly #byAddress: boolean;

  constructor(kind: Kind, sizes: SizeClasses, byAddress: boolean) {
    this.kind = kind;
    this.#sizes = sizes;
    this.#byAddress = byAddress;
    this.classes = Array.from({ length: sizes.count }, () => []);
  }

  push(block: PoolBlock): void {
    const index = this.#sizes.floor(block.size / this.#sizes.alignment);
    const list = block.segment.isSmall && index > this.#sizes.lastSmall ? this.tails : this.classes[index]!;
    if (this.#byAddress) insert(list, block);
    else list.push(block);
  }

  get count(): number {
    let n = this.tails.length;
    for (const list of this.classes) n += list.length;
    return n;
  }

  *[Symbol.iterator](): Generator<PoolBlock> {
    for (const list of this.classes) yield* list;
    yield* this.tails;
  }

  /** Removes the blocks that are no longer. The others keep their order. */
  sweep(): void {
    for (const list of this.classes) if (list.length > 0) sweepList(list);
    sweepList(this.tails);
  }
}

function sweepList(list: PoolBlock[]): void {
  let n = 0;
  for (const block of list) if (block.serial !== GONE) list[n++] = block;
  list.length = n;
}

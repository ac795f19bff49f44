import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";
import type { Scratch } from "../threads/pool.ts";
import { FIELDS, type Field, word } from "./block-parameters.ts";
import { TILE_ROWS } from "./micro-kernel.ts";
import { FILL_OVERRUN, tableFiller } from "./packing.ts";
import type { Dim } from "./problem.ts";

/** Rows, columns or steps that a table holds the offsets of. */
export const TABLE_ENTRIES = 4096;
/**
 * Sizes of the packed blocks: rows of a (whole tiles), bytes of a row of b, and bytes of a row of a. A panel of b (12 KB) and one of a stay
 * in the first-level cache, the block of a (192 KB) in the second, that of b (1.5 MB) there or in the third.
 */
export const M_BLOCK = 128;
export const N_BLOCK_BYTES = 4096;
export const K_BLOCK_BYTES = 1536;

/** Dimensions of a group, at most; a tensor has no more. */
const MAX_DIMS = 64;
const DIM_WORDS = 3;
/** Bytes of the widest tile, and of its rows. */
const TILE_ROW_BYTES = 32;

/** The tables of a block, by the operand whose strides they follow. */
type Table = "aRows" | "cRows" | "dRows" | "bColumns" | "cColumns" | "dColumns" | "aSteps" | "bSteps";
const operands: { readonly [K in Table]: "a" | "b" | "c" | "d" } = {
  aRows: "a",
  cRows: "c",
  dRows: "d",
  bColumns: "b",
  cColumns: "c",
  dColumns: "d",
  aSteps: "a",
  bSteps: "b",
};
const tables = Object.keys(operands) as Table[];

const PACKED_A = M_BLOCK * K_BLOCK_BYTES;
/** Where the columns before it were swept, the last panel begins at any vector, so it may end a vector behind the block. */
const PACKED_B = (N_BLOCK_BYTES + 16) * (K_BLOCK_BYTES / 4);
const TILE = TILE_ROWS * TILE_ROW_BYTES;

/** What a worker needs of its own: it reads the calling thread's tables, and finds its parameters in the job. */
export const scratch: Scratch = {
  bytes: PACKED_A + PACKED_B + TILE,
  fields: [
    [word.packedA, 0],
    [word.packedB, PACKED_A],
    [word.tile, PACKED_A + PACKED_B],
  ],
};

/** The memory in which blocks are computed: their parameters, tables of offsets and packed operands. */
export class Workspace {
  /** The address of the parameters. */
  readonly address: number;
  /** Their first word in `heap.i32`. */
  readonly words: number;
  /** Addresses of tables: the parameters name c's in place of d's where the sum starts from the output. */
  readonly cRows: number;
  readonly cColumns: number;
  readonly dRows: number;
  readonly dColumns: number;
  readonly packedB: number;
  readonly #places: Readonly<Record<Table, number>>;
  readonly #dims: number;
  readonly #fill: WasmFunction;
  /** What tables of one dimension hold: stride and length. */
  readonly #stride: Record<Table, number>;
  readonly #length: Record<Table, number>;

  constructor() {
    const module = newModule();
    tableFiller(module);
    this.#fill = instantiate(module, "fill");
    const tableBytes = 4 * TABLE_ENTRIES + FILL_OVERRUN + 64;
    const bytes: { readonly [K in Field]?: number } = {
      ...Object.fromEntries(tables.map((name) => [name, tableBytes])),
      tile: TILE,
      tileRows: 4 * TILE_ROWS,
      packedA: PACKED_A,
      packedB: PACKED_B,
    };
    let end = 4 * (FIELDS + DIM_WORDS * MAX_DIMS);
    const offsets = Object.entries(bytes).map(([name, size]) => {
      const offset = Math.ceil(end / 64) * 64;
      end = offset + size;
      return [name as Field, offset] as const;
    });
    this.address = heap.allocate(end).offset;
    this.words = this.address >>> 2;
    this.#dims = this.words + FIELDS;
    const places = Object.fromEntries(offsets.map(([name, offset]) => [name, this.address + offset])) as Record<keyof typeof bytes, number>;
    for (const [name] of offsets) heap.i32[this.words + word[name]] = places[name];
    for (let i = 0; i < TILE_ROWS; i++) heap.i32[(places.tileRows >>> 2) + i] = i * TILE_ROW_BYTES;
    this.#places = places;
    this.cRows = places.cRows;
    this.cColumns = places.cColumns;
    this.dRows = places.dRows;
    this.dColumns = places.dColumns;
    this.packedB = places.packedB;
    const none = (): Record<Table, number> => Object.fromEntries(tables.map((name) => [name, -1])) as Record<Table, number>;
    this.#stride = none();
    this.#length = none();
  }

  /** Fills a table with the byte offsets of `length` elements of its group, beginning with number `first`. */
  table(name: Table, group: readonly Dim[], first: number, length: number, size: number): void {
    const operand = operands[name];
    const i32 = heap.i32;
    if (group.length <= 1 && first === 0) {
      const stride = group.length === 0 ? 0 : group[0]![operand] * size;
      if (this.#stride[name] === stride && this.#length[name] >= length) return;
      this.#stride[name] = stride;
      this.#length[name] = length;
    } else this.#length[name] = -1;
    let rest = first;
    let offset = 0;
    let p = this.#dims;
    for (let i = group.length - 1; i >= 0; i--) {
      const dim = group[i]!;
      const index = rest % dim.size;
      rest = Math.floor(rest / dim.size);
      const stride = dim[operand] * size;
      i32[p] = dim.size;
      i32[p + 1] = stride;
      i32[p + 2] = index;
      offset += index * stride;
      p += DIM_WORDS;
    }
    if (group.length === 0) {
      i32[p] = 1;
      i32[p + 1] = 0;
      i32[p + 2] = 0;
    }
    this.#fill(this.#places[name], length, offset | 0, this.#dims * 4);
  }
}

let shared: Workspace | null = null;
/** The workspace of the calling thread. */
export const workspace = (): Workspace => (shared ??= new Workspace());

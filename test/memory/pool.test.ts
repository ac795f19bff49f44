/** The pool on the CPU's heap, and on a small device that counts its buffers. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { Heap } from "../../src/backends/cpu/heap.ts";
import { OutOfMemoryError, TorchletError } from "../../src/core/errors.ts";
import { type Block, type Kind, kinds, type PoolBlock, type RawMemory } from "../../src/memory/block.ts";
import { checkPool } from "../../src/memory/check.ts";
import { Pool, setReclaim } from "../../src/memory/pool.ts";
import { SizeClasses } from "../../src/memory/size-class.ts";
import { Storage } from "../../src/memory/storage.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** A device with so many bytes, each buffer of which is an object of its own. */
class CountedMemory implements RawMemory {
  readonly capacity: number;
  readonly buffers = new Set<unknown>();
  bytes = 0;
  constructor(capacity: number = Number.POSITIVE_INFINITY) {
    this.capacity = capacity;
  }
  allocate(size: number): Block {
    if (this.bytes + size > this.capacity) throw new OutOfMemoryError("the device is full");
    const buffer = {};
    this.buffers.add(buffer);
    this.bytes += size;
    return { buffer, offset: 0, size };
  }
  release({ buffer, size }: Block): void {
    if (!this.buffers.delete(buffer)) throw new Error("a buffer that the device does not have");
    this.bytes -= size;
  }
}

/** The same for a device that wants the lowest of several free blocks. */
class OrderedMemory extends CountedMemory {
  readonly reuse = "lowest";
}

/** Every figure that a failure or a round trip has to leave as it was. */
const currents = ({ all, small, large }: Pool): number[] =>
  [all, small, large].flatMap((figures) => Object.values(figures).map((stat: { current: number }) => stat.current));

afterEach(() => setReclaim(() => {}));

describe("what is taken of several free blocks of a size", () => {
  test.each([
    ["was freed last", CountedMemory, [1, 3, 0, 2]],
    ["has the lowest address", OrderedMemory, [0, 1, 2, 3]],
  ])("%s", (_, Memory, order) => {
    const pool = new Pool(new Memory(), "test", 64);
    for (const size of [100, 100 * KiB]) {
      const blocks = Array.from({ length: 4 }, () => pool.allocate(size));
      for (const i of [2, 0, 3, 1]) pool.free(blocks[i]!);
      expect(Array.from({ length: 4 }, () => blocks.indexOf(pool.allocate(size)))).toEqual(order);
    }
    checkPool(pool);
  });
});

describe("size classes", () => {
  test.each([16, 64, 256])("are ordered, found by their bytes, and waste at most an eighth, at an alignment of %i", (alignment) => {
    const sizes = new SizeClasses(alignment);
    let before = 0;
    for (let i = 1; i < sizes.count; i++) {
      const bytes = sizes.sizeOf(i);
      const units = bytes / alignment;
      expect(Number.isInteger(units) && bytes > before).toBe(true);
      expect([sizes.ceil(units), sizes.floor(units)]).toEqual([i, i]);
      if (bytes <= 512) expect(bytes - before).toBe(alignment);
      else expect(bytes - before).toBeLessThanOrEqual(Math.max(before / 8, alignment));
      if (i > 1) expect([sizes.ceil(before / alignment + 1), sizes.floor(units - 1)]).toEqual([i, i - 1]);
      before = bytes;
    }
    expect(sizes.sizeOf(sizes.lastSmall)).toBe(32 * KiB);
    expect(before).toBe(2 ** 31 * alignment);
  });

  test("a request for nothing takes a unit, and one that no device could serve has no class", () => {
    const sizes = new SizeClasses(64);
    expect([sizes.unitsOf(0), sizes.unitsOf(1), sizes.unitsOf(64), sizes.unitsOf(65)]).toEqual([1, 1, 1, 2]);
    expect(sizes.ceil(sizes.unitsOf(2 ** 31 * 64 + 1))).toBeGreaterThanOrEqual(sizes.count);
    const pool = new Pool(new CountedMemory(), "toy", 64);
    expect(() => pool.allocate(Number.MAX_SAFE_INTEGER)).toThrow(OutOfMemoryError);
    expect(checkPool(pool)).toEqual([]);
  });
});

/** What a random run does. `pick` chooses among the blocks in use. */
type Step =
  | { readonly op: "allocate"; readonly size: number; readonly kind: Kind }
  | { readonly op: "free"; readonly pick: number }
  | { readonly op: "emptyCache" };

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 600 }) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 33 * KiB }) },
  { weight: 3, arbitrary: fc.integer({ min: 30 * KiB, max: 300 * KiB }) },
  { weight: 1, arbitrary: fc.integer({ min: 300 * KiB, max: 3 * MiB }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("allocate" as const), size, kind: fc.constantFrom(...kinds) }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant("free" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ op: "emptyCache" as const }) },
);
const steps = fc.array(step, { maxLength: 120, size: "max" });

/** The share of a block that its request, rounded up to the alignment, leaves unused. */
const wasteOf = ({ size, requested }: PoolBlock, { alignment }: Pool): number =>
  1 - Math.max(Math.ceil(requested / alignment), 1) * (alignment / size);

/** One byte of each unit of alignment tells whether others wrote there. */
function holds(bytes: Uint8Array, mark: number): boolean {
  for (let i = 0; i < bytes.length; i += 64) if (bytes[i] !== mark) return false;
  return true;
}

describe("any sequence of allocations", () => {
  test("on the heap: the walk finds no fault, nobody's bytes change, and at most a quarter of a block is wasted", () => {
    const heap = new Heap(false);
    fc.assert(
      fc.property(steps, fc.constantFrom(3 * MiB, 8 * MiB, Number.POSITIVE_INFINITY), (run, limit) => {
        const pool = new Pool(heap, "cpu", 64);
        const before = heap.allocated;
        pool.limit = limit;
        const live: { block: PoolBlock; mark: number }[] = [];
        const bytesOf = ({ offset, size }: PoolBlock): Uint8Array => heap.u8.subarray(offset, offset + size);
        run.forEach((s, k) => {
          if (s.op === "emptyCache") pool.emptyCache();
          else if (s.op === "free" && live.length > 0) {
            const [{ block, mark }] = live.splice(s.pick % live.length, 1) as [{ block: PoolBlock; mark: number }];
            expect(holds(bytesOf(block), mark)).toBe(true);
            pool.free(block);
          } else if (s.op === "allocate") {
            const figures = currents(pool);
            try {
              const block = pool.allocate(s.size, s.kind);
              expect(block.size).toBeGreaterThanOrEqual(s.size);
              expect([block.requested, block.serial, block.isFree, block.segment.kind]).toEqual([s.size, pool.serial, false, s.kind]);
              expect(wasteOf(block, pool)).toBeLessThanOrEqual(1 / 4);
              bytesOf(block).fill(k & 255);
              live.push({ block, mark: k & 255 });
            } catch (error) {
              expect(error).toBeInstanceOf(OutOfMemoryError);
              expect(limit).toBeLessThan(Number.POSITIVE_INFINITY);
              expect(currents(pool).slice(0, 3)).toEqual(figures.slice(0, 3));
            }
          }
          expect(checkPool(pool)).toEqual([]);
          expect(heap.allocated - before).toBe(pool.all.reservedBytes.current);
          expect(pool.all.reservedBytes.current).toBeLessThanOrEqual(limit);
        });
        for (const { block, mark } of live) {
          expect(holds(bytesOf(block), mark)).toBe(true);
          pool.free(block);
        }
        pool.emptyCache();
        expect(currents(pool).every((n) => n === 0)).toBe(true);
        expect([...pool.segments]).toEqual([]);
        expect(heap.allocated).toBe(before);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("on a device that is often full: each failure is counted and leaves everything as it was", () => {
    let failures = 0;
    let served = 0;
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 4 * MiB }), (run, capacity) => {
        const memory = new CountedMemory(capacity);
        const pool = new Pool(memory, "toy", 256);
        const live: PoolBlock[] = [];
        let [failed, retried] = [0, 0];
        for (const s of run) {
          if (s.op === "emptyCache") pool.emptyCache();
          else if (s.op === "free" && live.length > 0) pool.free(live.splice(s.pick % live.length, 1)[0]!);
          else if (s.op === "allocate") {
            const { serial } = pool;
            const used = currents(pool).slice(0, 3);
            retried = pool.retries;
            try {
              live.push(pool.allocate(s.size, s.kind));
              if (pool.retries > retried) served++;
            } catch (error) {
              expect(error).toBeInstanceOf(OutOfMemoryError);
              expect([pool.serial, pool.retries, pool.outOfMemories]).toEqual([serial, retried + 1, ++failed]);
              expect(currents(pool).slice(0, 3)).toEqual(used);
              // What is free has been given back, so a block was in the way, or the device is too small.
              expect(memory.bytes + s.size).toBeGreaterThan(capacity - 256 * KiB);
            }
          }
          expect(checkPool(pool)).toEqual([]);
          expect([memory.bytes, memory.buffers.size]).toEqual([pool.all.reservedBytes.current, pool.all.segment.current]);
        }
        failures += failed;
      }),
      { numRuns: 100, seed: 2 },
    );
    expect(failures).toBeGreaterThan(100);
    expect(served).toBeGreaterThan(10);
  });
});

describe("reuse", () => {
  test("what was freed last is taken first, and comes back as the same block", () => {
    const pool = new Pool(new CountedMemory(), "toy", 64);
    for (const bytes of [100, 5000, 100_000]) {
      const blocks = [pool.allocate(bytes), pool.allocate(bytes), pool.allocate(bytes)];
      for (const block of blocks) pool.free(block);
      const { reused } = pool;
      expect([pool.allocate(bytes), pool.allocate(bytes - 1), pool.allocate(bytes)]).toEqual(blocks.reverse());
      expect(pool.reused - reused).toBe(3);
    }
  });

  test("kinds do not lend to each other, neither blocks nor segments", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    for (const bytes of [64, 100_000]) {
      const made = kinds.map((kind) => pool.allocate(bytes, kind));
      expect(new Set(made.map((block) => block.segment)).size).toBe(3);
      for (const block of made) pool.free(block);
      const again = [...kinds].reverse().map((kind) => pool.allocate(bytes, kind));
      expect(again).toEqual(made.reverse());
    }
    expect(memory.buffers.size).toBe(6);
    const free = pool.allocate(MiB, "int");
    pool.free(free);
    expect(pool.allocate(MiB, "float").segment).not.toBe(free.segment);
  });

  test("small blocks share arenas of 256 KB; a large block is a buffer of its own", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    for (let i = 0; i < 8; i++) pool.allocate(32 * KiB);
    expect([memory.buffers.size, memory.bytes]).toEqual([1, 256 * KiB]);
    pool.allocate(1);
    expect(memory.buffers.size).toBe(2);
    const large = pool.allocate(32 * KiB + 1);
    expect([large.size, large.segment.size, large.segment.isSmall]).toEqual([36 * KiB, 36 * KiB, false]);
  });

  test("a free block is taken whole where at most a quarter is wasted; otherwise it is split if what is left is a large block", () => {
    const pool = new Pool(new CountedMemory(), "toy", 64);
    const block = pool.allocate(MiB);
    pool.free(block);
    expect(pool.allocate(0.75 * MiB)).toBe(block);
    pool.free(block);
    const half = pool.allocate(MiB / 2);
    expect([half.segment, half.size, half.next!.size, half.next!.isFree]).toEqual([block.segment, MiB / 2, MiB / 2, true]);
    expect([pool.large.inactiveSplit.current, pool.large.inactiveSplitBytes.current]).toEqual([1, MiB / 2]);
    expect(checkPool(pool)).toEqual([]);

    const other = new Pool(new CountedMemory(), "toy", 64);
    const small = other.allocate(60 * KiB);
    other.free(small);
    expect(other.allocate(40 * KiB).segment).not.toBe(small.segment);
  });

  test("while there is room to grow, a large block is not cut up for a request of less than an eighth of it", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    const sizes = [16 * MiB, 40 * KiB, 300 * KiB, 1000, MiB];
    const round = (): PoolBlock[] =>
      sizes.map((bytes) => {
        const block = pool.allocate(bytes);
        pool.free(block);
        return block;
      });
    round();
    const settled = round();
    const buffers = memory.buffers.size;
    expect(round()).toEqual(settled);
    expect(memory.buffers.size).toBe(buffers);
    // Beyond 4/3 of the peak and 4 MB there is none.
    const held = Array.from({ length: 20 }, () => pool.allocate(MiB));
    expect(pool.all.reservedBytes.current).toBeLessThanOrEqual((pool.all.allocatedBytes.peak * 4) / 3 + 4 * MiB + MiB);
    expect(held.some((block) => block.segment.size === 16 * MiB)).toBe(true);
  });

  test("a settled loop gets the same blocks in every step", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    const sizes = [4000, 4000, 256, 64, 128 * KiB, 2000, 30 * KiB, 90 * KiB, 128 * KiB, 64, 700, 4, 400 * KiB];
    const loop = (): PoolBlock[] => {
      const kept: PoolBlock[] = [];
      const all = sizes.map((bytes, i) => {
        const block = pool.allocate(bytes);
        kept.push(block);
        if (i % 3 === 2) pool.free(kept.shift()!);
        return block;
      });
      for (const block of kept) pool.free(block);
      return all;
    };
    for (let i = 0; i < 20; i++) loop();
    const [blocks, buffers] = [new Set(loop()), memory.buffers.size];
    for (let i = 0; i < 20; i++) for (const block of loop()) expect(blocks.has(block)).toBe(true);
    expect(memory.buffers.size).toBe(buffers);
  });
});

describe("giving back", () => {
  test("emptyCache returns arenas and large buffers of which nothing is in use, whatever they were cut into", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    const blocks = [1, 64, 1000, 30_000, 100_000, MiB].flatMap((bytes) => kinds.map((kind) => pool.allocate(bytes, kind)));
    const [kept] = blocks.splice(4, 1) as [PoolBlock];
    for (const block of blocks) pool.free(block);
    pool.emptyCache();
    expect(checkPool(pool)).toEqual([]);
    expect([...pool.segments]).toEqual([kept.segment]);
    expect(memory.bytes).toBe(256 * KiB);
    pool.free(kept);
    pool.emptyCache();
    expect([memory.bytes, memory.buffers.size, currents(pool).every((n) => n === 0)]).toEqual([0, 0, true]);
  });

  test("a block that is freed twice raises, and nothing has changed", () => {
    const pool = new Pool(new CountedMemory(), "toy", 64);
    const [a, b] = [pool.allocate(100), pool.allocate(100)];
    pool.free(a);
    const figures = currents(pool);
    expect(() => pool.free(a)).toThrow(TorchletError);
    expect(() => pool.free(a)).toThrow("INTERNAL ASSERT FAILED: the block of 128 bytes at 0 in the memory of toy is freed twice");
    pool.free(b);
    pool.emptyCache();
    // Also where the block has been merged away.
    expect(() => pool.free(a)).toThrow("is freed twice");
    expect(figures[0]).toBe(1);
    expect(checkPool(pool)).toEqual([]);
  });

  test("free neighbours merge before the device is asked for what they can serve together", () => {
    const memory = new CountedMemory(8 * MiB);
    const pool = new Pool(memory, "toy", 64);
    pool.free(pool.allocate(8 * MiB));
    const pieces = Array.from({ length: 8 }, () => pool.allocate(MiB));
    expect(memory.buffers.size).toBe(1);
    for (const k of [1, 2, 5, 4, 7]) pool.free(pieces[k]!);
    expect(pool.large.inactiveSplit.current).toBe(5);
    const two = [pool.allocate(2 * MiB), pool.allocate(2 * MiB)];
    expect(two.map((block) => block.address / MiB).sort()).toEqual([1, 4]);
    expect([pool.large.inactiveSplit.current, pool.large.inactiveSplitBytes.current]).toEqual([1, MiB]);
    expect(() => pool.allocate(2 * MiB)).toThrow(OutOfMemoryError);
    for (const block of [...two, pieces[0]!, pieces[3]!, pieces[6]!]) pool.free(block);
    expect(pool.allocate(8 * MiB).size).toBe(8 * MiB);
    expect([memory.buffers.size, checkPool(pool).length, pool.large.inactiveSplit.current]).toEqual([1, 0, 0]);
  });

  test("what small blocks have left of an arena is carved anew for other sizes", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    pool.limit = 256 * KiB;
    for (const bytes of [64, 30_000, 500, 4096, 16_384, 64]) {
      const blocks: PoolBlock[] = [];
      while (pool.all.allocatedBytes.current + pool.sizes.sizeOf(pool.sizes.ceil(pool.sizes.unitsOf(bytes))) <= pool.limit) {
        blocks.push(pool.allocate(bytes));
      }
      expect(blocks.length).toBe(Math.floor((256 * KiB) / blocks[0]!.size));
      expect(checkPool(pool)).toEqual([]);
      for (const block of blocks) pool.free(block);
    }
    expect(memory.buffers.size).toBe(1);
  });

  /** Phases with sizes of their own (64 B to 64 KB, 4 KB to 4 MB), up to 64 MB at once, freed in random order. */
  function changingLoad(pool: Pool, seed: number): void {
    const live: PoolBlock[] = [];
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    for (let phase = 0; phase < 12; phase++) {
      const low = phase % 2 === 0 ? 6 : 12;
      for (let k = 0; k < 2500; k++) {
        while (pool.all.requestedBytes.current > 64 * MiB || live.length > 3000) {
          pool.free(live.splice(Math.floor(random() * live.length), 1)[0]!);
        }
        live.push(pool.allocate(Math.floor(2 ** (low + 10 * random()))));
      }
      expect(checkPool(pool)).toEqual([]);
      // A block may be of the next class and, within a quarter of it, larger; a request takes a unit at least.
      expect(pool.all.allocatedBytes.current).toBeLessThanOrEqual(pool.all.requestedBytes.current / 0.75 + 64 * live.length);
    }
  }

  test("under a changing load, what is reserved stays in proportion to what was needed at once", () => {
    for (const seed of [1, 2, 3]) {
      const pool = new Pool(new CountedMemory(), "toy", 64);
      changingLoad(pool, seed);
      expect(pool.all.reservedBytes.peak).toBeLessThan(3 * pool.all.allocatedBytes.peak);
      // With a limit of about twice what is needed, the same is served: idle memory makes room.
      const limited = new Pool(new CountedMemory(), "toy", 64);
      limited.limit = 140 * MiB;
      changingLoad(limited, seed);
      expect(limited.retries).toBeGreaterThan(0);
      expect([limited.outOfMemories, limited.all.reservedBytes.peak <= limited.limit]).toEqual([0, true]);
    }
  });
});

describe("exhaustion", () => {
  test("at the limit: free memory of other sizes and kinds is given back, and the allocation is tried again", () => {
    const memory = new CountedMemory();
    const pool = new Pool(memory, "toy", 64);
    pool.limit = 2 * MiB;
    pool.free(pool.allocate(1.5 * MiB, "int"));
    const block = pool.allocate(MiB);
    expect([block.size, pool.retries, pool.outOfMemories, memory.bytes]).toEqual([MiB, 1, 0, MiB]);
    expect(() => pool.allocate(1.25 * MiB)).toThrow(OutOfMemoryError);
    expect([pool.retries, pool.outOfMemories, pool.serial]).toEqual([2, 1, 2]);
    pool.resetAccumulated();
    expect([pool.retries, pool.outOfMemories, pool.serial, pool.all.allocation.allocated]).toEqual([0, 0, 2, 0]);
    expect(checkPool(pool)).toEqual([]);
  });

  test("a device without room is trimmed and asked again; other errors of its pass through and change nothing", () => {
    const memory = new CountedMemory(2 * MiB);
    const pool = new Pool(memory, "toy", 64);
    pool.free(pool.allocate(1.5 * MiB, "bool"));
    pool.allocate(MiB);
    expect([pool.retries, memory.bytes]).toEqual([1, MiB]);
    const figures = currents(pool);
    memory.allocate = () => {
      throw new RangeError("the device is lost");
    };
    expect(() => pool.allocate(100)).toThrow("the device is lost");
    expect([currents(pool), pool.retries, pool.outOfMemories]).toEqual([figures, 1, 0]);
    expect(checkPool(pool)).toEqual([]);
  });

  test("what reclaims memory runs first, once, and may itself allocate", () => {
    const memory = new CountedMemory(MiB);
    const pool = new Pool(memory, "toy", 64);
    const dead = [pool.allocate(MiB / 2), pool.allocate(MiB / 2)];
    let calls = 0;
    setReclaim(() => {
      calls++;
      expect(() => pool.allocate(100)).toThrow(OutOfMemoryError);
      for (const block of dead.splice(0)) pool.free(block);
    });
    const { segment } = pool.allocate(MiB / 2);
    expect([calls, pool.retries, pool.outOfMemories, pool.all.segment.freed]).toEqual([1, 2, 1, 0]);
    pool.allocate(MiB / 2);
    expect(() => pool.allocate(MiB / 2)).toThrow(OutOfMemoryError);
    expect([calls, checkPool(pool).length, pool.segments.has(segment)]).toEqual([2, 0, true]);
    setReclaim(() => {
      throw new RangeError("reclaiming failed");
    });
    expect(() => pool.allocate(MiB)).toThrow("reclaiming failed");
    expect(() => pool.allocate(MiB)).toThrow("reclaiming failed");
    expect(checkPool(pool)).toEqual([]);
  });

  test("where there is no room for an arena, there may be for the block alone", () => {
    const pool = new Pool(new CountedMemory(), "toy", 64);
    pool.limit = 100 * KiB;
    const blocks = [pool.allocate(20_000), pool.allocate(20_000), pool.allocate(64)];
    expect(checkPool(pool)).toEqual([]);
    expect(blocks[0]!.segment.size).toBe(blocks[0]!.size);
    expect(() => pool.allocate(80 * KiB)).toThrow(OutOfMemoryError);
  });

  test("the error has the form of PyTorch's, with the figures", () => {
    const pool = new Pool(new CountedMemory(4 * MiB), "toy", 64);
    pool.allocate(MiB);
    pool.allocate(1000);
    const tried = (): string => {
      try {
        pool.allocate(3.9 * MiB);
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    const advice =
      "Tensors that a synchronous loop drops are only found when the collector runs: await a read in the loop, or wrap its body in " +
      "scope(() => { ... }).";
    expect(tried()).toBe(
      "toy out of memory. Tried to allocate 3.90 MiB (toy; 4.00 MiB total capacity; 1.00 MiB already allocated; 2.75 MiB free; " +
        `1.25 MiB reserved in total by Torchlet). ${advice}`,
    );
    pool.limit = 2 * MiB;
    expect(tried()).toBe(
      "toy out of memory. Tried to allocate 3.90 MiB (toy; 4.00 MiB total capacity; 1.00 MiB already allocated; 768.00 KiB free; " +
        `2.00 MiB allowed; 1.25 MiB reserved in total by Torchlet). ${advice}`,
    );
  });
});

describe("figures", () => {
  test("by part: counts, bytes and requests, current, peak, allocated and freed", () => {
    const pool = new Pool(new CountedMemory(), "toy", 64);
    const small = pool.allocate(100);
    const large = pool.allocate(100_000);
    pool.free(small);
    pool.free(pool.allocate(70));
    const of = ({ current, peak, allocated, freed }: typeof pool.all.allocation): number[] => [current, peak, allocated, freed];
    expect(of(pool.small.allocation)).toEqual([0, 1, 2, 2]);
    expect(of(pool.small.allocatedBytes)).toEqual([0, 128, 256, 256]);
    expect(of(pool.small.requestedBytes)).toEqual([0, 100, 170, 170]);
    expect(of(pool.large.allocatedBytes)).toEqual([106_496, 106_496, 106_496, 0]);
    expect(of(pool.all.requestedBytes)).toEqual([100_000, 100_100, 100_170, 170]);
    expect(of(pool.all.segment)).toEqual([2, 2, 2, 0]);
    // The tail of the arena; and beside it, from the start on, the block that came back.
    expect(of(pool.small.inactiveSplit)).toEqual([2, 2, 3, 1]);
    pool.resetPeaks();
    expect(pool.all.requestedBytes.peak).toBe(100_000);
    pool.free(large);
    expect(pool.large.inactiveSplit.current).toBe(0);
    expect(checkPool(pool)).toEqual([]);
  });

  test("who listens is told, of a freed block while it still says whose it was", () => {
    const pool = new Pool(new CountedMemory(MiB), "toy", 64);
    const told: string[] = [];
    const first = pool.allocate(100_000);
    pool.events = {
      allocated: (block) => told.push(`allocated ${block.requested} as ${block.serial}`),
      freed: (block) => told.push(`freed ${block.requested} of ${block.holder?.nbytes}`),
      segmentAllocated: (segment) => told.push(`segment of ${segment.size}`),
      segmentFreed: (segment) => told.push(`segment of ${segment.size} freed`),
      outOfMemory: (bytes) => told.push(`no ${bytes}`),
    };
    const storage = new Storage(pool, 500, "int");
    storage.retain();
    expect(checkPool(pool)).toEqual([]);
    storage.release();
    pool.free(first);
    expect(() => pool.allocate(2 * MiB)).toThrow(OutOfMemoryError);
    expect(told).toEqual([
      "segment of 262144",
      "allocated 500 as 2",
      "freed 500 of 500",
      "freed 100000 of undefined",
      "segment of 106496 freed",
      "segment of 262144 freed",
      "no 2097152",
    ]);
  });
});

describe("the checker finds", () => {
  /** Fields that only the pool writes, for a test to break. */
  type Open<T> = { -readonly [K in keyof T]: T[K] };
  const broken = (harm: (pool: Pool, blocks: Open<PoolBlock>[]) => void): string => {
    const pool = new Pool(new CountedMemory(), "toy", 64);
    const blocks = [64, 128, 64, 100_000, 64].map((bytes) => pool.allocate(bytes));
    pool.free(blocks[1]!);
    expect(checkPool(pool)).toEqual([]);
    harm(pool, blocks);
    return checkPool(pool).join("; ");
  };

  test.each<[string, (pool: Pool, blocks: Open<PoolBlock>[]) => void, string]>([
    ["an overlap", (_, [a]) => (a!.size = 128), "begins at 64 and not at 128, where the block before it ends"],
    ["a gap", (_, [a]) => (a!.next = a!.next!.next), "begins at 192 and not at 64"],
    ["a lost end", (_, [, , , , e]) => (e!.next = null), "end at 320 and not at 262144"],
    ["a wrong link", (_, [, b]) => (b!.previous = null), "does not know the block before it"],
    ["a block in use in a list", (pool, [a]) => pool.lists.float.push(a!), "is in a free list but is no free block of a segment"],
    ["a block in two lists", (pool, [, b]) => pool.lists.float.push(b!), "is in a free list twice"],
    ["another kind's list", (pool, [, b]) => pool.lists.int.push(b!), "is of kind float, but in a free list of kind int"],
    ["a free block in no list", (pool) => pool.lists.float.tails.pop(), "is free, but in no free list"],
    ["a list of another size", (pool) => pool.lists.float.classes[7]!.push(pool.lists.float.classes[2]!.pop()!), "not that of its size"],
    ["a wrong count", (pool) => pool.small.allocation.increase(1), "allocation.small is 4, but 3 by count"],
    ["wrong bytes", (pool) => pool.all.inactiveSplitBytes.decrease(64), "inactiveSplitBytes.all is"],
    ["a request that does not fit", (_, [a]) => (a!.requested = 100), "serves a request for 100 bytes"],
    ["an orphan", (pool, [a]) => (a!.holder = new Storage(pool, 4, "float", a!)), "is in use, but nobody owns its storage"],
  ])("%s", (_, harm, sentence) => {
    expect(broken(harm)).toContain(sentence);
  });

  test("segments that overlap in the device's memory", () => {
    const memory = new CountedMemory();
    const buffer = {};
    memory.allocate = (size) => ({ buffer, offset: memory.bytes, size });
    const pool = new Pool(memory, "toy", 64);
    pool.allocate(100_000);
    expect(checkPool(pool)).toEqual([]);
    memory.bytes = 65_536;
    pool.allocate(100_000);
    expect(checkPool(pool).join()).toContain("two segments overlap: bytes of one buffer 0 to 106496, and 65536");
  });
});

import { describe, expect, test } from "vitest";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import { Heap } from "../../src/backends/cpu/heap.ts";
import { uint8 } from "../../src/core/dtype.ts";
import { OutOfMemoryError } from "../../src/core/errors.ts";
import type { Block } from "../../src/memory/block.ts";

describe("Heap", () => {
  test("blocks are aligned, large enough and apart", () => {
    const heap = new Heap();
    const blocks = [1, 64, 65, 0, 1000, 4096].map((size) => heap.allocate(size));
    for (const [k, block] of blocks.entries()) {
      expect(block.offset % 64).toBe(0);
      expect(block.buffer).toBe(heap);
      for (const other of blocks.slice(k + 1))
        expect(other.offset >= block.offset + block.size || block.offset >= other.offset + other.size).toBe(true);
    }
    expect(blocks.map((b) => b.size)).toEqual([64, 64, 128, 64, 1024, 4096]);
  });

  test("takes the smallest range that fits, and merges neighbours", () => {
    const heap = new Heap();
    const [a, , c, , e] = [64, 64, 256, 64, 128, 64].map((size) => heap.allocate(size)) as [Block, Block, Block, Block, Block, Block];
    heap.release(a);
    heap.release(c);
    heap.release(e);
    expect(heap.allocate(100).offset).toBe(e.offset);
    expect(heap.allocate(10).offset).toBe(a.offset);
    expect(heap.allocate(200).offset).toBe(c.offset);
  });

  test.each([
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ])("three neighbours released in the order %d %d %d are one range again", (...order) => {
    const heap = new Heap();
    const three = [heap.allocate(64), heap.allocate(128), heap.allocate(64)];
    heap.allocate(64);
    for (const k of order) heap.release(three[k]!);
    expect(heap.allocate(256).offset).toBe(three[0]!.offset);
  });

  test("random use keeps contents apart and ends with nothing allocated", () => {
    const heap = new Heap();
    const live: { block: Block; mark: number }[] = [];
    let seed = 1;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % n;
    };
    for (let step = 0; step < 3000; step++) {
      if (live.length > 0 && random(5) < 2) {
        const [{ block, mark }] = live.splice(random(live.length), 1) as [{ block: Block; mark: number }];
        const bytes = heap.u8.subarray(block.offset, block.offset + block.size);
        expect(bytes.every((b) => b === mark)).toBe(true);
        heap.release(block);
      } else {
        const block = heap.allocate(random(3000));
        const mark = random(256);
        heap.u8.fill(mark, block.offset, block.offset + block.size);
        live.push({ block, mark });
      }
    }
    for (const { block } of live) heap.release(block);
    expect(heap.allocated).toBe(0);
    // One range again: everything but the first page and the slack can be had in one piece without growing.
    const all = heap.buffer.byteLength;
    heap.allocate(all - 65536 - 64);
    expect(heap.buffer.byteLength).toBe(all);
  });

  test("grows, keeps what is there and refreshes its views", () => {
    const heap = new Heap();
    const before = heap.buffer.byteLength;
    const small = heap.allocate(64);
    heap.f32[small.offset / 4] = 1.5;
    const large = heap.allocate(before * 2);
    expect(heap.buffer.byteLength).toBeGreaterThan(before * 2);
    expect(heap.f32[small.offset / 4]).toBe(1.5);
    heap.f32[(large.offset + large.size) / 4 - 1] = 2;
    expect(heap.f32[(large.offset + large.size) / 4 - 1]).toBe(2);
  });

  test("memory that is not shared works alike", () => {
    const heap = new Heap(false);
    expect(heap.buffer).toBeInstanceOf(ArrayBuffer);
    const block = heap.allocate(64);
    heap.i32[block.offset / 4] = 7;
    const large = heap.allocate(heap.buffer.byteLength);
    heap.u8.fill(1, large.offset, large.offset + large.size);
    expect(heap.i32[block.offset / 4]).toBe(7);
    expect(heap.type.shared).toBe(false);
  });

  test("what does not fit is an OutOfMemoryError that says how much was asked for", () => {
    const heap = new Heap();
    expect(() => heap.allocate(2 ** 33)).toThrow(OutOfMemoryError);
    expect(() => heap.allocate(2 ** 33)).toThrow(
      /^CPU out of memory\. Tried to allocate 8\.00 GiB \(CPU; 4\.00 GiB total capacity; 0 bytes already allocated;/,
    );
    expect(heap.allocate(100).size).toBe(128);
  });

  test("blocks beyond 2 GiB can be written and read", () => {
    const heap = new Heap();
    const large = heap.allocate(2 ** 31);
    const block = heap.allocate(64);
    expect(block.offset + block.size > large.offset).toBe(true);
    const last = (large.offset + large.size) / 8 - 1;
    heap.f64[last] = 3;
    expect(heap.f64[last]).toBe(3);
  });
});

describe("CpuBackend", () => {
  test("writes and reads bytes, as copies in ordinary buffers", async () => {
    const backend = new CpuBackend();
    const block = backend.allocate(100);
    const bytes = Uint8Array.from({ length: 10 }, (_, k) => k + 1);
    backend.write(block, uint8, 5, bytes);
    bytes.fill(0);
    const back = await backend.read(block, uint8, 4, 12);
    expect([...back.subarray(1, 11)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(back.buffer).toBeInstanceOf(ArrayBuffer);
    const sync = backend.readSync(block, uint8, 5, 10);
    sync.fill(9);
    expect([...backend.readSync(block, uint8, 5, 2)]).toEqual([1, 2]);
    await backend.synchronize();
    backend.flush();
    backend.release(block);
  });
});

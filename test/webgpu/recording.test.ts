import { beforeAll, describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";
import { counted } from "./counted.ts";

const device = "webgpu";
beforeAll(() => torch.webgpu.start());

describe("batches", () => {
  test("many operations are one submit, at the read", async () => {
    const x = torch.ones([1000], { device });
    await x.toTypedArray();
    const spent = await counted(async () => {
      let y = x;
      for (let i = 0; i < 50; i++) y = y.add(1);
      expect(await y.at(0).item()).toBe(51);
    });
    expect(spent.submits).toBe(1);
    expect(spent.dispatches).toBe(50);
  });

  test("a new shape compiles nothing, nor does a new number", async () => {
    const f = (n: number, k: number): torch.Tensor => torch.ones([n, 3], { device }).mul(k).add(1);
    await f(5, 2).tolist();
    const spent = await counted(async () => {
      expect(await f(2, 7).tolist()).toEqual([
        [8, 8, 8],
        [8, 8, 8],
      ]);
      await f(1000, -1).tolist();
    });
    expect(spent.pipelines).toBe(0);
  });

  test("a loop in a scope reuses its buffers and bind groups", async () => {
    const x = torch.ones([20_000], { device });
    const step = (): void => torch.scope(() => void x.mul(2).add(1).exp());
    for (let i = 0; i < 3; i++) step();
    const spent = await counted(() => {
      for (let i = 0; i < 20; i++) step();
    });
    expect(spent.buffers).toBe(0);
    expect(spent.bindGroups).toBe(0);
    expect(spent.pipelines).toBe(0);
  });

  test("a batch that is full is submitted, and goes on", async () => {
    let y = torch.zeros([4], { device });
    for (let i = 0; i < 3000; i++) y = y.add(1);
    expect(await y.tolist()).toEqual([3000, 3000, 3000, 3000]);
  });
});

describe("uploads", () => {
  test("do not overtake what has been recorded on the same memory", async () => {
    for (const n of [8, 100_000, 2_000_000]) {
      const results: torch.Tensor[] = [];
      for (let i = 0; i < 5; i++) {
        // The block of x goes back to the pool while the addition is only recorded, and the next x takes it.
        const x = torch.tensor(new Float32Array(n).fill(i), { device });
        results.push(x.add(100));
        x.dispose();
      }
      for (const [i, y] of results.entries()) {
        const values = (await y.toTypedArray()) as Float32Array;
        expect([values[0], values[n - 1]]).toEqual([100 + i, 100 + i]);
      }
    }
  });

  test("of a batch reuse one block between two recorded steps", async () => {
    const seen: torch.Tensor[] = [];
    for (let i = 0; i < 4; i++) {
      const batch = torch.tensor(
        Float32Array.from({ length: 64 }, (_, k) => k + 1000 * i),
        { device },
      );
      seen.push(batch.mul(1));
      batch.dispose();
    }
    for (const [i, y] of seen.entries()) expect(await y.at(63).item()).toBe(63 + 1000 * i);
  });

  test("end at the tensor's last byte", async () => {
    const all = torch.zeros([8], { dtype: torch.uint8, device });
    all.at("1:4").copy_(torch.tensor(new Uint8Array([1, 2, 3]), { device }));
    expect(await all.tolist()).toEqual([0, 1, 2, 3, 0, 0, 0, 0]);
  });

  test("from shared memory go through memory that is not shared", async () => {
    const x = torch.arange(1000, { dtype: torch.float32 });
    expect(await (await x.to(device)).at(999).item()).toBe(999);
  });
});

describe("reads", () => {
  test("may run side by side", async () => {
    const x = torch.arange(10, { dtype: torch.float32, device });
    const reads = Array.from({ length: 10 }, (_, i) => x.add(i).at(0).item());
    expect(await Promise.all(reads)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("are impossible at once, and the error names the awaited form", () => {
    const x = torch.ones([1], { device });
    expect(() => x.itemSync()).toThrow(/device 'webgpu' cannot be read synchronously: use `await` with await x.item\(\)/);
  });
});

describe("dtypes", () => {
  test("float64 is refused with a hint, before anything is moved", async () => {
    await expect(torch.ones([2], { dtype: torch.float64 }).to(device)).rejects.toThrow(".float()");
    expect(() => torch.ones([2], { dtype: torch.float64, device })).toThrow(".float()");
  });

  test("int64 is checked on upload and comes back as int64", async () => {
    const x = await torch.tensor([1n, -2n, 2n ** 31n - 1n]).to(device);
    expect(x.dtype).toBe(torch.int64);
    expect(Array.from((await x.toTypedArray()) as BigInt64Array)).toEqual([1n, -2n, 2n ** 31n - 1n]);
    await expect(torch.tensor([2n ** 31n]).to(device)).rejects.toThrow("holds int64 in 32 bits, and 2147483648 does not fit");
  });

  const { uint8, int8, int16, int32, int64, bool, float16, bfloat16, float32 } = torch;
  const there = [uint8, int8, int16, int32, int64, bool, float16, bfloat16, float32].map((dtype) => [dtype.name, dtype] as const);
  test.each(there)("%s goes there and back", async (_, dtype) => {
    const x = torch.tensor([0, 1, 1, 0, 1]).to(dtype);
    const y = await x.to(device);
    expect(y.dtype).toBe(dtype);
    expect(await (await y.cpu()).tolist()).toEqual(await x.tolist());
  });
});

describe("buffers of the user's own", () => {
  const usage = 0x80 | 0x4 | 0x8;
  test("become tensors without a copy", async () => {
    const gpu = torch.webgpu.gpuDevice();
    const buffer = gpu.createBuffer({ size: 1024, usage });
    gpu.queue.writeBuffer(buffer, 256, new Float32Array([1, 2, 3, 4, 5, 6]));
    const x = torch.webgpu.fromBuffer(buffer, { dtype: torch.float32, shape: [2, 3], byteOffset: 256 });
    expect(await x.t().tolist()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    x.mul_(10);
    x.dispose();
    const again = torch.webgpu.fromBuffer(buffer, { dtype: torch.float32, shape: [3], stride: [2], byteOffset: 256 });
    expect(await again.tolist()).toEqual([10, 30, 50]);
    buffer.destroy();
  });

  test("are refused where they cannot be one", () => {
    const gpu = torch.webgpu.gpuDevice();
    const small = gpu.createBuffer({ size: 256, usage });
    expect(() => torch.webgpu.fromBuffer(small, { dtype: torch.float32, shape: [65] })).toThrow("needs 260 bytes");
    expect(() => torch.webgpu.fromBuffer(small, { dtype: torch.float32, shape: [1], byteOffset: 4 })).toThrow("multiple of 256");
    const bare = gpu.createBuffer({ size: 256, usage: 0x80 });
    expect(() => torch.webgpu.fromBuffer(bare, { dtype: torch.float32, shape: [1] })).toThrow("usages STORAGE, COPY_SRC and COPY_DST");
  });

  test("show a tensor's memory to other commands", async () => {
    const x = torch.arange(4, { dtype: torch.float32, device }).add(1);
    const { buffer, byteOffset, byteLength } = torch.webgpu.bufferOf(x);
    const gpu = torch.webgpu.gpuDevice();
    const read = gpu.createBuffer({ size: 16, usage: 0x1 | 0x8 });
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, byteOffset, read, 0, byteLength);
    gpu.queue.submit([encoder.finish()]);
    await read.mapAsync(1);
    expect([...new Float32Array(read.getMappedRange())]).toEqual([1, 2, 3, 4]);
    read.unmap();
  });
});

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { setBlasEnabled } from "../../src/backends/cpu/blas/state.ts";
import { instantiate, newModule, type WasmFunction } from "../../src/backends/cpu/engine.ts";
import { heap } from "../../src/backends/cpu/heap.ts";
import { pool } from "../../src/backends/cpu/threads/pool.ts";
import type { FunctionBuilder } from "../../src/backends/cpu/wasm/assembler.ts";
import * as torch from "../../src/index.ts";
import type { Block } from "../../src/memory/block.ts";

type Make = () => torch.Tensor;

/** Sets the number of threads and waits until as many take part. */
async function threads(n: number): Promise<void> {
  torch.setNumThreads(n);
  for (let k = 0; k < 2000 && pool.ready !== n - 1; k++) {
    pool.forCost(1e9);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(pool.ready).toBe(n - 1);
}

/** Every kernel of some cost goes to the workers, however busy the machine is. */
const always = (): void => {
  vi.spyOn(pool, "forCost").mockImplementation((cost) => (cost < 20_000 ? 1 : pool.ready + 1));
};

const bytesOf = (x: torch.Tensor): Uint8Array => {
  const values = x.contiguous().toTypedArraySync() as Uint8Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
};

/** A function of a record's address. */
function functionOf(emit: (f: FunctionBuilder) => void): WasmFunction {
  const m = newModule();
  emit(m.func("run", ["i32"]));
  return instantiate(m);
}

/** Which cases run on the calling thread alone. */
const ALONE = ["a map with positions"];

const before = setBlasEnabled(false);
afterAll(() => {
  setBlasEnabled(before);
  torch.setNumThreads(1);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("the number of threads", () => {
  it("is the number of cores, and what is set", () => {
    expect(torch.getNumThreads()).toBeGreaterThanOrEqual(1);
    torch.setNumThreads(1000);
    expect(torch.getNumThreads()).toBe(1000);
    torch.setNumThreads(2n);
    expect(torch.getNumThreads()).toBe(2);
  });

  it("is a positive integer", () => {
    for (const n of [0, -1, 2 ** 40]) expect(() => torch.setNumThreads(n)).toThrow("set_num_threads expects a positive integer");
    const wrong: [unknown, string][] = [
      [1.5, "float"],
      ["2", "str"],
      [true, "bool"],
      [null, "NoneType"],
    ];
    for (const [n, name] of wrong) {
      expect(() => torch.setNumThreads(n as number)).toThrow(`set_num_threads expects an int, but got ${name}`);
    }
  });
});

describe("the first workers", () => {
  it("are started by cheap kernels too, when they have cost enough", async () => {
    torch.setNumThreads(2);
    expect(pool.ready).toBe(0);
    for (let k = 0; k < 500; k++) expect(pool.forCost(50_000)).toBe(1);
    await vi.waitUntil(() => pool.ready === 1, { timeout: 10_000 });
  });
});

describe("kernels on several threads", () => {
  const cases: [string, Make][] = [];
  const add = (name: string, make: Make): void => void cases.push([name, make]);
  beforeAll(() => {
    torch.manualSeed(5);
    const { randn } = torch;
    const [a, b, c] = [randn(300, 517), randn(517, 401), randn(401)];
    const [s, t] = [randn(7, 130, 90), randn(7, 90, 110)];
    const [p, q] = [randn(700, 300), randn(300, 700)];
    const [long, wide] = [randn(2, 9000), randn(9000, 40)];
    const [x, y] = [randn(500007), randn(500007)];
    const square = randn(600, 600);
    const [tall, cube] = [randn(1500, 600), randn(100, 90, 100)];
    add("a product", () => a.matmul(b));
    add("a product with a start", () => torch.addmm(c, a, b));
    add("a product with its transpose", () => a.matmul(a.t()));
    add("a product in float64", () => a.to(torch.float64).matmul(b.to(torch.float64)));
    add("a product of integers", () => p.mul(9).to(torch.int32).matmul(q.mul(9).to(torch.int32)));
    add("a batch of products", () => s.matmul(t));
    add("few rows", () => p.at("0:20").matmul(q));
    add("dot products", () => p.at("0:5").matmul(p.t()));
    add("a row", () => q.at(0).matmul(p));
    add("a column", () => tall.matmul(square.at(":", 3)));
    add("more steps than a table holds", () => long.matmul(wide));
    add("more rows than a table holds", () => wide.matmul(wide.at("0:30").t()));
    add("a convolution", () => torch.nn.functional.conv2d(x.at("0:98304").view(4, 8, 48, 64), y.at("0:1152").view(16, 8, 3, 3)));
    add("a map", () => x.exp());
    add("a map of two operands", () => torch.addcmul(x, x, y));
    add("a map to bool", () => x.gt(y));
    add("a map from int8", () => x.mul(9).to(torch.int8).mul(3).to(torch.float16));
    add("a map in place", () => x.clone().mul_(2).add_(y));
    add("a map over strides", () => p.add(q.t()));
    add("a map over strides in place", () => square.clone().t().mul_(square));
    add("a broadcast map", () => p.mul(p.at(0)).add(q.at(":", "0:1").t()));
    add("a map with a short outer loop", () => x.at("0:300000").view(2, 150000).t().add(1));
    add("a map that calls JavaScript", () => x.to(torch.float64).sin());
    add("a map with positions", () => square.tril());
    add("a sum over columns", () => tall.sum(0));
    add("a sum over rows", () => tall.sum(1));
    add("a sum over the middle", () => cube.sum(1));
    add("a sum over the middle of long rows", () => x.at("0:480000").view(4, 150, 800).sum(1));
    add("largest elements of columns", () => x.at("0:480000").view(150, 3200).amax(0));
    add("whether columns have some element", () => x.at("0:480000").view(300, 1600).gt(2.5).any(0));
    add("a sum over the outside", () => cube.sum([0, 2]));
    add("a sum of everything", () => x.sum());
    add("a mean in float64", () => p.to(torch.float64).mean(1));
    add("a largest element", () => square.argmax(1));
    add("variances", () => square.var(0));
    add("a softmax", () => square.softmax(-1));
  });

  it("give the same bits for any number of threads", { timeout: 60_000 }, async () => {
    await threads(1);
    const one = cases.map(([, make]) => bytesOf(make()));
    for (const n of [2, 3]) {
      await threads(n);
      always();
      const run = vi.spyOn(pool, "run");
      const different: string[] = [];
      const alone: string[] = [];
      cases.forEach(([name, make], k) => {
        run.mockClear();
        for (let again = 0; again < 2; again++) if (Buffer.compare(bytesOf(make()), one[k]!) !== 0) different.push(name);
        if (run.mock.calls.length === 0) alone.push(name);
      });
      expect(different).toEqual([]);
      expect(alone).toEqual(ALONE);
      vi.restoreAllMocks();
    }
  });

  it("find memory that has grown since they began, and functions in it", async () => {
    await threads(3);
    const end = heap.buffer.byteLength;
    // Fills all that is free, down to pieces that a function with a name this long does not fit in.
    const blocks: Block[] = [];
    for (const size of [2 ** 20, 2 ** 16, 2 ** 12]) {
      do blocks.push(heap.allocate(size));
      while (blocks[blocks.length - 1]!.offset < end);
    }
    const m = newModule();
    m.func("f".repeat(2 ** 12), ["i32"])
      .get(0)
      .load("i32.load")
      .get(0)
      .load("i32.load", 4)
      .store("i32.store");
    const f = instantiate(m, "f".repeat(2 ** 12));
    const chunks = 4000;
    const target = heap.allocate(4 * chunks).offset;
    expect(target).toBeGreaterThan(end - 64);
    // What is stored is 7, or in workers the address of their scratch memory.
    let byWorkers = 0;
    for (let again = 0; again < 200 && byWorkers === 0; again++) {
      const w = pool.begin(f, chunks, 2, { bytes: 64, fields: [[1, 0]] });
      for (let k = 0; k < chunks; k++) heap.i32.set([target + 4 * k, 7], w + 2 * k);
      pool.run(f, 3, false);
      const stored = heap.i32.subarray(target >>> 2, (target >>> 2) + chunks);
      expect(stored.every((x) => x !== 0)).toBe(true);
      byWorkers = stored.filter((x) => x !== 7).length;
      stored.fill(0);
    }
    expect(byWorkers).toBeGreaterThan(0);
    expect(pool.ready).toBe(2);
    for (const block of blocks) heap.release(block);
  });

  it("run one after the other without losing a chunk", async () => {
    await threads(3);
    always();
    const x = torch.zeros(220_000);
    const run = vi.spyOn(pool, "run");
    for (let k = 0; k < 1000; k++) x.add_(1).sqrt_().mul_(1.25);
    expect(run.mock.calls.length).toBeGreaterThan(2999);
    const { min, max } = { min: x.min().itemSync(), max: x.max().itemSync() };
    await threads(1);
    vi.restoreAllMocks();
    const y = torch.zeros(1);
    for (let k = 0; k < 1000; k++) y.add_(1).sqrt_().mul_(1.25);
    expect([min, max]).toEqual([y.itemSync(), y.itemSync()]);
  });
});

describe("small kernels", () => {
  it("stay on the calling thread, and start nobody", async () => {
    await threads(1);
    torch.setNumThreads(3);
    const run = vi.spyOn(pool, "run");
    const x = torch.randn(16, 16);
    for (let k = 0; k < 100; k++) x.matmul(x).relu().sum();
    expect(run).not.toHaveBeenCalled();
    expect(pool.ready).toBe(0);
  });

  it("the kernel that starts the workers runs on one thread", async () => {
    await threads(1);
    torch.setNumThreads(2);
    const run = vi.spyOn(pool, "run");
    const x = torch.randn(2 ** 20);
    x.exp();
    expect(run).not.toHaveBeenCalled();
    await threads(2);
  });
});

describe("kernels that are too cheap to wake anybody", () => {
  /** Waits until the workers sleep, and no stall before keeps threads from sharing. */
  const asleep = async (): Promise<void> => {
    await threads(2);
    const sleeping = (): boolean => pool.forCost(25_000) === 1 && pool.forCost(1e6) === 2;
    for (let k = 0; k < 500; k++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (sleeping()) return;
    }
    expect.fail("the workers do not sleep");
  };

  it("wake workers when they follow each other", async () => {
    await asleep();
    const given = Array.from({ length: 8 }, () => pool.forCost(60_000));
    expect(given[0]).toBe(1);
    expect(given).toContain(2);
  });

  it("leave them asleep when they come now and then", async () => {
    await asleep();
    for (let k = 0; k < 8; k++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(pool.forCost(60_000)).toBe(1);
    }
  });
});

describe("a job", () => {
  /** Sets word 1 of the record to word 0 plus 1 after some thousand steps. */
  const slow = (f: FunctionBuilder): void => {
    const n = f.local("i32");
    f.i32(200_000).set(n);
    f.loop((top) => {
      f.get(n).i32(1).op("i32.sub").tee(n).brIf(top);
    });
    f.get(0).get(0).load("i32.load").i32(1).op("i32.add").store("i32.store", 4);
  };

  it("runs every chunk once", async () => {
    await threads(3);
    const f = functionOf(slow);
    for (const chunks of [1, 2, 100]) {
      const w = pool.begin(f, chunks, 2);
      for (let k = 0; k < chunks; k++) heap.i32.set([10 * k, 0], w + 2 * k);
      pool.run(f, 3, false);
      for (let k = 0; k < chunks; k++) expect(heap.i32[w + 2 * k + 1]).toBe(10 * k + 1);
    }
  });

  it("gives workers scratch memory of their own", async () => {
    await threads(3);
    const f = functionOf(slow);
    const found = new Set<number>();
    const scratch = { bytes: 64, fields: [[0, 0]] as const };
    for (let k = 0; k < 200 && found.size < 2; k++) {
      const w = pool.begin(f, 30, 2, scratch);
      heap.i32.fill(-1, w, w + 60);
      pool.run(f, 3, false);
      for (let c = 0; c < 30; c++) if (heap.i32[w + 2 * c] !== -1) found.add(heap.i32[w + 2 * c]!);
    }
    expect(found.size).toBe(2);
  });

  it("throws what a chunk threw, also in a worker, and goes on", async () => {
    await threads(2);
    const trap = functionOf((f) => f.op("unreachable"));
    let error: unknown;
    try {
      trap(0);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
    const expected = (error as Error).message;
    pool.begin(trap, 4, 1);
    expect(() => pool.run(trap, 2, false)).toThrow(expect.objectContaining({ message: expected, name: "RuntimeError" }));
    // Only where the record's first word is scratch memory, which is in workers.
    const inWorkers = functionOf((f) => {
      slow(f);
      f.get(0)
        .load("i32.load")
        .i32(-1)
        .op("i32.ne")
        .if(() => f.op("unreachable"));
    });
    const thrown: unknown[] = [];
    for (let k = 0; k < 200 && thrown.length < 3; k++) {
      const w = pool.begin(inWorkers, 20, 2, { bytes: 64, fields: [[0, 0]] });
      heap.i32.fill(-1, w, w + 40);
      try {
        pool.run(inWorkers, 2, false);
      } catch (e) {
        thrown.push(e);
      }
    }
    expect(thrown.length).toBe(3);
    for (const e of thrown) {
      expect(e).toBeInstanceOf(WebAssembly.RuntimeError);
      expect((e as Error).message).toBe(expected);
    }
    expect(pool.ready).toBe(1);
  });

  it("is not offered to functions that call JavaScript", () => {
    const m = newModule();
    const sin = m.importFunction("host", "sin", ["f64"], ["f64"]);
    m.func("run", ["i32"]).f64(1).call(sin).op("drop");
    expect(pool.begin(instantiate(m), 2, 1)).toBe(0);
  });
});

describe("workers", () => {
  it("leave and come back with the number of threads", async () => {
    for (const n of [4, 1, 2, 3, 2]) await threads(n);
    // Faster than they can leave.
    for (let k = 0; k < 50; k++) torch.setNumThreads(1 + (k % 3));
    await threads(3);
    await threads(1);
  });

  it("that are gone are done without", async () => {
    await threads(1);
    const library = process.getBuiltinModule("node:worker_threads");
    const { Worker } = library;
    const made: InstanceType<typeof Worker>[] = [];
    library.Worker = class extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        made.push(this);
      }
    };
    try {
      await threads(2);
    } finally {
      library.Worker = Worker;
    }
    always();
    const x = torch.randn(200_000);
    const expected = bytesOf(x.exp());
    expect(made.length).toBe(1);
    await made[0]!.terminate();
    expect(pool.ready).toBe(0);
    expect(Buffer.compare(bytesOf(x.exp()), expected)).toBe(0);
    torch.setNumThreads(3);
    expect(Buffer.compare(bytesOf(x.exp()), expected)).toBe(0);
  });

  it("do not keep a process alive", { timeout: 60_000 }, async () => {
    const child = join(import.meta.dirname, "threads-child.ts");
    const env = { ...process.env, TORCHLET_BLAS: "off" };
    const run = (how: string): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, ["--import", "tsx", child, how], { env, timeout: 50_000 });
    const hows = ["end", "exit", "busy"];
    const ended = await Promise.all(hows.map(run));
    expect(ended.map((e) => e.stdout)).toEqual(hows.map((how) => `${how} 1\n`));
  });
});

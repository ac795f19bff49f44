import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openBlasCoreType } from "../../src/backends/cpu/blas/core-type.ts";
import { foreign, withEnvironment } from "../../src/backends/cpu/blas/foreign.ts";
import { environmentFor, fileNames } from "../../src/backends/cpu/blas/libraries.ts";
import type { BlasSettings } from "../../src/backends/cpu/blas/settings.ts";
import { blasLibrary } from "../../src/backends/cpu/blas/state.ts";
import { contract } from "../../src/backends/cpu/contract.ts";
import { heap } from "../../src/backends/cpu/heap.ts";
import { type DType, float32, float64 } from "../../src/core/dtype.ts";
import { Layout } from "../../src/core/layout.ts";
import * as torch from "../../src/index.ts";
import { state } from "../../src/kernel/expr.ts";

const { blas } = torch.backends;
const { functional: F } = torch.nn;
const library = blasLibrary();

describe("OPENBLAS_CORETYPE", () => {
  const cpuinfo = (vendor: string, flags: string): string =>
    `processor\t: 0\nvendor_id\t: ${vendor}\nmodel name\t: any\nflags\t\t: fpu sse2 ${flags} rdrand\nbugs\t\t: none\n\nprocessor\t: 1\n`;
  const avx512 = "avx avx2 fma avx512f avx512dq avx512cd avx512bw avx512vl";

  test("follows the instructions that the CPU has, not its model", () => {
    expect(openBlasCoreType(cpuinfo("GenuineIntel", avx512))).toBe("SkylakeX");
    expect(openBlasCoreType(cpuinfo("AuthenticAMD", avx512))).toBe("SkylakeX");
    expect(openBlasCoreType(cpuinfo("GenuineIntel", "avx avx2 fma"))).toBe("Haswell");
    expect(openBlasCoreType(cpuinfo("AuthenticAMD", "avx avx2 fma"))).toBe("Zen");
    expect(openBlasCoreType(cpuinfo("HygonGenuine", "avx avx2 fma"))).toBe("Zen");
    // A CPU with a part of the instructions has not the kernels that need all.
    expect(openBlasCoreType(cpuinfo("GenuineIntel", "avx avx2 fma avx512f avx512er"))).toBe("Haswell");
  });

  test("is left to the library where that is not known", () => {
    expect(openBlasCoreType(cpuinfo("GenuineIntel", "avx"))).toBeNull();
    expect(openBlasCoreType("processor\t: 0\nFeatures\t: fp asimd\n")).toBeNull();
    expect(openBlasCoreType("")).toBeNull();
  });

  test("and the other variables are the user's where they are set", () => {
    const set: Record<string, string> = { OPENBLAS_CORETYPE: "Nehalem", MKL_THREADING_LAYER: "GNU" };
    const own = environmentFor("Zen", (name) => set[name] ?? "");
    expect(own.has("OPENBLAS_CORETYPE")).toBe(false);
    expect(own.has("MKL_THREADING_LAYER")).toBe(false);
    expect(environmentFor("Zen", () => "").get("OPENBLAS_CORETYPE")).toBe("Zen");
    expect(environmentFor(null, () => "").has("OPENBLAS_CORETYPE")).toBe(false);
  });

  test.skipIf(library === null)("reaches libraries, and is put back", () => {
    const libc = foreign()!.load(null);
    const get = libc.func("getenv", "str", ["str"]);
    process.env["TORCHLET_TEST_KEPT"] = "before";
    const values = new Map([
      ["TORCHLET_TEST_KEPT", "inside"],
      ["TORCHLET_TEST_NEW", "inside"],
    ]);
    const seen = (): unknown[] => [...values.keys()].map((name) => get(name));
    expect(withEnvironment(libc, values, seen)).toEqual(["inside", "inside"]);
    expect(seen()).toEqual(["before", null]);
    expect(() =>
      withEnvironment(libc, values, () => {
        throw new Error("from inside");
      }),
    ).toThrow("from inside");
    expect(seen()).toEqual(["before", null]);
  });
});

describe("without a library", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  /** The settings of a library that has not looked for one yet. */
  async function anew(): Promise<BlasSettings> {
    vi.resetModules();
    return (await import("../../src/backends/cpu/blas/settings.ts")).blas;
  }

  test("TORCHLET_BLAS=off looks for none", async () => {
    vi.stubEnv("TORCHLET_BLAS", "off");
    const settings = await anew();
    expect([settings.isAvailable, settings.name, settings.path, settings.reason]).toEqual([false, "", "", "TORCHLET_BLAS is off"]);
  });

  test("a path to none is said, and no other is taken", async () => {
    vi.stubEnv("TORCHLET_BLAS", "/nowhere/libblas.so");
    const settings = await anew();
    expect(settings.isAvailable).toBe(false);
    expect(settings.reason).toContain(foreign() === null ? "koffi" : "/nowhere/libblas.so");
    settings.setNumThreads(2);
    expect(settings.numThreads).toBe(2);
  });

  test.skipIf(library === null || process.platform !== "linux")("a library without products is refused", async () => {
    vi.stubEnv("TORCHLET_BLAS", "libm.so.6");
    const settings = await anew();
    expect(settings.isAvailable).toBe(false);
    expect(settings.reason).toContain("cblas_sgemm");
  });

  test("a browser has none", async () => {
    vi.stubGlobal("process", undefined);
    const settings = await anew();
    expect([settings.isAvailable, settings.reason]).toEqual([false, "there are no system libraries here"]);
  });

  test("a system without names has none", () => {
    expect(fileNames("aix")).toEqual([]);
    expect(fileNames("linux")).toContain("libopenblas.so.0");
  });
});

/** Prints, from a process of its own, what the code logs. */
async function printed(code: string, env: Record<string, string>): Promise<string[]> {
  const index = fileURLToPath(new URL("../../src/index.ts", import.meta.url));
  const script = `import * as torch from ${JSON.stringify(index)};\nimport { readFileSync } from "node:fs";\n${code}`;
  const args = ["--import", "tsx", "--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
  return stdout.trim().split("\n");
}

describe.skipIf(library === null)("with a library", () => {
  test("says which it is", () => {
    expect(blas.isAvailable).toBe(true);
    expect(blas.reason).toBe("");
    expect(["OpenBLAS", "MKL", "BLIS", "Accelerate", "BLAS"]).toContain(blas.name);
    expect(blas.path).not.toBe("");
    expect(blas.numThreads).toBe(1);
    blas.setNumThreads(2);
    expect(blas.numThreads).toBe(2);
    blas.setNumThreads(1);
  });

  test.skipIf(process.platform !== "linux" || blas.name !== "OpenBLAS")("loads it with the first large product, for this CPU", async () => {
    const code = `
      const loaded = () => readFileSync("/proc/self/maps", "utf8").includes("blas");
      const [x, y] = [torch.ones([4, 4]), torch.ones([64, 64])];
      x.matmul(x);
      console.log(loaded());
      y.matmul(y);
      console.log(loaded());
      console.log(torch.backends.blas.coreType, process.env.OPENBLAS_CORETYPE);`;
    const without = { OPENBLAS_CORETYPE: "", TORCHLET_BLAS: "" };
    const [own, users] = await Promise.all([printed(code, without), printed(code, { ...without, OPENBLAS_CORETYPE: "Nehalem" })]);
    expect(own.slice(0, 2)).toEqual(["false", "true"]);
    expect(own[2]!.trim()).toBe(blas.coreType);
    expect(users[2]).toBe("Nehalem Nehalem");
  });

  /** What `make` gives with and without the library. */
  async function bothWays(make: () => torch.Tensor[]): Promise<[Float64Array[], Float64Array[]]> {
    const values = async (on: boolean): Promise<Float64Array[]> => {
      blas.enabled = on;
      try {
        return await Promise.all(make().map(async (t) => (await t.detach().to(torch.float64).toTypedArray()) as Float64Array));
      } finally {
        blas.enabled = true;
      }
    };
    return [await values(true), await values(false)];
  }

  /** Equal within the rounding of sums of `steps` products of numbers of about 1; and the library has computed some. */
  async function expectAgreement(steps: number, unit: number, make: () => torch.Tensor[]): Promise<void> {
    const calls = vi.spyOn(library!.products[unit > 2 ** -53 ? "f32" : "f64"], "gemm");
    const [own, expected] = await bothWays(make);
    expect(calls).toHaveBeenCalled();
    calls.mockRestore();
    for (const [i, values] of own.entries()) {
      const bound = 16 * unit * Math.sqrt(steps) * Math.log2(steps + 2);
      let worst = 0;
      for (let j = 0; j < values.length; j++) worst = Math.max(worst, Math.abs(values[j]! - expected[i]![j]!));
      expect(values.length).toBe(expected[i]!.length);
      expect(worst, `result ${i}`).toBeLessThan(bound);
    }
  }

  const units: readonly [DType, number][] = [
    [torch.float32, 2 ** -24],
    [torch.float64, 2 ** -53],
  ];

  test.each(units)("computes products of %s matrices, transposed or not, in batches, and their gradients", async (dtype, unit) => {
    torch.manualSeed(1);
    const random = (...shape: number[]): torch.Tensor => torch.randn(shape, { dtype });
    const [a, b, bias] = [random(70, 90), random(90, 50), random(50)];
    const [turnedA, turnedB] = [a.t().contiguous().t(), b.t().contiguous().t()];
    const stacks = [random(4, 40, 50), random(4, 50, 30)] as const;
    const [heads, keys] = [random(2, 40, 3, 20).transpose(1, 2), random(2, 40, 3, 20).permute([0, 2, 3, 1])];
    const thin = random(200, 90);
    await expectAgreement(90, unit, () => {
      const [x, y] = [a.clone().requiresGrad_(), b.clone().requiresGrad_()];
      torch.addmm(bias, x, y).sum().backward();
      return [
        ...[a.matmul(b), turnedA.matmul(b), a.matmul(turnedB), turnedA.matmul(turnedB), a.narrow(1, 3, 80).matmul(b.narrow(0, 2, 80))],
        ...[torch.addmm(bias, a, b), torch.addmm(random(70, 50), a, b, { beta: 0 }), x.grad!, y.grad!],
        ...[stacks[0].matmul(stacks[1]), stacks[0].matmul(stacks[1].at(0)), heads.matmul(keys)],
        ...[thin.matmul(b.select(1, 0)), thin.matmul(b.narrow(1, 0, 3)), b.t().narrow(0, 1, 2).matmul(thin.t())],
        a.expand([3, 70, 90]).matmul(b),
      ];
    });
  });

  test.each(units)("computes convolutions of %s and their gradients", async (dtype, unit) => {
    torch.manualSeed(2);
    const random = (...shape: number[]): torch.Tensor => torch.randn(shape, { dtype });
    const cases = [
      // More steps than a block has lines, blocks of a part of the rows, one point wide windows, and what makes windows lie apart.
      { x: random(2, 130, 9, 9), w: random(16, 130, 3, 3), options: { padding: 1 } },
      { x: random(1, 24, 60, 60), w: random(12, 24, 5, 5), options: {} },
      { x: random(3, 16, 20, 20), w: random(24, 16, 1, 1), options: {} },
      { x: random(2, 16, 21, 19), w: random(32, 16, 3, 3), options: { stride: 2, padding: 1 } },
      { x: random(2, 16, 21, 19), w: random(32, 16, 3, 2), options: { dilation: [2, 3] } },
      { x: random(2, 32, 14, 14), w: random(32, 16, 3, 3), options: { groups: 2 } },
    ];
    for (const { x, w, options } of cases) {
      const bias = random(w.shape[0]!);
      await expectAgreement(x.shape[2]! * x.shape[3]! * 25, unit, () => {
        const [p, q, r] = [x.clone().requiresGrad_(), w.clone().requiresGrad_(), bias.clone().requiresGrad_()];
        const y = F.conv2d(p, q, r, options);
        y.mul(y.detach().sign()).mean().mul(100).backward();
        return [y, p.grad!, q.grad!, r.grad!];
      });
    }
    const [long, window] = [random(1, 9, 70_000), random(16, 9, 7)];
    await expectAgreement(63, unit, () => [F.conv1d(long, window)]);
  });

  test("finds its operands after the heap has grown", async () => {
    const [a, b] = [torch.randn([100, 100]), torch.randn([100, 100])];
    const before = await a.matmul(b).toTypedArray();
    const size = heap.buffer.byteLength;
    const block = heap.allocate(size);
    try {
      expect(heap.buffer.byteLength).toBeGreaterThan(size);
      expect(await a.matmul(b).toTypedArray()).toEqual(before);
      const far = torch.empty([100, 100]).copy_(a);
      expect(await far.matmul(b).toTypedArray()).toEqual(before);
    } finally {
      heap.release(block);
    }
  });

  test.each([
    ["matrices", 40, 50, 60],
    ["a matrix and a vector", 200, 1, 60],
    ["a vector and a matrix", 1, 200, 60],
    ["two vectors and a matrix", 2, 200, 60],
  ])("does not read what an output of %s holds, and keeps NaN and infinity", async (_, m, n, k) => {
    for (const dtype of [float32, float64]) {
      const make = (shape: number[], value: (i: number) => number): Parameters<ReturnType<typeof contract>["run"]>[0][number] => {
        const layout = Layout.contiguous(shape);
        const block = heap.allocate(layout.numel * dtype.itemsize);
        const view = dtype === float32 ? heap.f32 : heap.f64;
        for (let i = 0; i < layout.numel; i++) view[block.offset / dtype.itemsize + i] = value(i);
        return { storage: { block }, layout, dtype };
      };
      const a = make([m, k], (i) => (i === 0 ? Number.NaN : 0));
      const b = make([k, n], (i) => (i === (k - 1) * n + n - 1 ? Number.POSITIVE_INFINITY : 1));
      const out = make([m, n], () => Number.NaN);
      const value = state(0, dtype.compute);
      const kernel = contract({ kind: "contract", inputs: [dtype, dtype], compiled: [], compute: dtype.compute, output: { dtype, value } });
      kernel.run([a, b], [out], { dims: { batch: 0, m: 1, n: 1, k: 1 } });
      const view = dtype === float32 ? heap.f32 : heap.f64;
      const got = (i: number): number => view[out.storage.block.offset / dtype.itemsize + i]!;
      // The row of a with a NaN, and the column of b with an infinity, which meets zeros.
      for (let i = 0; i < m * n; i++) expect(got(i), `element ${i}`).toBe(i < n || i % n === n - 1 ? Number.NaN : 0);
      for (const operand of [a, b, out]) heap.release(operand.storage.block);
    }
  });

  test("is used or not as `enabled` says", async () => {
    const calls = vi.spyOn(library!.products.f32, "gemm");
    const a = torch.randn([64, 64]);
    a.matmul(a);
    expect(calls).toHaveBeenCalledTimes(1);
    blas.enabled = false;
    a.matmul(a);
    expect(calls).toHaveBeenCalledTimes(1);
    blas.enabled = true;
    // Small products and products of whole numbers stay here.
    const small = torch.randn([8, 8]);
    small.matmul(small);
    const whole = a.to(torch.int64);
    whole.matmul(whole);
    expect(calls).toHaveBeenCalledTimes(1);
    calls.mockRestore();
  });
});

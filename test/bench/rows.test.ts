import { describe, expect, test } from "vitest";
import { chosen, readOptions } from "../../bench/options.ts";
import { rows } from "../../bench/rows/index.ts";
import { countOf, oneHot, values } from "../../bench/rows/inputs.ts";
import { groups } from "../../bench/rows/row.ts";
import { columnsOf, environmentOf, takesPart } from "../../bench/run/columns.ts";

const row = (name: string) => rows.find((r) => r.name === name)!;
const engines = [
  { path: "node", major: 20 },
  { path: "node24", major: 24 },
];

describe("rows", () => {
  test("have names of their own, and every workload with a target is one", () => {
    const names = rows.map((r) => r.name);
    expect(new Set(names).size).toBe(names.length);
    const sized = (name: string) => [1e3, 1e5, 1e7].map((n) => `${name}_1e${Math.log10(n)}`);
    const wanted = [
      ...["add4", "add4_rec", "add4_fb", "chain20_fb", "train_tiny", "train_mlp", "train_lenet", "train_gpt"],
      ...["xyz", "exp", "sigmoid", "tanh", "gelu"].flatMap(sized),
      ...["sum_all_1e3", "sum_all_1e7", "sum_last_1e6", "sum_first_1e6"],
      ...["softmax_128x1000", "softmax_128x1000_fb", "layernorm_512x768", "layernorm_512x768_fb"],
      ...[32, 64, 128, 256, 512, 1024, 2048].map((n) => `mm_${n}`),
      ...["mm_512_fb", "bmm_16x128x64", "mm_1x1024x1024", "mm_64x784x128", "mm_64x784x128_fb"],
      ...["32x1x28", "32x32x14", "8x64x56"].flatMap((shape) => [`conv_${shape}`, `conv_${shape}_fb`]),
      ...["start", "gzip"],
    ];
    expect(wanted.filter((name) => (rows.find((r) => r.name === name)?.targets.length ?? 0) === 0)).toEqual([]);
  });

  test("stand in the order of their groups, and the product stands before what is compared with it", () => {
    const order = rows.map((r) => groups.indexOf(r.group));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order.every((i) => i >= 0)).toBe(true);
  });

  test("count the operations of a step: 26.2, 72.4 and 1,330 million", () => {
    expect(row("train_mlp").flops! / 1e6).toBeCloseTo(26.2, 1);
    expect(row("train_lenet").flops! / 1e6).toBeCloseTo(72.4, 1);
    expect(row("train_gpt").flops! / 1e9).toBeCloseTo(1.33, 2);
  });

  test("have inputs that are the same everywhere: the generator's first numbers, whole ones, constants", () => {
    expect([...values({ shape: [3], seed: 1, low: 0, high: 1 })].map((x) => x.toFixed(6))).toEqual(["0.257899", "0.185106", "0.770763"]);
    expect([...values({ shape: [2, 2], seed: 1, low: 0, high: 10, whole: true })]).toEqual([2, 1, 7, 0]);
    expect([...values({ shape: [2], seed: 0, low: 1, high: 1 })]).toEqual([1, 1]);
    expect([...oneHot(Float32Array.of(2, 0), 3)]).toEqual([0, 0, 1, 1, 0, 0]);
    for (const { name, inputs, mode, kind } of rows) {
      const shapes = inputs.map((i) => countOf(i.shape));
      expect(
        shapes.every((n) => n > 0),
        name,
      ).toBe(true);
      if (mode === "backward" && kind === "softmax") expect(shapes[0]).toBe(shapes.at(-1));
    }
  });
});

describe("what is asked for", () => {
  test("rows by name, group and beginning; a convolution brings the product along; an unknown name is an error", () => {
    const names = (...only: string[]) => chosen(rows, only).map((r) => r.name);
    expect(names("add4")).toEqual(["add4"]);
    expect(names("xyz_*")).toEqual(["xyz_1e3", "xyz_1e5", "xyz_1e7"]);
    expect(names("conv_32x1x28")).toEqual(["mm_512", "conv_32x1x28"]);
    expect(names("overhead")).toHaveLength(6);
    expect(names()).toHaveLength(rows.length);
    expect(() => names("nothing")).toThrow("no row nothing; groups: overhead, pointwise");
  });

  test("a whole run is written, a part is not unless a folder is named; `--full` has no limits", () => {
    expect(readOptions([], "standard")).toMatchObject({ out: "standard", longest: 2, patience: 10, rounds: 7 });
    expect(readOptions(["--only", "add4"], "standard")).toMatchObject({ out: null, only: ["add4"] });
    expect(readOptions(["--only", "add4", "--out", "here"], "standard").out).toBe("here");
    expect(readOptions(["--full"], "standard").patience).toBe(Number.POSITIVE_INFINITY);
    expect(() => readOptions(["--rounds", "none"], "standard")).toThrow("--rounds has to be a positive number, not none");
    expect(() => readOptions(["--nothing"], "standard")).toThrow();
  });
});

describe("columns", () => {
  const columns = columnsOf(engines, false, "Zen");
  const named = (name: string) => columns.find((c) => c.name === name)!;

  test("are Torchlet's three on each engine, the peers, and PyTorch", () => {
    expect(columns.map((c) => c.name)).toEqual([
      ...["WASM, Node 20", "WASM, Node 24", "BLAS, Node 20", "BLAS, Node 24", "2 threads, Node 20", "2 threads, Node 24"],
      ...["jax-js", "tfjs-wasm", "tfjs-cpu", "numpy-ts, Node 24", "gpu.js", "PyTorch"],
    ]);
    expect(columnsOf(engines, true, null).map((c) => c.name)).toContain("jax-js, Node 24");
  });

  test("keep each library to one thread, WASM without a BLAS, and PyTorch to the kernels of this CPU", () => {
    expect(columns.every((c) => c.env["OPENBLAS_NUM_THREADS"] === "1")).toBe(true);
    expect(named("WASM, Node 20").env["TORCHLET_BLAS"]).toBe("off");
    expect(named("BLAS, Node 20").env["TORCHLET_BLAS"]).toBeUndefined();
    expect(named("PyTorch").env["OPENBLAS_CORETYPE"]).toBe("Zen");
    expect(environmentOf(named("PyTorch"), row("exp_1e7"))["MALLOC_MMAP_MAX_"]).toBe("0");
    expect(environmentOf(named("PyTorch"), row("exp_1e3"))["MALLOC_MMAP_MAX_"]).toBeUndefined();
  });

  test("take part where they can differ", () => {
    expect(takesPart(named("BLAS, Node 20"), row("exp_1e7"))).toBe(false);
    expect(takesPart(named("2 threads, Node 20"), row("exp_1e7"))).toBe(true);
    expect(takesPart(named("2 threads, Node 20"), row("add4"))).toBe(false);
    expect(takesPart(named("gpu.js"), row("add4"))).toBe(true);
  });
});

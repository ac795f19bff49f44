import { describe, expect, test } from "vitest";
import { float32, int64 } from "../../src/core/dtype.ts";
import { Layout } from "../../src/core/layout.ts";
import { add, state } from "../../src/kernel/expr.ts";
import type { Compiled, Indexed } from "../../src/kernel/kernel.ts";
import { download, type Operand, spec, upload } from "../backends/operands.ts";
import { backendWith, fault } from "./on-backend.ts";

const backend = await backendWith();
const gather = backend.compile({ kind: "gather", inputs: [float32, int64], compiled: [] });
const scatterAdd = backend.compile({
  kind: "scatter",
  inputs: [float32, int64],
  combine: add(state(0, "f32"), state(1, "f32")),
  compiled: [],
});
const scatter = backend.compile({ kind: "scatter", inputs: [float32, int64], combine: null, compiled: [] });

const vector = (values: readonly number[]): Operand => upload(backend, spec(float32, values));
const indices = (values: readonly bigint[]): Operand => upload(backend, spec(int64, values));
const looked = (o: Operand, n: number): Operand => ({ ...o, layout: new Layout([n], [0], 0) });

/** Looks elements of [10, 20, 30, 40] up; gives the output, filled with -1 before. */
function gatherFour(index: readonly bigint[], wraps: boolean = true, raise = fault): Operand {
  const output = vector(index.map(() => -1));
  const source = looked(vector([10, 20, 30, 40]), index.length);
  gather.run([source, indices(index)], [output], { indexed: [{ size: 4, stride: 1, wraps }], fault: raise });
  return output;
}

function scatterFour(kernel: Compiled, index: readonly bigint[], wraps: boolean = true): Operand {
  const target = vector([1, 2, 3, 4]);
  const indexed: readonly Indexed[] = [{ size: 4, stride: 1, wraps }];
  kernel.run([vector(index.map((_, i) => 100 * (i + 1))), indices(index)], [looked(target, index.length)], { indexed, fault });
  return target;
}

const read = (o: Operand, n: number = o.layout.numel): Promise<unknown> => download(backend, o, n);

describe("an index out of range", () => {
  test("is raised once, by the next awaited read, and nothing is written for its lane", async () => {
    const output = gatherFour([0n, 4n, -1n]);
    await expect(read(output)).rejects.toThrow("index 4 of operand 0");
    expect(await read(output)).toEqual([10, -1, 40]);
  });

  test("is raised by a read of something else too", async () => {
    const other = vector([5]);
    gatherFour([-5n]);
    await expect(read(other)).rejects.toThrow("index -5 of operand 0");
    expect(await read(other)).toEqual([5]);
  });

  test("is raised by synchronize", async () => {
    gatherFour([7n]);
    await expect(backend.synchronize()).rejects.toThrow("index 7 of operand 0");
    await backend.synchronize();
  });

  test("is the first kernel's where several have one", async () => {
    gatherFour([0n, 1n]);
    gatherFour([0n, 9n]);
    gatherFour([11n, 0n]);
    const last = gatherFour([2n, 3n]);
    await expect(read(last)).rejects.toThrow("index 9 of operand 0");
    expect(await read(last)).toEqual([30, 40]);
  });

  test("is found again after it has been raised", async () => {
    for (const bad of [4n, 5n, 6n]) {
      const output = gatherFour([bad]);
      await expect(read(output)).rejects.toThrow(`index ${bad} of operand 0`);
      expect(await read(gatherFour([1n]))).toEqual([20]);
    }
  });

  test("belongs to the first of two reads that are under way together; a later kernel's to the second", async () => {
    const a = read(gatherFour([8n]));
    const b = read(gatherFour([3n]));
    const c = read(gatherFour([-9n]));
    const results = await Promise.allSettled([a, b, c]);
    const reasons = results.map((r) => (r.status === "rejected" ? (r.reason as Error).message : r.value));
    expect(reasons).toEqual(["index 8 of operand 0", [40], "index -9 of operand 0"]);
  });

  test("can be negative only where the dimension wraps", async () => {
    expect(await read(gatherFour([-4n, -1n]))).toEqual([10, 40]);
    const output = gatherFour([3n, -1n], false);
    await expect(read(output)).rejects.toThrow("index -1 of operand 0");
    expect(await read(output)).toEqual([40, -1]);
  });

  test("has its own kernel's error", async () => {
    const output = gatherFour([4n], true, (value) => new RangeError(`no row ${value}`));
    await expect(read(output)).rejects.toThrow("no row 4");
    expect(await read(output)).toEqual([-1]);
  });

  test("names the index operand", async () => {
    const two = backend.compile({ kind: "gather", inputs: [float32, int64, int64], compiled: [] });
    const output = vector([-1, -1]);
    const source = looked(vector([1, 2, 3, 4, 5, 6]), 2);
    const indexed = [
      { size: 2, stride: 3, wraps: true },
      { size: 3, stride: 1, wraps: true },
    ];
    two.run([source, indices([1n, 0n]), indices([2n, 3n])], [output], { indexed, fault });
    await expect(read(output)).rejects.toThrow("index 3 of operand 1");
    expect(await read(output)).toEqual([6, -1]);
  });

  test.each([
    ["without combine", scatter, [1, 100, 3, 300]],
    ["with a sum", scatterAdd, [1, 102, 3, 304]],
  ] as const)("leaves its element out of a scatter %s", async (_, kernel, expected) => {
    const target = scatterFour(kernel, [1n, 4n, -1n, -5n]);
    await expect(read(target, 4)).rejects.toThrow(/index (4|-5) of operand 0/);
    expect(await read(target, 4)).toEqual(expected);
  });

  test("is negative in a scatter that does not wrap", async () => {
    const target = scatterFour(scatterAdd, [0n, -2n], false);
    await expect(read(target, 4)).rejects.toThrow("index -2 of operand 0");
    expect(await read(target, 4)).toEqual([101, 2, 3, 4]);
  });

  test("is found when many kernels have run since", async () => {
    const output = gatherFour([4n]);
    for (let i = 0; i < 1500; i++) scatterFour(scatterAdd, [1n]);
    await expect(read(output)).rejects.toThrow("index 4 of operand 0");
    expect(await read(output)).toEqual([-1]);
  });
});

test("no index out of range raises nothing", async () => {
  expect(await read(gatherFour([0n, 1n, 2n, 3n, -4n]))).toEqual([10, 20, 30, 40, 10]);
  await backend.synchronize();
});

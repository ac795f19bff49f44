import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { float32, float64, float16, bfloat16, int64, int32, uint8, bool } = torch;

/** Deterministic values of some size, among them few that are alike. */
const valueAt = (k: number): number => ((k * 7919) % 10007) / 100 - 50;
const matrix = (rows: number, columns: number, dtype: torch.DType = float32): torch.Tensor =>
  torch
    .tensor(Float32Array.from({ length: rows * columns }, (_, k) => valueAt(k)))
    .reshape([rows, columns])
    .to(dtype);
const numbers = (x: torch.Tensor): number[] => Array.from(x.to(float64).contiguous().toTypedArraySync() as Float64Array);

/** Each column by itself, one number after the other. */
function columns(x: torch.Tensor, fold: (a: number, b: number) => number, start: number): number[] {
  const [rows, width] = x.shape as [number, number];
  const all = numbers(x);
  return Array.from({ length: width }, (_, c) => {
    let total = start;
    for (let r = 0; r < rows; r++) total = fold(total, all[r * width + c]!);
    return total;
  });
}
/** Float32 sums as they are documented: 64 elements in float32, then on in double precision. */
function chunked(x: torch.Tensor): number[] {
  const [rows, width] = x.shape as [number, number];
  const all = numbers(x);
  return Array.from({ length: width }, (_, c) => {
    let total = 0;
    for (let first = 0; first < rows; first += 64) {
      let sum = 0;
      for (let r = first; r < Math.min(rows, first + 64); r++) sum = Math.fround(sum + all[r * width + c]!);
      total += sum;
    }
    return Math.fround(total);
  });
}

/** Around blocks of 4 rows, chunks of 64, and stretches of 1024 columns of float32; vectors partly filled. */
const sizes = [
  [128, 128],
  [63, 300],
  [65, 260],
  [127, 133],
  [129, 1023],
  [131, 1024],
  [16, 1025],
  [17, 1031],
  [255, 130],
  [256, 260],
  [257, 2049],
  [1000, 147],
] as const;

describe("reductions down the columns of large matrices", () => {
  it.each(sizes)("sums of %i rows of %i columns, to the last digit", (rows, width) => {
    const x = matrix(rows, width);
    expect(numbers(x.sum(0))).toEqual(chunked(x));
    expect(numbers(x.amax(0))).toEqual(columns(x, Math.max, Number.NEGATIVE_INFINITY));
    expect(numbers(x.to(int64).sum(0))).toEqual(columns(x.to(int64), (a, b) => a + b, 0));
    expect(numbers(x.to(float64).sum(0))).toEqual(columns(x, (a, b) => a + b, 0));
  });

  it.each([float32, float64, float16, bfloat16, int64, int32, uint8, bool])("of $name, with every operation", (dtype) => {
    const x = matrix(130, 1100, float32).mul(0.02).to(dtype);
    const same = (found: torch.Tensor, expected: number[]): void => expect(numbers(found)).toEqual(expected);
    const truth = (v: number): number => Number(v !== 0);
    if (dtype !== bool) {
      same(x.amax(0), columns(x, Math.max, Number.NEGATIVE_INFINITY));
      same(x.amin(0), columns(x, Math.min, Number.POSITIVE_INFINITY));
    }
    same(
      x.any(0),
      columns(x, (a, b) => a | truth(b), 0),
    );
    same(
      x.all(0),
      columns(x, (a, b) => a & truth(b), 1),
    );
    if (dtype === float64)
      same(
        x.prod(0),
        columns(x, (a, b) => a * b, 1),
      );
    if (dtype === float32)
      same(
        x.prod(0),
        columns(x, (a, b) => Math.fround(a * b), 1),
      );
    if (!dtype.isFloatingPoint)
      same(
        x.sum(0),
        columns(x, (a, b) => a + b, 0),
      );
    else if (dtype.itemsize === 2) same(x.sum(0), numbers(x.to(float32).sum(0).to(dtype)));
  });

  it("NaN, infinities and a lone element wherever they are", () => {
    for (const [row, column] of [
      [0, 0],
      [3, 1023],
      [127, 1024],
      [128, 1029],
      [130, 5],
    ] as const) {
      const x = matrix(131, 1030);
      x.setAt([row, column], Number.NaN);
      const where = Array.from({ length: 1030 }, (_, c) => c === column);
      for (const y of [x.sum(0), x.amax(0), x.amin(0), x.mul(0.02).prod(0)]) expect(y.isnan().tolistSync()).toEqual(where);
      expect(x.isnan().any(0).tolistSync()).toEqual(where);
      expect(x.isnan().logicalNot().all(0).logicalNot().tolistSync()).toEqual(where);
      x.setAt([row, column], Number.NEGATIVE_INFINITY);
      for (const y of [x.sum(0), x.amin(0)]) expect(y.isinf().tolistSync()).toEqual(where);
    }
  });

  it("however the rows lie", () => {
    const x = matrix(300, 400);
    const expected = numbers(x.at("::2", "17:310").contiguous().sum(0));
    expect(expected).toEqual(chunked(x.at("::2", "17:310").contiguous()));
    expect(numbers(x.at("::2", "17:310").sum(0))).toEqual(expected);
    // Several dimensions in one step, some kept outside, some between.
    const y = matrix(3 * 140, 4 * 150);
    const parts = [0, 1, 2].map((k) => chunked(y.at(`${140 * k}:${140 * (k + 1)}`).contiguous()));
    expect(numbers(y.reshape([3, 140, 600]).sum(1))).toEqual(parts.flat());
    expect(numbers(y.reshape([3, 14, 10, 600]).sum([1, 2]))).toEqual(parts.flat());
    expect(numbers(y.reshape([3, 140, 4, 150]).sum(1))).toEqual(parts.flat());
    expect(numbers(y.reshape([3, 140, 4, 150]).at(null, ":", ":", ":", "3:").sum([0, 2]))).toEqual(
      numbers(y.reshape([3, 140, 4, 150]).at(":", ":", ":", "3:").contiguous().sum(1)),
    );
    // The same row again and again.
    expect(numbers(x.at("7:8").expand([200, 400]).sum(0))).toEqual(chunked(x.at("7:8").expand([200, 400]).contiguous()));
  });

  it("with other operands, which have a number for each row or the same rows", () => {
    const x = matrix(200, 300).requiresGrad_();
    const weight = torch.ones(300, { requiresGrad: true });
    const bias = torch.zeros(300, { requiresGrad: true });
    const g = matrix(200, 300).flip([0]);
    torch.nn.functional.layerNorm(x, [300], weight, bias).backward(g);
    const wide = x.detach().to(float64);
    const normal = wide.sub(wide.mean(1, true)).div(wide.var(1, false, true).add(1e-5).sqrt());
    const close = (found: torch.Tensor, expected: torch.Tensor): void =>
      expect(Number(found.to(float64).sub(expected).abs().max().itemSync())).toBeLessThan(2e-6 * Number(expected.abs().max().itemSync()));
    close(weight.grad!, normal.mul(g).sum(0));
    close(bias.grad!, g.to(float64).sum(0));
  });
});

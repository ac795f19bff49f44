import { dimOutOfRange, narrowLength, paddingOdd, paddingTooLong } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import { type Rule, rule, type Tensor } from "./define.ts";

/** The part of a dimension that stays when `before` and `after` places are added (negative: taken away). */
function overlap(n: number, before: number, after: number): { from: number; to: number; length: number } {
  const from = Math.max(-before, 0);
  const length = n - from - Math.max(-after, 0);
  return { from, to: Math.max(before, 0), length };
}
const sides = (pad: readonly number[], ndim: number, d: number): [number, number] => {
  const i = 2 * (ndim - 1 - d);
  return [pad[i] ?? 0, pad[i + 1] ?? 0];
};

/** PyTorch takes away what negative amounts name piece by piece, and says what it says of pieces. */
function checkAmounts(x: Tensor, amounts: readonly number[]): void {
  if (amounts.length % 2 !== 0) throw paddingOdd();
  if (amounts.length > 2 * x.ndim) throw paddingTooLong();
  x.shape.forEach((n, d) => {
    const [before, after] = sides(amounts, x.ndim, d);
    if (-before > n) throw dimOutOfRange(-before, n);
    const rest = n + Math.min(before, 0);
    if (rest + Math.min(after, 0) < 0) throw narrowLength(0, rest + after, rest);
  });
}

/** A border of `value`: `pad` lists (before, after) from the last dimension on; negative amounts crop. The constant mode of `F.pad`. */
export const pad: Rule<(pad: readonly number[], value?: number) => Tensor> = rule({
  params: ["pad", "value"],
  node: "ConstantPadNdBackward0",
  run: (k, x: Tensor, amounts: readonly number[], value = 0) => {
    checkAmounts(x, amounts);
    const parts = x.shape.map((n, d) => overlap(n, ...sides(amounts, x.ndim, d)));
    const size = x.shape.map((n, d) => n + sides(amounts, x.ndim, d)[0] + sides(amounts, x.ndim, d)[1]);
    const out = k.full(size, value, x.dtype, x.device);
    const shape = parts.map((p) => p.length);
    const at = (l: Layout, starts: readonly number[]): Layout =>
      new Layout(shape, l.strides, l.offset + starts.reduce((s, n, d) => s + n * l.strides[d]!, 0));
    if (shape.every((n) => n > 0))
      k.copy(
        k.view(
          x,
          at(
            x.layout,
            parts.map((p) => p.from),
          ),
        ),
        k.view(
          out,
          at(
            out.layout,
            parts.map((p) => p.to),
          ),
        ),
      );
    return out;
  },
  save: (_, __, amounts: readonly number[]) => ({ amounts }),
  grad: ({ amounts }: { amounts: number[] }, [g]) => [
    g!.pad(
      amounts.map((n) => -n),
      0,
    ),
  ],
});

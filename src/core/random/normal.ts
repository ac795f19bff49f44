import { normalStd } from "../errors.ts";
import { blockSize, boxMuller32, boxMuller64, boxMullerHalf } from "./box-muller.ts";
import { elementsOf, type FloatArray, type HalfKind } from "./elements.ts";
import { fma64 } from "./fma.ts";
import type { Generator } from "./generator.ts";
import { fillUniform } from "./uniform.ts";

/**
 * `normal_(mean, std)`, and `randn` with 0 and 1.
 *
 * PyTorch has two ways. Fewer than 16 values, or a tensor that is not contiguous: {@link Generator.normal} for each. Otherwise
 * all of `out` becomes uniform values, and each block of 16 of them is transformed in place; where 16 does not divide the size,
 * the last 16 places are drawn afresh and transformed once more.
 *
 * float32 has PyTorch's bits on machines with AVX2. About one float64 in a thousand differs in the last bit, where the C library's
 * logarithm, sine or cosine is not the nearest float64.
 *
 * @param kind with a Float32Array: draws the values of that narrower dtype.
 */
export function fillNormal(g: Generator, out: FloatArray, mean: number, std: number, contiguous: boolean = true, kind?: HalfKind): void {
  if (!(std >= 0)) throw normalStd(std);
  if (out.length < blockSize || !contiguous) {
    const { round } = elementsOf(out, kind);
    for (let i = 0; i < out.length; i++) out[i] = round(fma64(g.normal(), std, mean));
    return;
  }
  fillUniform(g, out, 0, 1, kind);
  transform(out, mean, std, kind);
  if (out.length % blockSize !== 0) {
    const tail = out.subarray(out.length - blockSize);
    fillUniform(g, tail, 0, 1, kind);
    transform(tail, mean, std, kind);
  }
}

function transform(data: FloatArray, mean: number, std: number, kind: HalfKind | undefined): void {
  if (data instanceof Float64Array) boxMuller64(data, mean, std);
  else if (kind === undefined) boxMuller32(data, Math.fround(mean), Math.fround(std));
  else boxMullerHalf(data, mean, std, kind);
}

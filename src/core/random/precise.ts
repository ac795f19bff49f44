import { productError, sumError } from "./fma.ts";

/**
 * log, sin and cos in float64 with an error of hardly more than half a unit in the last place. The engines' own `Math` functions differ
 * among each other, and in every tenth value from the C library that PyTorch calls; these differ from it in one of a thousand.
 * A name and the same name with `Low` are the leading and the small part of one number.
 */

const float = new Float64Array(1);
const words = new Int32Array(float.buffer);

/** Natural logarithm of a normal float64 above 0. */
export function log(x: number): number {
  // x = m * 2^e with m from sqrt(1/2) to sqrt(2); log m = 2 artanh s = 2 s + 2 s^3 (1/3 + s^2 / 5 + ...), s = (m - 1) / (m + 1).
  float[0] = x;
  const high = words[1]!;
  let e = (high >>> 20) - 1023;
  words[1] = (high & 0xfffff) | 0x3ff00000;
  let m = float[0];
  if (m > Math.SQRT2) {
    m *= 0.5;
    e += 1;
  }
  const numerator = m - 1;
  const denominator = m + 1;
  const s = numerator / denominator;
  const product = s * denominator;
  const remainder = numerator - product - productError(s, denominator, product) - s * sumError(m, 1, denominator);
  const sLow = remainder / denominator;

  const z = s * s;
  const zLow = productLow(s, sLow, s, sLow, z);
  const cube = s * z;
  const cubeLow = productLow(s, sLow, z, zLow, cube);
  const tail = z * polynomial(z, artanhTail);
  const t = 1 / 3 + tail;
  const tLow = sumError(1 / 3, tail, t) + thirdLow;
  const w = cube * t;
  const wLow = productLow(cube, cubeLow, t, tLow, w);

  const exact = e * ln2;
  const sum = exact + 2 * s;
  const total = sum + 2 * w;
  return total + (sumError(exact, 2 * s, sum) + sumError(sum, 2 * w, total) + (e * ln2Low + 2 * (sLow + wLow)));
}

/** Writes the sine and the cosine of an angle from 0 to 2 pi to the start of `out`. */
export function sinCos(angle: number, out: Float64Array): void {
  // x is the angle less q times pi / 2, which has three parts; the first product and difference are exact.
  const q = Math.round(angle * (2 / Math.PI));
  const first = angle - q * halfPi;
  const second = q * halfPi2;
  const x = first - second;
  const xLow = sumError(first, -second, x) - (productError(q, halfPi2, second) + q * halfPi3);
  const z = x * x;
  const zLow = productLow(x, xLow, x, xLow, z);
  const sine = sinOf(x, xLow, z, zLow);
  const cosine = cosOf(z, zLow);
  out[0] = (q & 1) === 0 ? sine : cosine;
  out[1] = (q & 1) === 0 ? cosine : sine;
  if ((q & 2) !== 0) out[0] = -out[0]!;
  if (((q + 1) & 2) !== 0) out[1] = -out[1]!;
}

/** x + x^3 (-1/6 + z (1/120 - ...)) for z = x^2. */
function sinOf(x: number, xLow: number, z: number, zLow: number): number {
  const tail = z * polynomial(z, sinTail);
  const u = 1 / 120 + tail;
  const uLow = sumError(1 / 120, tail, u) + rest120;
  const v = z * u;
  const vLow = productLow(z, zLow, u, uLow, v);
  const t = v - 1 / 6;
  const tLow = sumError(-1 / 6, v, t) + vLow - sixthLow;
  const cube = x * z;
  const cubeLow = productLow(x, xLow, z, zLow, cube);
  const w = cube * t;
  const wLow = productLow(cube, cubeLow, t, tLow, w);
  const total = x + w;
  return total + (sumError(x, w, total) + (xLow + wLow));
}

/** 1 - z / 2 + z^2 (1/24 - z (1/720 - ...)). */
function cosOf(z: number, zLow: number): number {
  const tail = z * polynomial(z, cosTail);
  const t = 1 / 24 + tail;
  const tLow = sumError(1 / 24, tail, t) + rest24;
  const square = z * z;
  const squareLow = productLow(z, zLow, z, zLow, square);
  const w = square * t;
  const wLow = productLow(square, squareLow, t, tLow, w);
  const sum = 1 - 0.5 * z;
  const total = sum + w;
  return total + (sumError(1, -0.5 * z, sum) + sumError(sum, w, total) + (wLow - 0.5 * zLow));
}

/** The small part of a product of two numbers in two parts, of which `high` is the leading one. */
function productLow(a: number, aLow: number, b: number, bLow: number, high: number): number {
  return productError(a, b, high) + (a * bLow + aLow * b);
}

/** Horner's rule, highest term first. */
function polynomial(x: number, terms: Float64Array): number {
  let y = terms[0]!;
  for (let i = 1; i < terms.length; i++) y = y * x + terms[i]!;
  return y;
}

/** The leading part has 42 bits, so that its multiples by exponents are exact. */
const ln2 = 0.6931471805598903;
const ln2Low = 5.497923018708371e-14;
/** pi / 2; the first part has 33 bits. */
const halfPi = 1.5707963267341256;
const halfPi2 = 6.077100506506192e-11;
const halfPi3 = 3.5215598651832e-27;
/** 1/3, 1/6, 1/24 and 1/120, less their float64. */
const thirdLow = 1.850371707708594e-17;
const sixthLow = 9.25185853854297e-18;
const rest24 = 2.3129646346357427e-18;
const rest120 = 1.1564823173178714e-19;

const artanhTail = new Float64Array([1 / 25, 1 / 23, 1 / 21, 1 / 19, 1 / 17, 1 / 15, 1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5]);
/** -1/7!, 1/9!, ... and -1/6!, 1/8!, ..., each from the last to the first. */
const sinTail = new Float64Array([1 / 355687428096000, -1 / 1307674368000, 1 / 6227020800, -1 / 39916800, 1 / 362880, -1 / 5040]);
const cosTail = new Float64Array([
  -1 / 6402373705728000,
  1 / 20922789888000,
  -1 / 87178291200,
  1 / 479001600,
  -1 / 3628800,
  1 / 40320,
  -1 / 720,
]);

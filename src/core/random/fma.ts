// `a * b + c` with a single rounding. Builds of PyTorch for AVX2 contract these into one instruction, JavaScript has none.

/**
 * `fround(a * b + c)` with a single rounding, for float32 `a`, `b`, `c` and a finite result.
 *
 * The product of two float32 is exact in float64, so only the sum rounds before the last step, and that does harm only where
 * it lands halfway between two float32 (T. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE TC 57,
 * 2008): there the lost part of the sum decides. `other` is the float32 on the far side of a halfway point, and no float32 at
 * all of any other point.
 */
export function fma32(a: number, b: number, c: number): number {
  const sum = a * b + c;
  const near = Math.fround(sum);
  const other = sum + (sum - near);
  // The outer fround changes no value: it tells V8 that the rare call gives a number, so that the common result is not boxed.
  return other !== Math.fround(other) || sum === near ? near : Math.fround(breakTie(a * b, c, near, other));
}

function breakTie(product: number, c: number, near: number, other: number): number {
  const lost = sumError(product, c, product + c);
  if (lost > 0) return Math.max(near, other);
  return lost < 0 ? Math.min(near, other) : near;
}

/** What rounding took from `a + b = sum`, exactly (D. Knuth's TwoSum). */
export function sumError(a: number, b: number, sum: number): number {
  const bRounded = sum - a;
  return a - (sum - bRounded) + (b - bRounded);
}

/** What rounding took from `a * b = product`, exactly (T. Dekker's product over G. Veltkamp's halves). */
export function productError(a: number, b: number, product: number): number {
  const aHigh = highHalf(a);
  const bHigh = highHalf(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function highHalf(x: number): number {
  const scaled = x * 134217729; // 2^27 + 1
  return scaled - (scaled - x);
}

/** `a * b + c` in float64 with a single rounding, away from overflow and subnormals (Boldo and Melquiond's `Fmadd`). */
export function fma64(a: number, b: number, c: number): number {
  const product = a * b;
  const productLow = productError(a, b, product);
  const tail = c + productLow;
  const tailLow = sumError(c, productLow, tail);
  const head = product + tail;
  const headLow = sumError(product, tail, head);
  const result = head + sumToOdd(tailLow, headLow);
  // Zeros keep their sign in the plain sum, and infinities have no error terms.
  return result === 0 || Number.isNaN(result) ? product + c : result;
}

const float = new Float64Array(1);
const words = new Int32Array(float.buffer); // low word first: every engine's typed arrays are little-endian

/** `a + b`, and where it is inexact, of its two neighbours the one with an odd significand. */
function sumToOdd(a: number, b: number): number {
  const sum = a + b;
  const lost = sumError(a, b, sum);
  if (lost === 0) return sum;
  float[0] = sum;
  if ((words[0]! & 1) === 0) {
    // Bits count the size, whatever the sign.
    if (lost > 0 === sum > 0) words[0]! += 1;
    else {
      if (words[0] === 0) words[1]! -= 1;
      words[0]! -= 1;
    }
  }
  return float[0];
}

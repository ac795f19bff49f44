// Every engine's typed arrays are little-endian, so one word shows the bits of one float.
const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/**
 * The bits of the float16 nearest to a number, which is rounded to float32 first, as PyTorch does. Halfway cases go to the even neighbour,
 * what is too large becomes an infinity. Source: IEEE 754-2008, binary16: a sign, 5 bits of exponent (bias 15), 10 of significand.
 *
 * @example
 * float16FromNumber(1.5); // 0x3e00
 */
export function float16FromNumber(x: number): number {
  float[0] = x;
  const sign = (word[0]! >>> 16) & 0x8000;
  const size = word[0]! & 0x7fffffff;
  if (size > 0x7f800000) return 0x7e00;
  if (size >= 0x38800000) {
    // Exponents are biased by 127 here and by 15 there; a carry out of the significand rightly raises the exponent.
    const rounded = (size - ((127 - 15) << 23) + 0xfff + ((size >>> 13) & 1)) >>> 13;
    return sign | Math.min(rounded, 0x7c00);
  }
  // Below 2^-14 float16 has steps of 2^-24. So has float32 just above 0.5: the sum there is rounded to them.
  float[0] = Math.abs(float[0]!) + 0.5;
  return sign | (word[0]! - 0x3f000000);
}

/** The number that the bits of a float16 stand for. */
export function numberFromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const significand = bits & 0x3ff;
  if (exponent === 0) return sign * significand * 2 ** -24;
  if (exponent === 0x1f) return significand === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + significand / 1024) * 2 ** (exponent - 15);
}

/** The bits of the bfloat16 nearest to a number (rounded to float32 first): the upper half of a float32, halfway cases to even. */
export function bfloat16FromNumber(x: number): number {
  float[0] = x;
  if (Number.isNaN(x)) return 0x7fc0;
  return (word[0]! + 0x7fff + ((word[0]! >>> 16) & 1)) >>> 16;
}

/** The number that the bits of a bfloat16 stand for. */
export function numberFromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}

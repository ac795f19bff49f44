/**
 * WGSL functions that spellings and formats call; a shader gets those it uses. WGSL's compilers may assume that there are no NaNs and no
 * infinities, so NaN is found by its bits, and neither is written as a constant.
 */
const table = {
  is_nan: `fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }`,
  fmin: `fn fmin(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, is_nan(b)), a, is_nan(a)); }`,
  fmax: `fn fmax(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }`,
  copy_sign: `fn copy_sign(a: f32, b: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(a) & 0x7fffffffu) | (bitcast<u32>(b) & 0x80000000u));
}`,
  // WGSL's quotient may be off by 2.5 ulp, and by more for divisors above 2^126. Here mantissas are divided, the remainder is found exactly (each
  // factor in halves of 12 bits, so that no product is rounded) and its quotient added: exact quotients come out exact, the rest within 0.6 ulp.
  divide: `fn divide(a: f32, b: f32) -> f32 {
  let i = bitcast<u32>(a);
  let j = bitcast<u32>(b);
  let m = (i >> 23u) & 0xffu;
  let n = (j >> 23u) & 0xffu;
  if (m - 1u >= 254u || n - 1u >= 254u) { return a / b; }
  let x = bitcast<f32>((i & 0x807fffffu) | 0x3f800000u);
  let y = bitcast<f32>((j & 0x807fffffu) | 0x3f800000u);
  let q = x / y;
  let qh = bitcast<f32>(bitcast<u32>(q) & 0xfffff000u);
  let yh = bitcast<f32>((j & 0x807ff000u) | 0x3f800000u);
  let ql = q - qh;
  let yl = y - yh;
  let r = (((x - qh * yh) - qh * yl) - ql * yh) - ql * yl;
  let k = i32(m) - i32(n);
  let half = k >> 1u;
  return (q + r / y) * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((k - half + 127) << 23u);
}`,
  // The same for the root: of a number in [1/2, 2), subnormal ones as integers, and half the exponent is added to the bits.
  root: `fn root(a: f32) -> f32 {
  let i = bitcast<u32>(a);
  if (i - 1u >= 0x7f7fffffu) { return sqrt(a); }
  let tiny = i < 0x800000u;
  let j = select(i, bitcast<u32>(f32(i << 1u)), tiny);
  let x = bitcast<f32>((j & 0xffffffu) + 0x3f000000u);
  let y = sqrt(x);
  let yh = bitcast<f32>(bitcast<u32>(y) & 0xfffff000u);
  let yl = y - yh;
  let r = ((x - yh * yh) - 2.0 * yh * yl) - yl * yl;
  let exponent = i32(j >> 24u) - select(63, 138, tiny);
  return bitcast<f32>(bitcast<i32>(y + 0.5 * r / y) + (exponent << 23u));
}`,
  // WGSL defines division by zero: the dividend, or 0 for the remainder. Ours gives 0 for both.
  int_div: `fn int_div(a: i32, b: i32) -> i32 { return select(a / select(b, 1, b == 0), 0, b == 0); }`,
  int_rem: `fn int_rem(a: i32, b: i32) -> i32 { return a % select(b, 1, b == 0); }`,
  int_pow: `fn int_pow(a: i32, b: i32) -> i32 {
  if (b < 0) { return select(select(0, select(1, -1, (b & 1) != 0), a == -1), 1, a == 1); }
  var base = a;
  var left = b;
  var y = 1;
  while (left > 0) {
    if ((left & 1) != 0) { y *= base; }
    base *= base;
    left = left >> 1u;
  }
  return y;
}`,
  // What does not fit gives the smallest number, as on x86.
  float_to_int: `fn float_to_int(x: f32) -> i32 {
  let fits = x >= -2147483648.0 && x < 2147483648.0 && !is_nan(x);
  return select(-2147483647 - 1, i32(select(0.0, x, fits)), fits);
}`,
  // The low 32 bits of the number in 64 bits; what does not fit there gives the smallest, whose low bits are 0.
  float_to_long: `fn float_to_long(x: f32) -> i32 {
  let bits = bitcast<u32>(x);
  let exponent = i32((bits >> 23u) & 0xffu) - 127;
  if (exponent < 31) { return i32(x); }
  if (exponent > 54) { return 0; }
  let magnitude = ((bits & 0x7fffffu) | 0x800000u) << u32(exponent - 23);
  return bitcast<i32>(select(magnitude, 0u - magnitude, (bits >> 31u) != 0u));
}`,
  half_to_float: `fn half_to_float(h: u32) -> f32 {
  let sign = (h & 0x8000u) << 16u;
  let magnitude = h & 0x7fffu;
  let subnormal = bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8);
  let bias = select(0x38000000u, 0x70000000u, magnitude >= 0x7c00u);
  return bitcast<f32>(sign | select((magnitude << 13u) + bias, subnormal, magnitude < 0x400u));
}`,
  // Rounds to the nearest, ties to even.
  float_to_half: `fn float_to_half(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude < 0x38800000u) {
    let exponent = magnitude >> 23u;
    if (exponent < 102u) { return sign; }
    let shift = 126u - exponent;
    let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    let whole = mantissa >> shift;
    let rest = mantissa & ((1u << shift) - 1u);
    let half = 1u << (shift - 1u);
    return sign | (whole + select(0u, 1u, rest > half || (rest == half && (whole & 1u) != 0u)));
  }
  return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
}`,
  float_to_bfloat: `fn float_to_bfloat(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0x7fc0u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}`,
  // The exact remainder: long division of the mantissas. WGSL's % is a - b * trunc(a / b), which rounds.
  float_mod: `fn float_mod(a: f32, b: f32, nan: f32) -> f32 {
  let x = bitcast<u32>(a) & 0x7fffffffu;
  let y = bitcast<u32>(b) & 0x7fffffffu;
  let sign = bitcast<u32>(a) & 0x80000000u;
  if (x >= 0x7f800000u || y > 0x7f800000u || y == 0u) { return nan; }
  if (x < y) { return a; }
  var ex = i32(x >> 23u);
  var ey = i32(y >> 23u);
  var mx = x & 0x7fffffu;
  var my = y & 0x7fffffu;
  if (ex == 0) { ex = 1; } else { mx |= 0x800000u; }
  if (ey == 0) { ey = 1; } else { my |= 0x800000u; }
  while (ex > ey) {
    if (mx >= my) { mx -= my; }
    mx = mx << 1u;
    ex--;
  }
  if (mx >= my) { mx -= my; }
  if (mx == 0u) { return bitcast<f32>(sign); }
  while (mx < 0x800000u && ex > 1) {
    mx = mx << 1u;
    ex--;
  }
  let bits = select(mx, (mx & 0x7fffffu) | (u32(ex) << 23u), mx >= 0x800000u);
  return bitcast<f32>(sign | bits);
}`,
} as const;

export type Helper = keyof typeof table;

const needs: { readonly [K in Helper]?: readonly Helper[] } = {
  fmin: ["is_nan"],
  fmax: ["is_nan"],
  float_to_int: ["is_nan"],
};

/** The text of the helpers and of those that they call. */
export function helperText(used: Iterable<Helper>): string {
  const all = new Set<Helper>();
  const add = (h: Helper): void => {
    if (all.has(h)) return;
    for (const n of needs[h] ?? []) add(n);
    all.add(h);
  };
  for (const h of used) add(h);
  return [...all].map((h) => table[h]).join("\n");
}

/** WGSL functions for random numbers. All of them work in integers, so that their results are the same on every adapter. */

/** Philox4x32-10; see core/random/philox.ts. WGSL has no product of 64 bits: its high word comes from products of halves. */
export const philox = `fn multiply_high(a: u32, b: u32) -> u32 {
  let low = b & 0xffffu;
  let high = b >> 16u;
  let middle = (a >> 16u) * low + (((a & 0xffffu) * low) >> 16u);
  let other = (a & 0xffffu) * high + (middle & 0xffffu);
  return (a >> 16u) * high + (middle >> 16u) + (other >> 16u);
}
fn philox(counter: vec4<u32>, start: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var key = start;
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiply_high(0xd2511f53u, c.x);
    let high1 = multiply_high(0xcd9e8d57u, c.z);
    c = vec4<u32>(high1 ^ c.y ^ key.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ key.y, 0xd2511f53u * c.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}`;

/** `philoxUniform`: x rounded to 24 bits and half of 2^-32 more, rounded again. Conversions may round either way, so this one is exact. */
export const unit = `fn unit(x: u32) -> f32 {
  let zeros = countLeadingZeros(x);
  if (zeros > 8u) { return f32(2u * x + 1u) * bitcast<f32>(0x2f000000u); }
  if (zeros == 8u) { return f32(x + (x & 1u)) * bitcast<f32>(0x2f800000u); }
  let lost = 8u - zeros;
  let kept = x >> lost;
  let up = (x & ((1u << lost) - 1u)) + (kept & 1u) > (1u << (lost - 1u));
  return f32(kept + select(0u, 1u, up)) * bitcast<f32>((lost + 95u) << 23u);
}`;

/** The remainder of numbers of 64 bits (the low word first), by subtracting the divisor shifted bit by bit. */
export const wideRemainder = `fn wide_remainder(x: vec2<u32>, divisor: vec2<u32>) -> vec2<u32> {
  var rest = vec2<u32>(0u, 0u);
  for (var bit = 0u; bit < 64u; bit++) {
    let next = select(x.y >> (31u - bit), x.x >> (63u - bit), bit > 31u) & 1u;
    let carry = rest.y >> 31u;
    rest = vec2<u32>((rest.x << 1u) | next, (rest.y << 1u) | (rest.x >> 31u));
    if (carry != 0u || rest.y > divisor.y || (rest.y == divisor.y && rest.x >= divisor.x)) {
      rest = vec2<u32>(rest.x - divisor.x, rest.y - divisor.y - select(0u, 1u, rest.x < divisor.x));
    }
  }
  return rest;
}`;

/** The f32 nearest to the sum of two signed numbers of 64 bits, ties to even. */
export const toFloat = `fn to_float(a: vec2<u32>, b: vec2<u32>) -> f32 {
  let low = a.x + b.x;
  let sum = vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
  let sign = sum.y & 0x80000000u;
  var x = sum;
  if (sign != 0u) { x = vec2<u32>(0u - sum.x, ~sum.y + select(0u, 1u, sum.x == 0u)); }
  var exponent = 0u;
  var word = x.x;
  if (x.y != 0u) {
    // The leading 32 bits; what is lost of the others only has to be seen not to be zero.
    exponent = 32u - countLeadingZeros(x.y);
    let above = select(x.y << (32u - exponent), 0u, exponent == 32u);
    let lost = select(x.x & ((1u << (exponent & 31u)) - 1u), x.x, exponent == 32u);
    word = select(above | (x.x >> (exponent & 31u)), x.y, exponent == 32u) | select(0u, 1u, lost != 0u);
  }
  let zeros = countLeadingZeros(word);
  if (zeros >= 8u) { return bitcast<f32>(bitcast<u32>(f32(word)) | sign); }
  let gone = 8u - zeros;
  let kept = word >> gone;
  let up = (word & ((1u << gone) - 1u)) + (kept & 1u) > (1u << (gone - 1u));
  return bitcast<f32>(bitcast<u32>(f32(kept + select(0u, 1u, up)) * bitcast<f32>((gone + exponent + 127u) << 23u)) | sign);
}`;

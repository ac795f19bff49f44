/**
 * Exact decimal digits of float64 values, rounded half to even as Python rounds them.
 *
 * JavaScript's `toFixed` and `toExponential` are exact too, but they break ties away from zero (`(2.5).toFixed(0)` is "3",
 * Python's `f"{2.5:.0f}"` is "2"), stop at 100 digits, and `toFixed` gives up at 1e21. So the rounding is done here, on integers.
 */

/** A non-negative decimal number: `0.DIGITS * 10^point`, so `{ digits: "125", point: 1 }` is 1.25. */
export interface Decimal {
  readonly digits: string;
  readonly point: number;
}

const float = new Float64Array(1);
const bits = new BigUint64Array(float.buffer);

/** A finite `x >= 0` as `mantissa * 2^exponent`, exactly. */
function binary(x: number): { mantissa: bigint; exponent: number } {
  float[0] = x;
  const word = bits[0] ?? 0n;
  const biased = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  // A zero exponent field marks subnormal numbers, which have no hidden bit and the scale of the smallest normal ones.
  return biased === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

/** `x * 10^places` split into its whole part and whether rounding half to even adds one to it. */
function scale(x: number, places: number): { whole: bigint; up: boolean } {
  const { mantissa, exponent } = binary(x);
  const power = 10n ** BigInt(Math.abs(places));
  const shift = BigInt(Math.abs(exponent));
  let numerator = places >= 0 ? mantissa * power : mantissa;
  let denominator = places >= 0 ? 1n : power;
  if (exponent >= 0) numerator <<= shift;
  else denominator <<= shift;
  const whole = numerator / denominator;
  const twice = (numerator - whole * denominator) * 2n;
  return { whole, up: twice > denominator || (twice === denominator && (whole & 1n) === 1n) };
}

/** A finite `x >= 0` rounded to `places` digits after the decimal point. */
export function fixedDecimal(x: number, places: number): Decimal {
  const { whole, up } = scale(x, places);
  const digits = (up ? whole + 1n : whole).toString().padStart(places + 1, "0");
  return { digits, point: digits.length - places };
}

/** A finite `x >= 0` rounded to `count` significant digits; zero has `count` digits "0" and its point after the first. */
export function significantDecimal(x: number, count: number): Decimal {
  if (x === 0) return { digits: "0".repeat(count), point: 1 };
  const limit = 10n ** BigInt(count);
  // log10 is off by one next to powers of ten; the unrounded whole part tells.
  let point = Math.floor(Math.log10(x)) + 1;
  let scaled = scale(x, count - point);
  if (scaled.whole * 10n < limit) scaled = scale(x, count - --point);
  else if (scaled.whole >= limit) scaled = scale(x, count - ++point);
  const rounded = scaled.up ? scaled.whole + 1n : scaled.whole;
  return rounded === limit ? { digits: (limit / 10n).toString(), point: point + 1 } : { digits: rounded.toString(), point };
}

/** The shortest digits that read back as the finite `x >= 0`. */
export function shortestDecimal(x: number): Decimal {
  const [mantissa = "", exponent = ""] = x.toExponential().split("e");
  return { digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

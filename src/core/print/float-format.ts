import { type Decimal, fixedDecimal, shortestDecimal, significantDecimal } from "./decimal.ts";

/**
 * `"f"` fixed point, `"e"` with exponent, `"g"` the shorter of the two with trailing zeros dropped, `"r"` the shortest text that reads
 * back as the same number (Python's `repr`).
 */
export type FloatStyle = "f" | "e" | "g" | "r";

export interface FloatFormatOptions {
  /** Keep the decimal point even with nothing behind it, and the trailing zeros of `"g"` (Python's `#`). */
  alternate?: boolean;
  /** Write whole numbers with ".0", as `repr` does. */
  dotZero?: boolean;
}

function sign(x: number): string {
  return x < 0 || Object.is(x, -0) ? "-" : "";
}

function digitsOf(x: number, style: FloatStyle, precision: number): Decimal {
  switch (style) {
    case "f":
      return fixedDecimal(x, precision);
    case "e":
      return significantDecimal(x, precision + 1);
    case "g":
      return significantDecimal(x, Math.max(precision, 1));
    case "r":
      return shortestDecimal(x);
  }
}

/** Whether the style spells a number with its decimal point there with an exponent. */
function wantsExponent(style: FloatStyle, point: number, precision: number, dotZero: boolean): boolean {
  if (style === "f") return false;
  if (style === "e") return true;
  // ".0" takes a digit of its own: 100.0 has no room for it in three significant digits.
  const most = style === "r" ? 16 : Math.max(precision, 1) - (dotZero ? 1 : 0);
  return point < -3 || point > most;
}

/**
 * A float in Python's spelling, exact to the last digit asked for and rounded half to even.
 * NaN is "nan" whatever its sign bit; infinities are "inf" and "-inf".
 *
 * @example formatFloat(2.5, "f", 0); // "2"
 * @example formatFloat(1234.5, "e", 2); // "1.23e+03"
 */
export function formatFloat(x: number, style: FloatStyle, precision: number, options: FloatFormatOptions = {}): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return `${sign(x)}inf`;
  const { alternate = false, dotZero = false } = options;

  const decimal = digitsOf(Math.abs(x), style, precision);
  const digits = style === "g" && !alternate ? decimal.digits.replace(/(?<=.)0+$/, "") : decimal.digits;
  const withExponent = wantsExponent(style, decimal.point, precision, dotZero);
  const point = withExponent ? 1 : decimal.point;

  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  let fraction = point > 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  if (fraction === "" && dotZero && !withExponent) fraction = "0";

  let text = sign(x) + whole;
  if (fraction !== "" || alternate) text += `.${fraction}`;
  if (withExponent) {
    const exponent = decimal.point - 1;
    text += `e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return text;
}

/**
 * Python's `repr` of a float.
 *
 * @example [1, 0.1, 1e-5, 1e16, -0, Infinity].map(reprFloat); // "1.0" "0.1" "1e-05" "1e+16" "-0.0" "inf"
 */
export function reprFloat(x: number): string {
  return formatFloat(x, "r", 0, { dotZero: true });
}

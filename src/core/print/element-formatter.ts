import { formatFloat } from "./float-format.ts";
import type { PrintOptions } from "./options.ts";

/** Spells the elements of one tensor, all in one style and right-aligned to one width. */
export interface ElementFormatter {
  /** Columns an element takes; an infinity or NaN may take more. */
  readonly width: number;
  format(value: number | bigint | boolean): string;
}

function textOf(value: number | bigint | boolean, isBool: boolean): string {
  if (isBool) return value ? "True" : "False";
  return BigInt(value).toString();
}

function integerFormatter(values: readonly (number | bigint | boolean)[], isBool: boolean): ElementFormatter {
  const width = values.reduce<number>((most, value) => Math.max(most, textOf(value, isBool).length), 1);
  return { width, format: (value) => textOf(value, isBool).padStart(width) };
}

/**
 * Whether floats need an exponent: they span more than three orders of magnitude, or there are large ones, or, where they are not
 * all whole, there are tiny ones. PyTorch decides in float64, whatever the tensor's dtype.
 */
function spreadsWide(values: readonly number[], whole: boolean): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size < least) least = size;
    if (size > most) most = size;
  }
  return most / least > 1000 || most > 1e8 || (!whole && least < 1e-4);
}

function floatFormatter(values: readonly number[], { precision, sciMode }: PrintOptions): ElementFormatter {
  // Zeros, infinities and NaNs have no say in the style, nor in the width.
  const telling = values.filter((value) => value !== 0 && Number.isFinite(value));
  const wholeNumbers = telling.every((value) => Number.isInteger(value));
  const wide = telling.length > 0 && spreadsWide(telling, wholeNumbers);
  // With nothing to tell by, PyTorch does not look at sciMode either.
  const scientific = telling.length > 0 && sciMode !== null ? sciMode : wide;

  const spell = (value: number, exponent: boolean): string => {
    if (exponent) return formatFloat(value, "e", precision);
    if (!wholeNumbers) return formatFloat(value, "f", precision);
    return Number.isFinite(value) ? `${formatFloat(value, "f", 0)}.` : formatFloat(value, "f", 0);
  };
  // The width comes from the style that the values call for, even where sciMode then chooses the other one.
  let width = 1;
  for (const value of telling) width = Math.max(width, spell(value, wide).length);
  return { width, format: (value) => spell(Number(value), scientific).padStart(width) };
}

/** The formatter for a tensor of this dtype whose printed elements are `values`. */
export function elementFormatter(
  dtypeName: string,
  values: readonly (number | bigint | boolean)[],
  options: PrintOptions,
): ElementFormatter {
  if (dtypeName === "bool") return integerFormatter(values, true);
  return /float/.test(dtypeName) ? floatFormatter(values.map(Number), options) : integerFormatter(values, false);
}

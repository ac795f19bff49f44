import * as errors from "../errors.ts";
import { type FloatStyle, formatFloat, reprFloat } from "./float-format.ts";

/** Which of Python's number types a value counts as. */
export type NumberKind = "float" | "int" | "bool";

/** A format specification taken apart: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`. */
interface Spec {
  readonly fill: string;
  readonly align: "<" | ">" | "=" | "^";
  readonly sign: "" | "+" | "-" | " ";
  /** Write a negative zero, also one that rounding made, without its sign. */
  readonly noNegativeZero: boolean;
  readonly alternate: boolean;
  readonly width: number;
  readonly grouping: "" | "," | "_";
  readonly precision: number | null;
  /** "" where none was given. */
  readonly type: string;
}

// Everything before the type. `s`: the fill may be a newline; `u`: or an emoji.
const OPTIONS =
  /^(?:(?:(?<fill>.)(?<filled>[<>=^]))|(?<bare>[<>=^]))?(?<sign>[-+ ])?(?<z>z)?(?<alternate>#)?(?<zero>0)?(?<width>\d+)?(?<grouping>,_?|_,?)?(?<dot>\.(?<precision>\d*))?/su;

// Python keeps a width in a signed 64-bit integer and a precision in a signed 32-bit one.
const MOST_WIDTH = 2 ** 63;
const MOST_PRECISION = 2 ** 31 - 1;

/** A type as error sentences show it. */
function shownType(type: string): string {
  const code = type.codePointAt(0) ?? 0;
  return code > 32 && code < 128 ? type : `\\x${code.toString(16)}`;
}

function unknownCode(type: string, kind: NumberKind): Error {
  return errors.formatUnknownCode(shownType(type), kind);
}

function parse(text: string, kind: NumberKind): Spec {
  const match = OPTIONS.exec(text);
  const { fill, filled, bare, sign = "", z, alternate, zero, width = "", grouping = "", dot, precision = "" } = match?.groups ?? {};
  const type = text.slice(match?.[0].length ?? 0);

  if (Number(width) >= MOST_WIDTH || Number(precision) >= MOST_WIDTH) throw errors.formatTooManyDigits();
  if (grouping.length > 1) throw errors.formatBothSeparators();
  if (dot !== undefined && precision === "") throw errors.formatNoPrecision();
  if ([...type].length > 1) throw errors.formatInvalid(text, kind);
  const groupable = grouping === "_" ? "defgEG%FboxX" : "defgEG%F";
  if (grouping !== "" && !groupable.includes(type)) throw errors.formatSeparator(grouping, shownType(type));

  // With a fill of its own a leading zero is just a digit of the width.
  const zeroPads = zero !== undefined && fill === undefined;
  return {
    fill: fill ?? (zeroPads ? "0" : " "),
    align: (filled ?? bare ?? (zeroPads ? "=" : ">")) as Spec["align"],
    sign: sign as Spec["sign"],
    noNegativeZero: z !== undefined,
    alternate: alternate !== undefined,
    width: Number(width),
    grouping: grouping as Spec["grouping"],
    precision: dot === undefined ? null : Number(precision),
    type,
  };
}

/** Separators every `size` digits from the right, after padding with zeros until the grouped text has `width` characters. */
function group(digits: string, separator: string, size: number, width: number): string {
  let padded = digits;
  if (separator === "") return padded.padStart(width, "0");
  const lengthOf = (n: number): number => n + Math.floor((n - 1) / size);
  while (lengthOf(padded.length) < width) padded = `0${padded}`;
  return padded.replace(new RegExp(`(?=(?:.{${size}})+$)(?!^)`, "g"), separator);
}

/** A number's text in parts: only `digits` is grouped and padded with zeros. */
interface Parts {
  readonly negative: boolean;
  readonly prefix: string;
  readonly digits: string;
  readonly rest: string;
}

function assemble(parts: Parts, spec: Spec): string {
  const sign = parts.negative ? "-" : spec.sign === "-" ? "" : spec.sign;
  const head = sign + parts.prefix;
  let digits = parts.digits;
  // What has no digits (inf, nan, a character) is padded below, without separators.
  if (digits !== "") {
    const zeroPads = spec.fill === "0" && spec.align === "=";
    const least = zeroPads ? spec.width - head.length - parts.rest.length : 0;
    digits = group(digits, spec.grouping, /[boxX]/.test(spec.type) ? 4 : 3, least);
  }
  const body = digits + parts.rest;
  const missing = Math.max(0, spec.width - [...head, ...body].length);
  switch (spec.align) {
    case "<":
      return head + body + spec.fill.repeat(missing);
    case ">":
      return spec.fill.repeat(missing) + head + body;
    case "=":
      return head + spec.fill.repeat(missing) + body;
    case "^":
      return spec.fill.repeat(missing >> 1) + head + body + spec.fill.repeat(missing - (missing >> 1));
  }
}

function formatAsFloat(x: number, spec: Spec, kind: NumberKind): string {
  if (spec.type !== "" && !"eEfFgGn%".includes(spec.type)) throw unknownCode(spec.type, kind);
  if ((spec.precision ?? 0) > MOST_PRECISION) throw errors.formatPrecisionTooBig();

  let style: FloatStyle = "g";
  const lower = spec.type.toLowerCase();
  if (lower === "e" || lower === "f") style = lower;
  else if (lower === "%") style = "f";
  else if (lower === "" && spec.precision === null) style = "r";
  const options = { alternate: spec.alternate, dotZero: lower === "" };
  let text = formatFloat(lower === "%" ? x * 100 : x, style, spec.precision ?? 6, options);
  if (lower !== spec.type) text = text.toUpperCase();
  if (lower === "%") text += "%";

  let negative = text.startsWith("-");
  if (negative) text = text.slice(1);
  const digits = /^\d*/.exec(text)?.[0] ?? "";
  if (negative && spec.noNegativeZero && digits !== "" && !/[1-9]/.test(text.replace(/e.*$/i, ""))) negative = false;
  return assemble({ negative, prefix: "", digits, rest: text.slice(digits.length) }, spec);
}

const RADIX: Record<string, number> = { b: 2, o: 8, x: 16, X: 16 };

function formatAsInt(x: bigint, spec: Spec, kind: NumberKind): string {
  const { type } = spec;
  if (type !== "" && "eEfFgG%".includes(type)) {
    const value = Number(x);
    if (!Number.isFinite(value)) throw errors.intTooLarge("float");
    return formatAsFloat(value, spec, kind);
  }
  if (type !== "" && !"bcdoxXn".includes(type)) throw unknownCode(type, kind);
  if (spec.precision !== null) throw errors.formatIntPrecision();
  if (spec.noNegativeZero) throw errors.formatIntNegativeZero();

  if (type === "c") {
    if (spec.sign !== "") throw errors.formatCharacter("Sign");
    if (spec.alternate) throw errors.formatCharacter("Alternate form (#)");
    if (BigInt.asIntN(64, x) !== x) throw errors.intTooLarge("C long");
    if (x < 0n || x > 0x10ffffn) throw errors.formatCharacterRange();
    return assemble({ negative: false, prefix: "", digits: "", rest: String.fromCodePoint(Number(x)) }, spec);
  }

  const radix = RADIX[type] ?? 10;
  const digits = (x < 0n ? -x : x).toString(radix);
  return assemble(
    {
      negative: x < 0n,
      prefix: spec.alternate && radix !== 10 ? `0${type}` : "",
      digits: type === "X" ? digits.toUpperCase() : digits,
      rest: "",
    },
    spec,
  );
}

/**
 * A number written by one of Python's format specifications, `f"{x:spec}"`.
 *
 * A bigint is Python's int and a boolean its bool. A number is Python's float, unless the specification asks for an integer
 * (`d`, `b`, `o`, `x`, `X`, `c`) and the number is whole; `kind` settles it where that is not wanted.
 *
 * @throws ValueError with Python's sentence for a specification that does not fit.
 * @example formatSpec(1.23456789, ".3f"); // "1.235"
 * @example formatSpec(0.1234, ".1%"); // "12.3%"
 * @example formatSpec(1234567n, ">12,"); // "   1,234,567"
 */
export function formatSpec(x: number | bigint | boolean, spec: string, kind?: NumberKind): string {
  const isBool = kind === "bool" || (kind === undefined && typeof x === "boolean");
  const asks = /[dboxXc]$/.test(spec);
  const isInt = kind === "int" || typeof x === "bigint" || (kind === undefined && asks && Number.isInteger(x));
  if (spec === "") return isBool ? (x ? "True" : "False") : isInt ? BigInt(x).toString() : reprFloat(Number(x));
  if (isBool) return formatAsInt(x ? 1n : 0n, parse(spec, "bool"), "bool");
  if (isInt) return formatAsInt(BigInt(x), parse(spec, "int"), "int");
  return formatAsFloat(Number(x), parse(spec, "float"), "float");
}

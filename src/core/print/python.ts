/** Python's own spelling of values: what `repr` and `str` give for numbers, strings, tuples and lists. */
import { reprFloat } from "./float-format.ts";

export { reprFloat } from "./float-format.ts";
export { formatSpec, type NumberKind } from "./format-spec.ts";

/** A value without parts; `undefined` counts as `None`. */
export type PythonScalar = number | bigint | boolean | string | null | undefined;

/** A `T`, or an array of them to any depth. */
export type Nested<T> = T | readonly Nested<T>[];

/** What {@link reprValue} can spell. */
export type PythonValue = Nested<PythonScalar>;

/** Python's `repr` of an int. A number is written out in full, also beyond 1e21. */
export function reprInt(x: number | bigint): string {
  return BigInt(x).toString();
}

/** Python's `repr` of a bool. */
export function reprBool(x: boolean): string {
  return x ? "True" : "False";
}

/**
 * Python's `repr` of a scalar argument: a whole number counts as int and any other as float. Use {@link reprFloat} for a value known to be a float.
 *
 * @example [3, 0.5, 1e-5, 7n, true].map(reprNumber); // "3" "0.5" "1e-05" "7" "True"
 */
export function reprNumber(x: number | bigint | boolean): string {
  if (typeof x === "boolean") return reprBool(x);
  return typeof x === "bigint" || (Number.isInteger(x) && !Object.is(x, -0)) ? reprInt(x) : reprFloat(x);
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Python's `repr` of a string: single quotes, or double ones where the text has single quotes only; what cannot be printed is escaped. */
export function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\'\p{C}\p{Z}]/gu, (c) => {
    if (c === " ") return c;
    if (c === "'") return quote === "'" ? "\\'" : c;
    const code = c.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return (
      ESCAPES[c] ??
      (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`)
    );
  });
  return quote + body + quote;
}

function isSequence<T>(item: Nested<T>): item is readonly Nested<T>[] {
  return Array.isArray(item);
}

/**
 * Python's `repr` of a tuple. Arrays inside it are tuples too.
 *
 * @param reprItem spells the elements that are not arrays; by default as {@link reprValue} does.
 * @example reprTuple([3, 3]); // "(3, 3)"
 * @example reprTuple([2]); // "(2,)"
 */
export function reprTuple(items: readonly PythonValue[]): string;
export function reprTuple<T extends PythonScalar>(items: readonly Nested<T>[], reprItem: (item: T) => string): string;
export function reprTuple<T extends PythonScalar>(items: readonly Nested<T>[], reprItem: (item: T) => string = reprScalar): string {
  const texts = items.map((item) => (isSequence(item) ? reprTuple(item, reprItem) : reprItem(item)));
  return texts.length === 1 ? `(${texts[0]},)` : `(${texts.join(", ")})`;
}

/**
 * Python's `repr` of a list. Arrays inside it are lists too.
 *
 * @param reprItem spells the elements that are not arrays; by default as {@link reprValue} does.
 * @example reprList([1, 2]); // "[1, 2]"
 * @example reprList([[1, 2.5]], reprFloat); // "[[1.0, 2.5]]"
 */
export function reprList(items: readonly PythonValue[]): string;
export function reprList<T extends PythonScalar>(items: readonly Nested<T>[], reprItem: (item: T) => string): string;
export function reprList<T extends PythonScalar>(items: readonly Nested<T>[], reprItem: (item: T) => string = reprScalar): string {
  return `[${items.map((item) => (isSequence(item) ? reprList(item, reprItem) : reprItem(item))).join(", ")}]`;
}

function reprScalar(value: PythonScalar): string {
  if (value === null || value === undefined) return "None";
  return typeof value === "string" ? reprString(value) : reprNumber(value);
}

/**
 * Python's `repr` of a value as a caller writes it: numbers by {@link reprNumber}, quoted strings, `None`, and arrays as tuples.
 *
 * @example reprValue([0.9, 0.999]); // "(0.9, 0.999)"
 * @example reprValue("zeros"); // "'zeros'"
 */
export function reprValue(value: PythonValue): string {
  return isSequence<PythonScalar>(value) ? reprTuple(value) : reprScalar(value);
}

/** Python's `str` of a value, which is what `"{}".format(value)` writes: as {@link reprValue}, but a string stands without quotes. */
export function strValue(value: PythonValue): string {
  return typeof value === "string" ? value : reprValue(value);
}

/** The text of a `torch.Size`: `torch.Size([2, 3])`. */
export function reprSize(shape: readonly number[]): string {
  return `torch.Size(${reprList(shape)})`;
}

/** The text of a named result such as `torch.return_types.max`, from its fields' names and texts. */
export function reprReturnType(name: string, fields: readonly (readonly [name: string, text: string])[]): string {
  return `torch.return_types.${name}(\n${fields.map(([field, text]) => `${field}=${text}`).join(",\n")})`;
}

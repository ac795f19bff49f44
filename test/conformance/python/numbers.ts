/** Arithmetic, comparison and text of Python's own numbers. */
import type { BinaryOperator } from "./ast.ts";
import { numberOf, PyFloat, PythonError } from "./values.ts";

/** `a operator b` of two Python numbers (ints, floats, bools). */
export function arithmetic(operator: BinaryOperator, a: unknown, b: unknown): unknown {
  const x = numberOf(a);
  const y = numberOf(b);
  if (x === null || y === null) return undefined;
  if (typeof x === "bigint" && typeof y === "bigint") return integers(operator, x, y, typeof a === "boolean" && typeof b === "boolean");
  const result = floats(operator, Number(x), Number(y));
  return result === undefined ? undefined : new PyFloat(result);
}

function integers(operator: BinaryOperator, x: bigint, y: bigint, bools: boolean): unknown {
  const orBool = (value: bigint): bigint | boolean => (bools ? value !== 0n : value);
  switch (operator) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "/":
      if (y === 0n) throw new PythonError("ZeroDivisionError", "division by zero");
      return new PyFloat(Number(x) / Number(y));
    case "//":
    case "%": {
      if (y === 0n) throw new PythonError("ZeroDivisionError", "integer division or modulo by zero");
      const rest = ((x % y) + y) % y;
      return operator === "%" ? rest : (x - rest) / y;
    }
    case "**":
      return y < 0n ? new PyFloat(Number(x) ** Number(y)) : x ** y;
    case "<<":
      return x << y;
    case ">>":
      return x >> y;
    case "&":
      return orBool(x & y);
    case "|":
      return orBool(x | y);
    case "^":
      return orBool(x ^ y);
    case "@":
      return undefined;
  }
}

function floats(operator: BinaryOperator, x: number, y: number): number | undefined {
  if (y === 0 && (operator === "/" || operator === "//" || operator === "%")) {
    throw new PythonError("ZeroDivisionError", operator === "/" ? "float division by zero" : "float floor division by zero");
  }
  switch (operator) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "/":
      return x / y;
    case "//":
      return Math.floor(x / y);
    case "%":
      return x - Math.floor(x / y) * y;
    case "**":
      return x ** y;
  }
  return undefined;
}

/** Python's repr of a float: shortest digits, `.0` on whole numbers, an exponent below 1e-4 and from 1e16. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const text = power < 0 ? value.toFixed(mantissa.replace(/[-.]/g, "").length - 1 - power) : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

const FORMAT = /^(?:(.)?([<>=^]))?([+\- ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** `format(value, spec)` of a Python number or string. */
export function formatValue(value: unknown, spec: string): string {
  const fields = FORMAT.exec(spec);
  if (!fields) throw new PythonError("ValueError", "Invalid format specifier");
  const [, fill, align, sign = "-", , zero, width, grouping, digits, type] = fields;
  const number = numberOf(value);
  const text = number === null || typeof value === "string" ? String(value) : numberText(number, type, digits, grouping);
  const negative = number !== null && text.startsWith("-");
  const body = negative ? text.slice(1) : text;
  const prefix = number === null ? "" : negative ? "-" : sign === "-" ? "" : sign;
  const missing = Math.max(0, Number(width ?? 0) - prefix.length - body.length);
  const padding = (fill ?? (zero ? "0" : " ")).repeat(missing);
  switch (align ?? (zero ? "=" : number === null ? "<" : ">")) {
    case "<":
      return prefix + body + padding;
    case "=":
      return prefix + padding + body;
    case "^": {
      const left = Math.floor(missing / 2);
      return padding.slice(0, left) + prefix + body + padding.slice(left);
    }
    default:
      return padding + prefix + body;
  }
}

function numberText(number: number | bigint, type: string | undefined, digits: string | undefined, grouping: string | undefined): string {
  const places = digits === undefined ? 6 : Number(digits);
  let text: string;
  if (type === undefined && digits === undefined) text = typeof number === "bigint" ? String(number) : floatRepr(number);
  else if (type === "d") text = String(number);
  else if (type === "x") text = number.toString(16);
  else if (type === "b") text = number.toString(2);
  else if (type === "f" || type === "F") text = Number(number).toFixed(places);
  else if (type === "%") text = `${(Number(number) * 100).toFixed(places)}%`;
  else if (type === "e" || type === "E") text = exponential(Number(number), places);
  else if (type === "g" || type === undefined) text = general(Number(number), places || 1);
  else
    throw new PythonError(
      "ValueError",
      `Unknown format code '${type}' for object of type '${typeof number === "bigint" ? "int" : "float"}'`,
    );
  if (type === "E" || type === "F") text = text.toUpperCase();
  return grouping ? text.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, grouping)) : text;
}

function exponential(value: number, places: number): string {
  return value.toExponential(places).replace(/e([+-])(\d)$/, "e$10$2");
}

function general(value: number, precision: number): string {
  const power = value === 0 ? 0 : Number(value.toExponential(precision - 1).split("e")[1]);
  if (power < -4 || power >= precision) return exponential(value, precision - 1).replace(/\.?0+e/, "e");
  const text = value.toFixed(Math.max(0, precision - 1 - power));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

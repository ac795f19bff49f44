import { isDType, Scalar } from "../core/dtype.ts";
import { ArgumentError, unexpectedKeyword } from "../core/errors.ts";
import { Tensor } from "./tensor.ts";

/** Whether a value is an options object: a plain object, as the last argument of a call. */
export function isOptions(x: unknown): x is Record<string, unknown> {
  if (typeof x !== "object" || x === null || Array.isArray(x) || x instanceof Tensor || x instanceof Scalar) return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a tensor among the arguments, or in a list among them, requires a gradient. */
export function anyRequiresGrad(args: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) {
    const a = args[i];
    if (a instanceof Tensor ? a.requiresGrad : Array.isArray(a) && anyRequiresGrad(a)) return true;
  }
  return false;
}

/** Whether arguments, from number `from` on, stand by position already: no options, no integers to convert, no lists that may hold some. */
export function areByPosition(params: readonly string[], args: readonly unknown[], from: number): boolean {
  if (args.length - from > params.length) return false;
  for (let i = from; i < args.length; i++) {
    const x = args[i];
    if (typeof x === "bigint" || (typeof x === "object" && x !== null && !(x instanceof Tensor))) return false;
  }
  return true;
}

function areNumbers(list: readonly unknown[]): boolean {
  for (let i = 0; i < list.length; i++) if (typeof list[i] !== "number") return false;
  return true;
}

/**
 * The arguments of a call by position: those given by position, then those of a last options object by name. With `variadic`, the first
 * parameter takes all the leading numbers: `x.view(2, 3)` as `x.view([2, 3])`.
 */
export function byPosition(name: string, params: readonly string[], args: readonly unknown[], variadic: boolean = false): unknown[] {
  if (!variadic && areByPosition(params, args, 0)) return [...args];
  if (variadic) {
    const list = args.length === 1 && Array.isArray(args[0]) ? (args[0] as readonly unknown[]) : args;
    // A copy: the list may be the caller's own.
    if (list.length > 0 && areNumbers(list)) return [list.slice()];
  }
  const options = isOptions(args.at(-1)) ? (args.at(-1) as Record<string, unknown>) : null;
  let given: unknown[] = options === null ? [...args] : args.slice(0, -1);
  if (variadic && (typeof given[0] === "number" || typeof given[0] === "bigint")) given = [given.map(toInt)];
  if (given.length > params.length) {
    throw new ArgumentError(
      `${name}() takes ${params.length} positional argument${params.length === 1 ? "" : "s"} but ${given.length} were given`,
    );
  }
  if (options !== null) {
    const positional = given.length;
    for (const [key, value] of Object.entries(options)) {
      const i = params.indexOf(key);
      if (i < 0) throw unexpectedKeyword(name, key);
      if (i < positional) throw new ArgumentError(`${name}() got multiple values for argument '${key}'`);
      while (given.length < i) given.push(undefined);
      given[i] = value;
    }
  }
  return given.map((x) =>
    typeof x === "bigint" ? Number(x) : Array.isArray(x) ? x.map((e) => (typeof e === "bigint" ? Number(e) : e)) : x,
  );
}

const toInt = (x: unknown): unknown => (typeof x === "bigint" ? Number(x) : x);

export { isDType };

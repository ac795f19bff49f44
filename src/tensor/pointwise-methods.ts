import { isGradEnabled } from "../autograd/modes.ts";
import type { Operand } from "../dispatch/operand.ts";
import type { Pointwise } from "../ops/define.ts";
import { anyRequiresGrad, isOptions } from "./arguments.ts";
import { callPointwise, callPointwiseInplace, defaultParams, record } from "./call-pointwise.ts";
import { callPlain, callPlainInto } from "./plain-pointwise.ts";
import { Tensor } from "./tensor.ts";

/** How pointwise ops are called: plainly where that serves, see Note [Plain calls], and by the general call otherwise. */

const NO_PARAMS: readonly number[] = [];

/** The result of a plain call as a tensor with its history. */
function finished(op: Pointwise, y: Operand, x: Tensor, other: Tensor | number | null): Tensor {
  const result = new Tensor(y);
  if (y.dtype.isFloatingPoint && isGradEnabled() && (x.requiresGrad || (other instanceof Tensor && other.requiresGrad))) {
    const params = op.params === undefined ? NO_PARAMS : defaultParams(op).values;
    record(op, other === null ? [x] : [x, other], params, result);
  }
  return result;
}

/** How an op of one operand is called. */
export const callUnary =
  (op: Pointwise) =>
  (x: unknown, ...rest: unknown[]): Tensor => {
    if (rest.length === 0 && x instanceof Tensor) {
      const y = callPlain(op, [x.operand], 0, null);
      if (y !== null) return finished(op, y, x, null);
    }
    return callPointwise(op, x, ...rest);
  };

/** How an op of two operands is called. */
export const callBinary =
  (op: Pointwise) =>
  (x: unknown, other: unknown, ...rest: unknown[]): Tensor => {
    if (rest.length === 0 && x instanceof Tensor) {
      if (other instanceof Tensor) {
        const y = callPlain(op, [x.operand, other.operand], 0, null);
        if (y !== null) return finished(op, y, x, other);
      } else if (typeof other === "number") {
        const y = callPlain(op, [x.operand], 2, [other]);
        if (y !== null) return finished(op, y, x, other);
      }
    }
    return callPointwise(op, x, other, ...rest);
  };

/** How an op of more operands is called. */
export const callMany =
  (op: Pointwise) =>
  (...args: unknown[]): Tensor => {
    if (args.length === op.arity && args[0] instanceof Tensor) {
      const inputs: Operand[] = [];
      const scalars: number[] = [];
      const numbers = sortPlain(args, inputs, scalars);
      const y = numbers < 0 ? null : callPlain(op, inputs, numbers, scalars.length === 0 ? null : scalars);
      if (y !== null) {
        const result = new Tensor(y);
        if (isGradEnabled() && y.dtype.isFloatingPoint && anyRequiresGrad(args)) record(op, args, defaultParams(op).values, result);
        return result;
      }
    }
    return callPointwise(op, ...args);
  };

/** Sorts tensors from numbers. @returns bit i: argument i is a number; -1 where some argument is neither. */
function sortPlain(args: readonly unknown[], inputs: Operand[], scalars: number[]): number {
  let numbers = 0;
  for (let i = 0; i < args.length; i++) {
    const x = args[i];
    if (x instanceof Tensor) inputs.push(x.operand);
    else if (typeof x === "number") {
      scalars.push(x);
      numbers |= 1 << i;
    } else return -1;
  }
  return numbers;
}

/** The value of an op's only param where options give that and nothing else: `{ alpha: 2 }`. Null where the general call has to look. */
function onlyParam(op: Pointwise, options: unknown): number | null {
  if (op.params?.length !== 1 || !isOptions(options)) return null;
  const { name } = op.params[0]!;
  for (const key in options) if (key !== name) return null;
  const value = options[name];
  return typeof value === "number" ? value : null;
}

/** How an op is called in place. */
export const callInplace =
  (op: Pointwise) =>
  (self: unknown, ...rest: unknown[]): Tensor => {
    const x = self as Tensor;
    const { arity } = op;
    const param = rest.length === arity ? onlyParam(op, rest[arity - 1]) : null;
    if (rest.length === (param === null ? arity - 1 : arity) && !(isGradEnabled() && (x.requiresGrad || anyRequiresGrad(rest)))) {
      const inputs: Operand[] = [x.operand];
      const scalars: number[] = [];
      const numbers = sortPlain(param === null ? rest : rest.slice(0, -1), inputs, scalars);
      if (numbers >= 0) {
        x.checkInplace();
        const given = param !== null && param !== op.params![0]!.default;
        if (given) scalars.push(param);
        if (callPlainInto(op, inputs, numbers << 1, scalars.length === 0 ? null : scalars, given ? 0 : undefined)) return x;
      }
    }
    return callPointwiseInplace(op, self, ...rest);
  };

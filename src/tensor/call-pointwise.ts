import { isGradEnabled } from "../autograd/modes.ts";
import type { Edge } from "../autograd/node.ts";
import { type Category, type DType, Scalar } from "../core/dtype.ts";
import {
  ArgumentError,
  argumentType,
  differentDevices,
  fractionalAlpha,
  invalidCombination,
  negativeIntegerPower,
  outputShape,
  resultCast,
  unexpectedKeyword,
  zeroDivision,
} from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import { canCast, resultType } from "../core/promotion.ts";
import type { Device } from "../dispatch/device.ts";
import type { Operand } from "../dispatch/operand.ts";
import { computeDtype, pointwiseKernel, resultDtype } from "../dispatch/pointwise-kernel.ts";
import { commonShape, map, mapInto } from "../dispatch/run.ts";
import { type Pointwise, pointwise } from "../ops/define.ts";
import type { TensorLike } from "../ops/entry.ts";
import { anyRequiresGrad, isOptions } from "./arguments.ts";
import { raiseAtZero } from "./faults.ts";
import { gradientsOf, NO_VALUES, needed, PointwiseNode, type PointwiseValues } from "./pointwise-grad.ts";
import { SavedTensor } from "./saved.ts";
import { Tensor } from "./tensor.ts";
import { transferred } from "./transfer.ts";

/** A plain number as promotion sees it. */
export function categoryOf(x: unknown, name: string): Category {
  if (typeof x === "number") return Number.isInteger(x) ? "int" : "float";
  if (x instanceof Scalar) return x.dtype.category;
  if (typeof x === "bigint") return "int";
  if (typeof x === "boolean") return "bool";
  throw new ArgumentError(`${name}(): argument 'other' must be Tensor or Number, not ${pythonTypeName(x)}`);
}

/** Python's name for the type of a value, for messages. */
export function pythonTypeName(x: unknown): string {
  if (x === null || x === undefined) return "NoneType";
  if (Array.isArray(x)) return "list";
  if (x instanceof Scalar) return x.dtype.category === "float" ? "float" : x.dtype.category;
  const names: Record<string, string> = { string: "str", bigint: "int", boolean: "bool", function: "function", object: "dict" };
  return typeof x === "number" ? (Number.isInteger(x) ? "int" : "float") : x instanceof Tensor ? "Tensor" : (names[typeof x] ?? typeof x);
}

export const numberOf = (x: unknown): number | bigint =>
  x instanceof Scalar ? numberOf(x.value) : typeof x === "boolean" ? Number(x) : (x as number | bigint);

/** A call with its operands sorted out. */
interface Call {
  readonly operands: readonly (Operand | null)[];
  readonly tensors: readonly Operand[];
  /** Values of the scalar slots: numbers among the operands, then the params that are not fixed. */
  readonly scalars: readonly (number | bigint)[];
  readonly params: readonly (number | bigint)[];
  /** Bit i: param i has its default and is a constant of the kernel. */
  readonly fixed: number;
  readonly computed: DType;
}

/** Takes the values of the params from the arguments after the operands: by position, or by name in a last options object. */
export function readParams(
  op: Pointwise,
  args: readonly unknown[],
): { values: (number | bigint)[]; categories: Category[]; fixed: number } {
  const params = op.params ?? [];
  const values: (number | bigint)[] = [];
  const categories: Category[] = [];
  let fixed = 0;
  const options = isOptions(args.at(-1)) ? (args.at(-1) as Record<string, unknown>) : null;
  if (options !== null) {
    for (const key of Object.keys(options)) {
      if (!params.some((p) => p.name === key) && options[key] !== undefined) throw unexpectedKeyword(op.opName, key);
    }
  }
  const positional = options === null ? args.length : args.length - 1;
  if (positional > params.length)
    throw new ArgumentError(
      `${op.opName}() takes ${op.arity + params.length} positional arguments but ${op.arity + positional} were given`,
    );
  params.forEach((p, i) => {
    const given = i < positional ? args[i] : options?.[p.name];
    const value = given === undefined ? p.default : numberOf(given);
    if (value === undefined) throw new ArgumentError(`${op.opName}() missing 1 required positional arguments: "${p.name}"`);
    values.push(value);
    categories.push(given === undefined ? "bool" : categoryOf(given, op.opName));
    if (value === p.default) fixed |= 1 << i;
  });
  return { values, categories, fixed };
}

function prepare(op: Pointwise, args: readonly unknown[]): Call {
  if (op.signatures !== undefined && !(args[0] instanceof Tensor)) checkSignatures(op, args);
  const operands: (Operand | null)[] = [];
  const tensors: Operand[] = [];
  const numbers: (number | bigint)[] = [];
  const categories: Category[] = [];
  for (let i = 0; i < op.arity; i++) {
    const x = args[i];
    if (x instanceof Tensor) {
      const o = x.operand;
      operands.push(o);
      tensors.push(o);
    } else {
      if (op.tensorsOnly) throw argumentType(op.opName, i === 0 ? "input" : "other", i + 1, "Tensor", pythonTypeName(x));
      categories.push(categoryOf(x, op.opName));
      numbers.push(numberOf(x));
      operands.push(null);
    }
  }
  const { values, categories: given, fixed } = args.length > op.arity ? readParams(op, args.slice(op.arity)) : defaultParams(op);
  if (tensors.length === 0) throw argumentType(op.opName, "input", 1, "Tensor", pythonTypeName(args[0]));
  const promoted =
    op.result === "first"
      ? tensors[0]!.dtype
      : categories.length === 0 && haveOneDtype(tensors)
        ? tensors[0]!.dtype
        : resultType(
            tensors.map((t) => ({ dtype: t.dtype, ndim: t.layout.ndim })),
            categories,
          );
  const computed = computeDtype(op, promoted);
  op.check?.(
    computed,
    operands.map((o) => o?.dtype ?? null),
  );
  op.checkRanks?.(operands.map((o) => o?.layout.ndim ?? 0));
  const scalars = fixed === 2 ** values.length - 1 ? numbers : [...numbers, ...values.filter((_, i) => ((fixed >> i) & 1) === 0)];
  const call = { operands, tensors, scalars, params: values, fixed, computed };
  if (!computed.isFloatingPoint) checkIntegers(op, args[1], given);
  return call;
}

const defaultCategories: readonly Category[] = [];
/** The params where none are given: none is of a category that integers would refuse. */
export function defaultParams(op: Pointwise): ReturnType<typeof readParams> {
  op.derived.defaults ??= readParams(op, []).values as number[];
  const values = op.derived.defaults;
  return { values: values as number[], categories: defaultCategories as Category[], fixed: 2 ** values.length - 1 };
}

function haveOneDtype(tensors: readonly Operand[]): boolean {
  for (let i = 1; i < tensors.length; i++) if (tensors[i]!.dtype !== tensors[0]!.dtype) return false;
  return true;
}

/** What integers refuse: a fraction as a whole factor, a divisor of zero, a number below 0 as exponent. */
function checkIntegers(op: Pointwise, second: unknown, params: readonly Category[]): void {
  if (op.params?.some((p, i) => p.whole && params[i] === "float")) throw fractionalAlpha();
  if (op.integerDivisor) checkDivisor(second);
  if (op.integerExponent && !(second instanceof Tensor) && Number(numberOf(second)) < 0) throw negativeIntegerPower();
}

/** A number first is for overloads that say so, with a tensor after it. */
function checkSignatures(op: Pointwise, args: readonly unknown[]): void {
  const fits = args[1] instanceof Tensor && op.signatures!.some((s) => s.startsWith("Number self"));
  if (!fits) throw invalidCombination(op.opName, args.map(pythonTypeName), op.signatures!);
}

function checkDivisor(divisor: unknown): void {
  if (divisor instanceof Tensor) raiseAtZero(divisor, zeroDivision);
  else if (Number(numberOf(divisor)) === 0) throw zeroDivision();
}

/** The entry that an option chooses, and the arguments without that option. */
export function chooseVariant(op: Pointwise, args: readonly unknown[]): { op: Pointwise; args: readonly unknown[] } {
  const options = args.at(-1);
  if (op.variant === undefined || !isOptions(options)) return { op, args };
  const { [op.variant.option]: choice, ...rest } = options as Record<string, unknown>;
  const remaining = Object.keys(rest).length === 0 ? args.slice(0, -1) : [...args.slice(0, -1), rest];
  if (choice === undefined || choice === null) return { op, args: remaining };
  const chosen = op.variant.choices[String(choice)];
  if (chosen === undefined) {
    throw new ArgumentError(
      `${op.opName} expected ${op.variant.option} to be one of None, ${Object.keys(op.variant.choices)
        .map((c) => `'${c}'`)
        .join(", or ")} but found '${String(choice)}'`,
    );
  }
  return { op: chosen, args: remaining };
}

/** Whether the operands that are tensors share a device. */
function onOneDevice(op: Pointwise, args: readonly unknown[]): boolean {
  let device: Device | null = null;
  for (let i = 0; i < op.arity; i++) {
    const x = args[i];
    if (!(x instanceof Tensor)) continue;
    if (device !== null && x.device !== device) return false;
    device = x.device;
  }
  return true;
}

/** Calls again with tensors of no dimensions brought to where the others are, as PyTorch takes them from the CPU. */
function brought(op: Pointwise, args: readonly unknown[], call: (...args: readonly unknown[]) => Tensor): Tensor {
  const operands = args.slice(0, op.arity).filter((x) => x instanceof Tensor);
  const isScalar = (x: Tensor): boolean => x.ndim === 0 && x.device.type === "cpu";
  const { device } = operands.find((x) => !isScalar(x))!;
  for (const x of operands) if (x.device !== device && !isScalar(x)) throw differentDevices(device.type, x.device.type);
  const scalars: Tensor[] = [];
  const moved = args.map((x, i) => {
    if (i >= op.arity || !(x instanceof Tensor) || x.device === device) return x;
    const there = transferred(x, device);
    scalars.push(there);
    return there;
  });
  const y = call(...moved);
  for (const x of scalars) x.dispose();
  return y;
}

/** Calls a pointwise op on tensors and numbers; at least one operand is a tensor. */
export function callPointwise(entryOp: Pointwise, ...given: unknown[]): Tensor {
  const { op, args } = entryOp.variant === undefined ? { op: entryOp, args: given } : chooseVariant(entryOp, given);
  if (!onOneDevice(op, args)) return brought(op, args, (...moved) => callPointwise(op, ...moved));
  const call = prepare(op, args);
  const out = resultDtype(op, call.computed);
  const kernel = pointwiseKernel(op, dtypesOf(call), call.computed, out, call.fixed);
  const y = new Tensor(map(kernel, call.tensors, { scalars: call.scalars }, op.rowMajor)[0]!);
  if (isGradEnabled() && out.isFloatingPoint) record(op, args, call.params, y);
  return y;
}

const dtypesOf = (call: Call): (DType | null)[] => call.operands.map((o) => (o === null ? null : o.dtype));

/** Calls it in place: the first operand takes the result. */
export function callPointwiseInplace(entryOp: Pointwise, ...given: unknown[]): Tensor {
  const { op, args } = entryOp.variant === undefined ? { op: entryOp, args: given } : chooseVariant(entryOp, given);
  const self = args[0] as Tensor;
  if (!onOneDevice(op, args)) {
    return brought(op, args, (...moved) => {
      if (moved[0] !== self) throw differentDevices((moved[0] as Tensor).device.type, self.device.type);
      return callPointwiseInplace(op, ...moved);
    });
  }
  const call = prepare(op, args);
  const target = self.operand;
  const natural = resultDtype(op, call.computed);
  const shape = commonShape(call.tensors);
  if (!sameShape(shape, self.shape)) throw outputShape(self.shape, shape);
  if (!canCast(natural, target.dtype)) throw resultCast(natural.scalarName, target.dtype.scalarName);
  const recording = isGradEnabled() && anyRequiresGrad(args);
  self.checkInplace(recording);
  const kernel = pointwiseKernel(op, dtypesOf(call), call.computed, target.dtype, call.fixed);
  // The history before the write, and what the gradient needs of the operands, are taken first: the write changes both.
  const pending = recording ? beforeInplace(op, args, call.params) : null;
  mapInto(kernel, call.tensors, target, { scalars: call.scalars });
  if (pending !== null) self.rebaseHistory(pending(self));
  return self;
}

/** Makes an entry of a formula that is not in the table: the derivative of one that is. */
export function derived(formula: Pick<Pointwise, "f" | "arity" | "node">): Pointwise {
  const op = pointwise<Pointwise>(formula.arity, { f: formula.f, ...(formula.node === undefined ? {} : { node: formula.node }) });
  op.opName = formula.node ?? "derived";
  op.call = (...args: never[]) => callPointwise(op, ...args);
  return op;
}

/** Where the gradients of a call's operands go; null where none is wanted. */
function edgesOf(op: Pointwise, args: readonly unknown[]): (Edge | null)[] | null {
  // Of their final length from the start: an array that grows takes room for many.
  if (op.arity === 1) {
    const edge = edgeOf(args[0]);
    return edge === null ? null : [edge];
  }
  if (op.arity === 2) {
    const [a, b] = [edgeOf(args[0]), edgeOf(args[1])];
    return a === null && b === null ? null : [a, b];
  }
  const edges = args.slice(0, op.arity).map(edgeOf);
  return edges.some((edge) => edge !== null) ? edges : null;
}
const edgeOf = (x: unknown): Edge | null => (x instanceof Tensor && x.dtype.isFloatingPoint ? x.gradientEdge() : null);

function valuesToSave(op: Pointwise, args: readonly unknown[], params: readonly (number | bigint)[], mask: number): PointwiseValues {
  if (mask === 0) return NO_VALUES;
  const values: PointwiseValues = new Array<PointwiseValues[number]>(1 + op.arity + params.length).fill(null);
  for (let i = 0; i < op.arity; i++) {
    const x = args[i];
    if ((mask >> (i + 1)) & 1) values[i + 1] = x instanceof Tensor ? new SavedTensor(x, null) : numberOf(x);
  }
  for (let i = 0; i < params.length; i++) values[1 + op.arity + i] = params[i]!;
  return values;
}

/** Records a call whose result is a new tensor. `params`: the values of all params. */
export function record(op: Pointwise, args: readonly unknown[], params: readonly (number | bigint)[], y: Tensor): void {
  const edges = edgesOf(op, args);
  if (edges === null) return;
  const gradients = gradientsOf(op, derived);
  const mask = needed(gradients, edges);
  const values = valuesToSave(op, args, params, mask);
  y.setHistory(new PointwiseNode(gradients, edges, values));
  if (mask & 1) values[0] = new SavedTensor(y, y.outputNr);
}

function beforeInplace(op: Pointwise, args: readonly unknown[], params: readonly (number | bigint)[]): (self: Tensor) => PointwiseNode {
  const edges = edgesOf(op, args) ?? [];
  const gradients = gradientsOf(op, derived);
  const mask = needed(gradients, edges);
  // A gradient that needs the value that is about to be overwritten gets a copy of it.
  const original = mask & 2 ? (args[0] as Tensor).clone() : null;
  const values = valuesToSave(op, original === null ? args : [original, ...args.slice(1)], params, mask);
  original?.dispose();
  return (self) => {
    const node = new PointwiseNode(gradients, edges, values);
    if (mask & 1) values[0] = new SavedTensor(self, 0);
    return node;
  };
}

export type { TensorLike };

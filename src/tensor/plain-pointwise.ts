import type { DType } from "../core/dtype.ts";
import { sameShape } from "../core/layout.ts";
import type { Operand } from "../dispatch/operand.ts";
import { pointwiseKernel, resultDtype } from "../dispatch/pointwise-kernel.ts";
import { commonShape, mapInto, mapOne } from "../dispatch/run.ts";
import type { PlainCall, Pointwise } from "../ops/define.ts";

/**
 * Note [Plain calls]. Nearly all calls of pointwise ops are of one kind: operands of one dtype on one device, without options. For them promotion
 * and the choice of the kernel are known beforehand, and little is left but an allocation and a call of the kernel. Everything else goes through
 * `callPointwise`, which alone knows the rules and the errors: a plain call declines what it does not know.
 */

/**
 * What a plain call of an op does for a dtype. Bit i of `numbers`: operand i is a number; bit i of `fixed`: param i has its default. Null where the
 * general call has to look.
 */
function plainCall(op: Pointwise, dtype: DType, numbers: number, fixed: number): PlainCall | null {
  if (op.checkRanks !== undefined || op.params?.some((p) => p.default === undefined)) return null;
  if ((numbers !== 0 || fixed !== allFixed(op)) && (op.tensorsOnly || !dtype.isFloatingPoint)) return null;
  // Among integers divisors and exponents are looked at, and quotients are of the default dtype, which changes.
  if (!dtype.isFloatingPoint && (op.result === "float" || op.integerDivisor || op.integerExponent)) return null;
  const operands = Array.from({ length: op.arity }, (_, i) => ((numbers >> i) & 1 ? null : dtype));
  if (!passes(op, dtype, operands)) return null;
  const out = resultDtype(op, dtype);
  return { kernel: pointwiseKernel(op, operands, dtype, out, fixed), out };
}

/** Whether an op takes operands of these dtypes. Where not, the general call says why. */
function passes(op: Pointwise, computed: DType, operands: readonly (DType | null)[]): boolean {
  try {
    op.check?.(computed, operands);
    return true;
  } catch {
    return false;
  }
}

/** Of an op whose params all have their defaults. */
const allFixed = (op: Pointwise): number => (op.params === undefined ? 0 : 2 ** op.params.length - 1);

/** The plain call of an op for operands of a dtype; null where there is none. */
export function lookUp(op: Pointwise, dtype: DType, numbers: number, fixed: number): PlainCall | null {
  const { plain } = op.derived;
  const key = (numbers * 16 + fixed) * 16 + dtype.id;
  let known = plain[key];
  if (known === undefined) {
    known = plainCall(op, dtype, numbers, fixed);
    plain[key] = known;
  }
  return known;
}

function areAlike(operands: readonly Operand[]): boolean {
  const { dtype, device } = operands[0]!;
  for (let i = 1; i < operands.length; i++) if (operands[i]!.dtype !== dtype || operands[i]!.device !== device) return false;
  return true;
}

type Scalars = readonly (number | bigint)[];

/**
 * The result of a plain call; null, with nothing done, where the call is not plain. `inputs`: the operands that are tensors. Bit i of `numbers`:
 * operand i is the next of `scalars`.
 */
export function callPlain(op: Pointwise, inputs: readonly Operand[], numbers: number, scalars: Scalars | null): Operand | null {
  if (!areAlike(inputs)) return null;
  const call = lookUp(op, inputs[0]!.dtype, numbers, allFixed(op));
  return call === null ? null : mapOne(call.kernel, inputs, scalars === null ? undefined : { scalars }, op.rowMajor);
}

/** The same over the first input; false where the call is not plain. Where `fixed` names params that are given, they end `scalars`. */
export function callPlainInto(
  op: Pointwise,
  inputs: readonly Operand[],
  numbers: number,
  scalars: Scalars | null,
  fixed: number = allFixed(op),
): boolean {
  const target = inputs[0]!;
  if (!areAlike(inputs)) return false;
  const call = lookUp(op, target.dtype, numbers, fixed);
  if (call === null || call.out !== target.dtype || !sameShape(commonShape(inputs), target.layout.shape)) return false;
  mapInto(call.kernel, inputs, target, scalars === null ? undefined : { scalars });
  return true;
}

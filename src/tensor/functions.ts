import { withGrad } from "../autograd/modes.ts";
import { ArgumentError } from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import { ownedBy } from "../memory/ownership.ts";
import type { TensorLike } from "../ops/entry.ts";
import { byPosition } from "./arguments.ts";
import { Tensor } from "./tensor.ts";

/** Whether a value is a tensor. */
export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;
/** The number of elements. */
export const numel = (input: Tensor): number => input.numel();

/** `input` where `condition` holds, else `other`, all stretched to one shape; with the condition alone, the positions where it holds. */
export function where(condition: Tensor, input: TensorLike, other: TensorLike): Tensor;
export function where(condition: Tensor): readonly Tensor[];
export function where(condition: Tensor, input?: TensorLike, other?: TensorLike): Tensor | readonly Tensor[] {
  if (input === undefined || other === undefined) {
    const columns = (): Tensor[] => {
      const positions = condition.nonzero();
      return Array.from({ length: condition.ndim }, (_, d) => positions.select(1, d));
    };
    return ownedBy(columns, (list) => list);
  }
  return condition._where(input, other);
}

/** Whether two tensors have the same shape and values. Identity is `===`. */
export function equal(input: Tensor, other: Tensor): boolean {
  if (!(other instanceof Tensor)) throw new ArgumentError("equal(): argument 'other' (position 2) must be Tensor");
  return sameShape(input.shape, other.shape) && (input.numel() === 0 || holds(() => input.eq(other)));
}
/** Whether a condition holds everywhere. What it takes to find out is released. */
const holds = (condition: () => Tensor): boolean =>
  ownedBy(
    () => withGrad(false, () => Boolean(condition().all().itemSync())),
    () => [],
  );

export interface ToleranceOptions {
  rtol?: number;
  atol?: number;
  equalNan?: boolean;
}
/** Whether all elements agree: `|input - other| <= atol + rtol * |other|`. */
export function allclose(input: Tensor, other: Tensor, ...given: readonly (number | boolean | ToleranceOptions)[]): boolean {
  const [relative, absolute, nansEqual] = byPosition("allclose", ["rtol", "atol", "equalNan"], given) as [number?, number?, boolean?];
  const [rtol, atol, equalNan] = [relative ?? 1e-5, absolute ?? 1e-8, nansEqual ?? false];
  if (input.numel() === 0) return true;
  return holds(() => {
    const near = input.sub(other).abs().le(other.abs().mul(rtol).add(atol)).logicalAnd(other.isfinite());
    const good = near.logicalOr(input.eq(other));
    return equalNan ? good.logicalOr(input.isnan().logicalAnd(other.isnan())) : good;
  });
}

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

/** `where(condition)` on every device: the positions where it holds. */
export const whereAsync = (condition: Tensor): Promise<readonly Tensor[]> => condition.nonzeroAsync({ asTuple: true });

/**
 * The positions of elements that are not zero, one row (n, ndim) each; with `asTuple` one vector for each dimension. Where values cannot be read at
 * once: `await nonzeroAsync(x)`.
 */
export function nonzero(input: Tensor, options?: { asTuple?: false }): Tensor;
export function nonzero(input: Tensor, options: { asTuple: true }): readonly Tensor[];
export function nonzero(input: Tensor, options: object = {}): Tensor | readonly Tensor[] {
  return input.nonzero(options);
}
/** `nonzero` on every device. */
export function nonzeroAsync(input: Tensor, options?: { asTuple?: false }): Promise<Tensor>;
export function nonzeroAsync(input: Tensor, options: { asTuple: true }): Promise<readonly Tensor[]>;
export function nonzeroAsync(input: Tensor, options: object = {}): Promise<Tensor | readonly Tensor[]> {
  return input.nonzeroAsync(options);
}
type MaskArgument = readonly [mask: Tensor] | readonly [{ mask: Tensor }];
const maskOf = (given: readonly unknown[]): Tensor => byPosition("maskedSelect", ["mask"], given)[0] as Tensor;

/** The elements where a mask holds, in one dimension. Where values cannot be read at once: `await maskedSelectAsync(x, mask)`. */
export const maskedSelect = (input: Tensor, ...mask: MaskArgument): Tensor => input.maskedSelect(maskOf(mask));
/** `maskedSelect` on every device. */
export const maskedSelectAsync = async (input: Tensor, ...mask: MaskArgument): Promise<Tensor> =>
  await input.maskedSelectAsync(maskOf(mask));

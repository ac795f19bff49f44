import { withGrad } from "../autograd/modes.ts";
import { ArgumentError } from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import { ownedBy } from "../memory/ownership.ts";
import { byPosition } from "./arguments.ts";
import { checkReadable } from "./faults.ts";
import { Tensor } from "./tensor.ts";

export interface ToleranceOptions {
  rtol?: number;
  atol?: number;
  equalNan?: boolean;
}
type Tolerance = readonly (number | boolean | ToleranceOptions)[];

/** Two tensors compared as wholes. */
export interface Comparing {
  /**
   * Whether two tensors have the same shape and values. Identity is `===`.
   * @throws DeviceError where values cannot be read at once: there, `await a.equalAsync(b)`.
   */
  equal(other: Tensor): boolean;
  /** `equal` on every device. */
  equalAsync(other: Tensor): Promise<boolean>;
  /**
   * Whether all elements agree: `|input - other| <= atol + rtol * |other|`. `rtol` is 1e-5, `atol` 1e-8; `equalNan`: NaN agrees with NaN.
   * @throws DeviceError where values cannot be read at once: there, `await a.allcloseAsync(b)`.
   */
  allclose(other: Tensor, ...tolerance: Tolerance): boolean;
  /** `allclose` on every device. */
  allcloseAsync(other: Tensor, ...tolerance: Tolerance): Promise<boolean>;
}

/** Whether a condition holds everywhere, as a tensor. What else it takes to find out is released. */
const everywhere = (condition: () => Tensor): Tensor =>
  ownedBy(
    () => withGrad(false, () => condition().all()),
    (y) => [y],
  );

/** The answer without a look at values, or the condition that has to hold everywhere. */
type Question = boolean | Tensor;

function equality(input: Tensor, other: Tensor): Question {
  if (!(other instanceof Tensor)) throw new ArgumentError("equal(): argument 'other' (position 2) must be Tensor");
  if (!sameShape(input.shape, other.shape)) return false;
  return input.numel() === 0 ? true : everywhere(() => input.eq(other));
}

function closeness(input: Tensor, other: Tensor, given: Tolerance): Question {
  const [relative, absolute, nansEqual] = byPosition("allclose", ["rtol", "atol", "equalNan"], given) as [number?, number?, boolean?];
  const [rtol, atol, equalNan] = [relative ?? 1e-5, absolute ?? 1e-8, nansEqual ?? false];
  if (input.numel() === 0) return true;
  return everywhere(() => {
    const near = input.sub(other).abs().le(other.abs().mul(rtol).add(atol)).logicalAnd(other.isfinite());
    const good = near.logicalOr(input.eq(other));
    return equalNan ? good.logicalOr(input.isnan().logicalAnd(other.isnan())) : good;
  });
}

function answer(question: Question): boolean {
  if (typeof question === "boolean") return question;
  const holds = Boolean(question.itemSync());
  question.dispose();
  return holds;
}
async function answerAsync(question: Question): Promise<boolean> {
  if (typeof question === "boolean") return question;
  const holds = Boolean(await question.item());
  question.dispose();
  return holds;
}

/** Whether two tensors have the same shape and values. Identity is `===`. Where values cannot be read at once: `await equalAsync(a, b)`. */
export function equal(input: Tensor, other: Tensor): boolean {
  checkReadable(input, "equal()", "await torch.equalAsync(a, b)");
  return answer(equality(input, other));
}
/** `equal` on every device. */
export async function equalAsync(input: Tensor, other: Tensor): Promise<boolean> {
  return await answerAsync(equality(input, other));
}
/**
 * Whether all elements agree: `|input - other| <= atol + rtol * |other|`. Where values cannot be read at once: `await allcloseAsync(a, b)`.
 * @example torch.allclose(a, b, { rtol: 1e-3 })
 */
export function allclose(input: Tensor, other: Tensor, ...given: Tolerance): boolean {
  checkReadable(input, "allclose()", "await torch.allcloseAsync(a, b)");
  return answer(closeness(input, other, given));
}
/** `allclose` on every device. */
export async function allcloseAsync(input: Tensor, other: Tensor, ...given: Tolerance): Promise<boolean> {
  return await answerAsync(closeness(input, other, given));
}

export const comparing: Comparing & ThisType<Tensor> = {
  equal(other) {
    return equal(this, other);
  },
  equalAsync(other) {
    return equalAsync(this, other);
  },
  allclose(other, ...tolerance) {
    return allclose(this, other, ...tolerance);
  },
  allcloseAsync(other, ...tolerance) {
    return allcloseAsync(this, other, ...tolerance);
  },
};

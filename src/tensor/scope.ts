import { ArgumentError } from "../core/errors.ts";
import { keep as keepOwner, ownedBy } from "../memory/ownership.ts";
import { handlesIn } from "./call-structured.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Runs `f` and gives back at its end what it created, except the tensors in its result (also in arrays and plain objects), gradients of leaves and
 * what `keep` names. For synchronous loops, in which the collector never gets a chance.
 *
 * @example
 * const total = torch.scope(() => x.mul(2).add(1).sum()); // the two intermediates are gone
 * @throws ArgumentError for a function that returns a promise: its later steps would create tensors outside of the scope.
 */
export function scope<T>(f: () => T): T {
  return ownedBy(f, (result) => {
    if (result instanceof Promise) {
      throw new ArgumentError(
        "scope() takes a synchronous function: await inside would mix up the tensors of several tasks. Dispose of them with `using` or dispose(), or leave them to the collector",
      );
    }
    return handlesIn(result);
  });
}

/** Keeps a tensor beyond the scope that it was created in. */
export function keep<T extends Tensor>(x: T): T {
  keepOwner(x);
  return x;
}

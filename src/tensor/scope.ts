import { ArgumentError } from "../core/errors.ts";
import { enter, keep as keepOwner, OwnerScope, ownedByUser } from "../memory/ownership.ts";
import { handlesIn } from "./call-structured.ts";
import type { Tensor } from "./tensor.ts";

/** Refuses what an async function returns: its later steps would create tensors outside of the scope. */
function checkSynchronous(name: string, result: unknown): void {
  if (typeof (result as PromiseLike<unknown> | null)?.then !== "function") return;
  throw new ArgumentError(
    `${name}() takes a synchronous function: await inside would mix up the tensors of several tasks. Enter a scope object between the awaits: const s = new torch.Scope(); s.run(() => ...); await ...; s.run(() => ...); s.dispose()`,
  );
}

/**
 * Runs `f` and gives back at its end what it created, except the tensors in its result (also in arrays and plain objects), gradients of leaves from
 * outside, and what `keep` names. For synchronous loops, in which the collector never gets a chance.
 *
 * @example
 * const total = torch.scope(() => x.mul(2).add(1).sum()); // the two intermediates are gone
 * @throws ArgumentError for a function that returns a promise: see {@link Scope}.
 */
export function scope<T>(f: () => T): T {
  return ownedByUser(f, (result) => {
    checkSynchronous("scope", result);
    return handlesIn(result);
  });
}

/**
 * A scope that code enters several times, as a task does between its awaits: what is created in `run` belongs to it until `dispose`. Tasks that take
 * turns never own each other's tensors, because each is in its own scope only while its code runs.
 *
 * @example
 * const s = new torch.Scope();
 * const y = s.run(() => model(x));
 * const value = await y.mean().item();
 * s.dispose(); // y is gone
 */
export class Scope {
  private readonly owned = new OwnerScope("itself");
  private ended = false;

  /**
   * Runs a synchronous function in the scope, and gives back what it returns: also that belongs to the scope.
   * @throws ArgumentError for a function that returns a promise, and after `dispose`.
   */
  run<T>(f: () => T): T {
    if (this.ended) throw new ArgumentError("Scope.run(): the scope has been disposed of");
    try {
      const result = enter(this.owned, f);
      checkSynchronous("Scope.run", result);
      return result;
    } finally {
      // Where it was disposed of by what it ran, more may have been created since.
      if (this.ended) this.owned.end();
    }
  }

  /** Gives back what was created in `run`, except what was kept. Calling it again does nothing. */
  dispose(): void {
    this.ended = true;
    this.owned.end();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Keeps a tensor beyond the scope that it was created in: it lives as long as somebody refers to it. */
export function keep<T extends Tensor>(x: T): T {
  keepOwner(x);
  return x;
}

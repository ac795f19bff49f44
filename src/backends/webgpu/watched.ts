import type { Compiled, LaunchArgs } from "../../kernel/kernel.ts";
import type { Operand } from "./bindings.ts";
import type { Context } from "./context.ts";
import { type Source, watchesOverflow, watching } from "./monoid.ts";

/** Makes a reduction or a scan of a monoid. */
type Make = (source: Source) => Compiled;

/** A reduction or scan, with what watches for overflow where the device is asked to. */
export class Watched implements Compiled {
  readonly #context: Context;
  readonly #source: Source;
  readonly #make: Make;
  readonly #plain: Compiled;
  readonly #watches: boolean;
  #watching: Compiled | null = null;

  constructor(context: Context, source: Source, make: Make) {
    this.#context = context;
    this.#source = source;
    this.#make = make;
    this.#plain = make(source);
    this.#watches = watchesOverflow(source);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (outputs[0]!.layout.numel === 0) return;
    const watch = this.#watches && this.#context.checkOverflow;
    const fold = watch ? (this.#watching ??= this.#make(watching(this.#source))) : this.#plain;
    fold.run(inputs, outputs, args);
  }
}

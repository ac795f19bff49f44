import type { Block } from "../../memory/block.ts";

type MakeError = (value: number, which: number) => Error;

/** Words of the flag: the code of the kernel that found a fault (0: none), which index operand, and its value. */
export const FAULT_BYTES = 16;
/** How many kernels that may fault are remembered between two reads. The error of an older one is a general sentence. */
const REMEMBERED = 4096;

/**
 * Errors that depend on values. A kernel that finds one sets a flag on the device, unless one is set already, and goes on without that lane;
 * the next awaited read brings the flag along and raises the error.
 */
export class Faults {
  /** Where the flag lies. */
  readonly block: Block;
  readonly #errors = new Map<number, MakeError>();
  #code = 0;
  #checked = 0;
  readonly #forgotten: () => Error;

  constructor(block: Block, forgotten: () => Error) {
    this.block = block;
    this.#forgotten = forgotten;
  }

  /** Remembers what a kernel's fault is; gives the code that the kernel sets. */
  register(error: MakeError): number {
    const code = ++this.#code;
    this.#errors.set(code, error);
    if (this.#errors.size > REMEMBERED) this.#errors.delete(this.#errors.keys().next().value!);
    return code;
  }

  /** The last code given out. */
  get latest(): number {
    return this.#code;
  }

  /** Whether kernels that may fault have run since the flag was last looked at. */
  get pending(): boolean {
    return this.#code > this.#checked;
  }

  /** Takes a flag that was read, and cleared, when `latest` was the last code; gives its error. */
  take(words: Int32Array, latest: number): Error | null {
    const code = words[0]!;
    const error = code === 0 ? null : (this.#errors.get(code)?.(words[2]!, words[1]!) ?? this.#forgotten());
    this.#forget(latest);
    return error;
  }

  #forget(upTo: number): void {
    this.#checked = Math.max(this.#checked, upTo);
    for (const code of this.#errors.keys()) {
      if (code > upTo) break;
      this.#errors.delete(code);
    }
  }
}

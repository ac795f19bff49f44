import type { Compiled, KernelOf } from "../../kernel/kernel.ts";
import type { Context } from "./context.ts";
import { raw } from "./copy.ts";
import { CompiledLookup } from "./indices.ts";

/**
 * Gathers for WebGPU: elements are moved as integers of their size, so that no bit of a NaN changes. An index out of range sets the flag of
 * faults, and its element of the output stays as it was.
 */
export const gather = (context: Context, kernel: KernelOf<"gather">): Compiled =>
  new CompiledLookup(
    context,
    {
      dtype: raw(kernel.inputs[0]!),
      looked: 1,
      access: "shared",
      wide: true,
      scalars: [],
      statement: (s) => (to, from) => s.store(0, to, s.load(1, from)),
    },
    kernel.inputs.slice(1),
  );

import { fill } from "../../core/random/fill.ts";
import type { Generator } from "../../core/random/generator.ts";
import type { Compiled, RandomKernel } from "../../kernel/kernel.ts";

export function random({ distribution }: RandomKernel): Compiled {
  return {
    run(_inputs, [output], args) {
      const {
        storage: { block },
        layout,
        dtype,
      } = output!;
      const { generator, parameters } = args.random!;
      const array = dtype.view(block.buffer as ArrayBuffer, block.offset + layout.offset * dtype.itemsize, layout.numel);
      // On the host the sequence is always a Mersenne twister's.
      fill(distribution, generator as Generator, array, dtype, parameters);
    },
  };
}

import { fill } from "../../core/random/fill.ts";
import type { Generator } from "../../core/random/generator.ts";
import type { Compiled, KernelOf } from "../../kernel/kernel.ts";
import { heap } from "./heap.ts";
import { address } from "./operand.ts";

/** Random fills: PyTorch's sequence is serial by nature, so the host draws it straight into the heap. */
export const random = ({ distribution }: KernelOf<"random">): Compiled => ({
  run(_inputs, outputs, args) {
    const { layout, dtype } = outputs[0]!;
    const { generator, parameters } = args.random!;
    const array = dtype.view(heap.buffer, address(outputs[0]!, dtype.itemsize), layout.numel);
    fill(distribution, generator as Generator, array, dtype, parameters);
  },
});

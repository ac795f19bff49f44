import type { Compiled, ReduceKernel } from "../../kernel/kernel.ts";
import { elementsOf, storeAll } from "./elements.ts";
import { monoidOf } from "./monoid.ts";

export function reduce(kernel: ReduceKernel): Compiled {
  const { start, fold, finish } = monoidOf(kernel);
  return {
    run(inputs, outputs, { scalars }) {
      const args = elementsOf(inputs);
      const results = elementsOf(outputs);
      // The reduced dimensions come last, so each output's elements follow one another in row-major order.
      const kept = results[0]!.length;
      const size = args[0]!.length / kept;
      for (let i = 0; i < kept; i++) {
        let state = start({ scalars });
        for (let j = 0; j < size; j++) state = fold(state, { args, scalars, element: i * size + j, position: j });
        storeAll(results, i, kernel.outputs, finish(state, { scalars }));
      }
    },
  };
}

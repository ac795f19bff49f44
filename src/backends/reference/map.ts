import type { Compiled, MapKernel } from "../../kernel/kernel.ts";
import { elementsOf, storeAll } from "./elements.ts";
import { evaluator } from "./evaluate.ts";

export function map(kernel: MapKernel): Compiled {
  const evaluate = evaluator(kernel.outputs.map((o) => o.value));
  return {
    run(inputs, outputs, { scalars }) {
      const args = elementsOf(inputs);
      const results = elementsOf(outputs);
      for (let i = 0; i < results[0]!.length; i++) {
        // All values of a place are known before the first is stored: an output may lie on an input.
        const values = evaluate({ args, scalars, element: i, position: i });
        storeAll(results, i, kernel.outputs, values);
      }
    },
  };
}

import type { Compiled, ScanKernel } from "../../kernel/kernel.ts";
import { elementsOf, storeAll, type Value } from "./elements.ts";
import { monoidOf } from "./monoid.ts";

export function scan(kernel: ScanKernel): Compiled {
  const { start, fold, finish } = monoidOf(kernel);
  return {
    run(inputs, outputs, { scalars }) {
      const args = elementsOf(inputs);
      const results = elementsOf(outputs);
      const size = outputs[0]!.layout.shape.at(-1) ?? 1;
      let state: Value[] = [];
      for (let i = 0; i < results[0]!.length; i++) {
        const position = i % size;
        if (position === 0) state = start({ scalars });
        state = fold(state, { args, scalars, element: i, position });
        storeAll(results, i, kernel.outputs, finish(state, { scalars }));
      }
    },
  };
}

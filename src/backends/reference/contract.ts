import { numel } from "../../core/layout.ts";
import { add, mul, state } from "../../kernel/expr.ts";
import type { Compiled, ContractKernel } from "../../kernel/kernel.ts";
import { convert, elementsOf, type Value, widest } from "./elements.ts";
import { evaluator } from "./evaluate.ts";

export function contract({ compute, output }: ContractKernel): Compiled {
  const step = evaluator([add(state(0, compute), mul(state(1, compute), state(2, compute)))]);
  const finish = evaluator([output.value]);
  const zero = convert(0, widest[compute]);
  return {
    run(inputs, outputs, { dims, scalars }) {
      const args = elementsOf(inputs);
      const [a, b] = args;
      const [result] = elementsOf(outputs);
      const sizesOfA = inputs[0]!.layout.shape;
      const batch = numel(sizesOfA.slice(0, dims!.batch));
      const rows = numel(sizesOfA.slice(dims!.batch, dims!.batch + dims!.m));
      const inner = numel(sizesOfA.slice(dims!.batch + dims!.m));
      const columns = numel(inputs[1]!.layout.shape.slice(dims!.batch + dims!.k));
      // In row-major order the dimensions of a group count like one.
      for (let i = 0; i < batch * rows * columns; i++) {
        const n = i % columns;
        const batchAndRow = Math.floor(i / columns);
        const batchIndex = Math.floor(batchAndRow / rows);
        let sum: Value = zero;
        for (let k = 0; k < inner; k++) {
          const x = a!.load(batchAndRow * inner + k, compute);
          const y = b!.load((batchIndex * inner + k) * columns + n, compute);
          sum = step({ state: [sum, x, y] })[0]!;
        }
        result!.store(i, finish({ args, scalars, element: i, state: [sum] })[0]!, output.value.type);
      }
    },
  };
}

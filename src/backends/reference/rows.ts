import { type ComputeType, type DType, float64 } from "../../core/dtype.ts";
import { numel } from "../../core/layout.ts";
import type { Compiled, RowsKernel } from "../../kernel/kernel.ts";
import { convert, elementsOf, widest } from "./elements.ts";
import { evaluator, type Loads } from "./evaluate.ts";

/** What a result in between is held as: in double precision, as all that is not stored. */
const held = (type: ComputeType): DType => (type === "f32" ? float64 : widest[type]);

export function rows(kernel: RowsKernel): Compiled {
  const stages = kernel.stages.map((s) => ({
    start: evaluator(s.init),
    lift: evaluator(s.lift),
    combine: evaluator(s.combine),
    finish: evaluator(s.results),
    types: s.results.map((e) => held(e.type)),
  }));
  const outputs = kernel.outputs.map((o) => ({ ...o, evaluate: evaluator([o.value]) }));
  return {
    run(inputs, targets, { scalars, kept }) {
      const operands = elementsOf(inputs);
      const places = elementsOf(targets);
      const { shape } = inputs[0]!.layout;
      const [rowCount, size] = [numel(shape.slice(0, kept)), numel(shape.slice(kept))];
      for (let row = 0; row < rowCount; row++) {
        // Results are operands that are one value for the whole row.
        const args: Loads[] = [...operands];
        for (const { start, lift, combine, finish, types } of stages) {
          let state = start({ scalars });
          for (let j = 0; j < size; j++)
            state = combine({ scalars, state: [...state, ...lift({ args, scalars, element: row * size + j })] });
          const results = finish({ args, scalars, state }).map((value, k) => convert(value, types[k]!));
          args.push(...results.map((value): Loads => ({ load: (_, type) => convert(value, held(type)) })));
        }
        outputs.forEach(({ per, value, evaluate }, k) => {
          const count = per === "row" ? 1 : size;
          for (let j = 0; j < count; j++) {
            const [y] = evaluate({ args, scalars, element: row * size + j });
            places[k]!.store(row * count + j, y!, value.type);
          }
        });
      }
    },
  };
}

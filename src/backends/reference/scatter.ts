import type { Compiled, ScatterKernel } from "../../kernel/kernel.ts";
import { Elements } from "./elements.ts";
import { evaluator } from "./evaluate.ts";
import { lookUp } from "./lookup.ts";

export function scatter(kernel: ScatterKernel): Compiled {
  const combine = kernel.combine === null ? null : evaluator([kernel.combine]);
  const { compute } = kernel.inputs[0]!;
  return {
    run([values, ...tables], [target], args) {
      const from = new Elements(values!);
      const to = new Elements(target!, lookUp(target!.layout, tables, args));
      for (let i = 0; i < from.length; i++) {
        if (combine === null) to.setRaw(i, from.raw(i));
        else to.store(i, combine({ scalars: args.scalars, state: [to.load(i, compute), from.load(i, compute)] })[0]!);
      }
    },
  };
}

import type { Compiled, GatherKernel } from "../../kernel/kernel.ts";
import { Elements } from "./elements.ts";
import { lookUp } from "./lookup.ts";

export function gather(_kernel: GatherKernel): Compiled {
  return {
    run([source, ...tables], [output], args) {
      const from = new Elements(source!, lookUp(source!.layout, tables, args));
      const to = new Elements(output!);
      for (let i = 0; i < to.length; i++) to.setRaw(i, from.raw(i));
    },
  };
}

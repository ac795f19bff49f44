import type { Compiled, CopyKernel } from "../../kernel/kernel.ts";
import { Elements } from "./elements.ts";

export function copy(_kernel: CopyKernel): Compiled {
  return {
    run([input], [output]) {
      const from = new Elements(input!);
      const to = new Elements(output!);
      for (let i = 0; i < to.length; i++) to.setRaw(i, from.raw(i));
    },
  };
}

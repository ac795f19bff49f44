/** Fills memory with small and large tensors and drops every second one, so that what is free lies in holes. */

import type { Tensor } from "torchlet";
import * as torch from "torchlet";

/** Says where it is after each part. Disposing of the result gives the memory back. */
export function fragment(reached: (part: "filled" | "dropped" | "emptied") => void): Disposable {
  const small = Array.from({ length: 40 }, () => torch.zeros(1536));
  const large = Array.from({ length: 4 }, () => torch.zeros(16_384));
  const all: Tensor[] = [...small, ...large];
  reached("filled");
  for (let i = 0; i < all.length; i += 2) all[i]!.dispose();
  reached("dropped");
  torch.memory.emptyCache();
  reached("emptied");

  return {
    [Symbol.dispose]() {
      for (const x of all) x.dispose();
    },
  };
}

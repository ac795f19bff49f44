import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";

/** Indices that the tables of reads and writes share. */
export const long = (values: number | number[] | number[][]): Tensor => torch.tensor(values, { dtype: torch.int64 });
export const row: Tensor = torch.tensor([true, false, true, false]);
export const mask2: Tensor = torch.tensor([
  [true, false, true],
  [false, true, false],
]);
export const mask3: Tensor = torch.arange(24).remainder(5).eq(0).view(2, 3, 4);

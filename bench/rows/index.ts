import { convolution } from "./convolution.ts";
import { matmul } from "./matmul.ts";
import { overhead, stages } from "./overhead.ts";
import { packageRows, poolRows } from "./package.ts";
import { normalizations, pointwise } from "./pointwise.ts";
import type { Row } from "./row.ts";
import { small } from "./small.ts";
import { trainings } from "./training.ts";

export const rows: readonly Row[] = [
  ...overhead,
  ...pointwise,
  ...normalizations,
  ...matmul,
  ...convolution,
  ...small,
  ...trainings,
  ...packageRows,
  ...poolRows,
  ...stages,
];

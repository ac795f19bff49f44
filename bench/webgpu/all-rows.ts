import { stepFlops } from "../../examples/mnist/model.ts";
import { chainRow, convolutionRow, matmulRow, pointwiseRow, type Row, softmaxRow, sumRow, trainingRow } from "./rows.mjs";

/** The rows of the table, in its order; the same in every process. */
export const rows: readonly Row[] = [
  matmulRow(256),
  matmulRow(512),
  matmulRow(1024),
  pointwiseRow(1e6),
  sumRow(1e6),
  softmaxRow(128, 1000),
  convolutionRow(32, 32, 14, 64),
  trainingRow(stepFlops("lenet", 64)),
  chainRow(),
];

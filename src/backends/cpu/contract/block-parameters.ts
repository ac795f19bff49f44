/**
 * The parameters of a block of the output, as i32 words in memory. A block is m rows by n columns, summed over k steps; it is the unit of
 * work that can be given to a thread, with a workspace of its own.
 */
const fields = [
  "m",
  "n",
  "k",
  "method",
  // Base addresses. `d` is what the sum starts from, in the way `start` says.
  "a",
  "b",
  "c",
  "d",
  "start",
  // Tables of byte offsets: of a's rows and steps of k, b's steps of k and columns, c's and d's rows and columns.
  "aRows",
  "aSteps",
  "bSteps",
  "bColumns",
  "cRows",
  "cColumns",
  "dRows",
  "dColumns",
  // The workspace: packed a, packed b, one tile and the table of its rows.
  "packedA",
  "packedB",
  "tile",
  "tileRows",
  // Block sizes, in elements.
  "mBlock",
  "nBlock",
  "kBlock",
  "stretch",
  // Whether k lies in runs of whole vectors in a, in b; whether the columns of whole tiles lie side by side in c, in d.
  "aRuns",
  "bRuns",
  "cRuns",
  "dRuns",
] as const;
export type Field = (typeof fields)[number];
/** The word of each field. */
export const word: Readonly<Record<Field, number>> = Object.fromEntries(fields.map((name, i) => [name, i])) as Record<Field, number>;
/** How many words there are. */
export const FIELDS: number = fields.length;

/**
 * What a block may do: tiles with b packed ("packed") or read as it lies, a stretch of columns at a time ("swept"), dot products ("dot"), or
 * one row with b streaming by ("stream").
 */
export const methods = ["packed", "swept", "dot", "stream"] as const;
export type Method = (typeof methods)[number];

import { defaults, type Mode, type Row, some, type Target } from "./row.ts";

/** What a call costs when there is next to nothing to compute. */
const row = (name: string, kind: "add" | "chain", mode: Mode, title: string, calls: number, most: number | null): Row => {
  const n = kind === "add" ? 4 : 16;
  const targets: Target[] = most === null ? [] : [{ column: "WASM", of: "PyTorch", most }];
  // The second input is what is multiplied or added; no gradient is asked of it.
  return { ...defaults, group: "overhead", name, kind, mode, title, size: { n }, inputs: [some(1, n), some(2, n)], calls, targets };
};

/** The ops of `chain`: a product, a sum, sine and hyperbolic tangent, in turns. */
export const CHAIN = 20;

export const overhead: readonly Row[] = [
  row("add4", "add", "plain", "sum of two tensors of 4 elements", 1, 0.3),
  row("add4_rec", "add", "recorded", "the same where a gradient is wanted", 1, 0.3),
  row("add4_fb", "add", "backward", "the same, then sum and backward", 4, 0.25),
  row("chain20", "chain", "plain", "20 pointwise ops on 16 elements, one after another", CHAIN, null),
  row("chain20_rec", "chain", "recorded", "the same where a gradient is wanted", CHAIN, null),
  row("chain20_fb", "chain", "backward", "the same, then sum and backward", 2 * CHAIN, 0.25),
];

const stage = (name: string, title: string): Row => ({
  ...defaults,
  group: "stages",
  name: `stage_${name}`,
  kind: "stage",
  title,
  size: { n: 4 },
  inputs: [],
  calls: 0,
});

/** What `add4`, `add4_rec` and `add4_fb` are made of. */
export const stages: readonly Row[] = [
  stage("call", "sum of two tensors of 4 elements, its handle given up"),
  stage("lookup", "the kernel for its operands is looked up"),
  stage("dispatch", "the kernel over its operands: shapes compared, memory taken, launched, memory given back"),
  stage("allocation", "memory for the result is taken and given back"),
  stage("launch", "the compiled kernel runs"),
  stage("handle", "a handle on the result is made and given up"),
  stage("record", "the same, with a node for its gradient"),
  stage("backward", "backward from the result, a gradient given, to the one leaf"),
];

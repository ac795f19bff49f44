/** What a run of the whole corpus on a device of this library has to show. */
import { expect } from "vitest";
import { differences } from "./differences.ts";
import type { Report } from "./report.ts";

/** Groups that the library has to know in full: no case of theirs may be "not implemented". */
const complete: Readonly<Record<string, readonly string[]>> = {
  modules: ["Linear", "Conv1d", "Conv2d", "Conv3d", "MaxPool2d", "BatchNorm2d", "ReLU", "Dropout", "Flatten", "CrossEntropyLoss"],
  ops: [
    "byhand_getitem_by_hand",
    "byhand_setitem_by_hand",
    "byhand_tensor_constructor",
    "byhand_matmul",
    "byhand_mm",
    "byhand_sum",
    "byhand_mean",
    "byhand_view",
    "byhand_reshape",
    "byhand_cat",
    "byhand_where",
    "byhand_gather",
    "byhand_scatter",
    "byhand_nn_functional_conv2d",
    "byhand_nn_functional_cross_entropy",
    "add",
    "mul",
    "sub",
    "div_no_rounding_mode",
    "pow",
    "matmul",
    "exp",
    "log",
    "tanh",
    "sigmoid",
    "clone",
  ],
  optim: ["SGD", "Adam"],
  printing: ["repr", "options"],
  rng: ["rand", "randn", "randint", "randperm", "bernoulli", "multinomial", "distributions", "dataloader", "sequences", "state"],
  serialization: ["safetensors"],
  training: ["digits_mlp", "digits_cnn"],
};

/** Expects agreement with PyTorch but for the differences that are meant. `match` and `only` (a section) say what was run, where it was not everything. */
export function expectAgreement(report: Report, match: RegExp | null = null, only: string | null = null): void {
  const known = differences[report.device] ?? {};
  const meant = Object.fromEntries(Object.entries(known).filter(([id]) => only === null || id.startsWith(`${only}/`)));
  const failed = failuresOf(report);
  expect([...failed].filter(([id]) => !(id in meant))).toEqual([]);
  expect(Object.keys(meant).filter((id) => !failed.has(id))).toEqual([]);
  expect(report.total.passed).toBeGreaterThan(only === null ? 2100 : 100);
  for (const [section, groups] of Object.entries(complete)) {
    for (const group of groups) {
      if ((match !== null && !match.test(`${section}/`)) || (only !== null && section !== only)) continue;
      const counts = report.sections[section]?.groups[group]?.counts;
      expect(counts, `${section}/${group}`).toBeDefined();
      expect(counts?.notImplemented, `${section}/${group}`).toBe(0);
    }
  }
}

/** Why each failed case failed, by its section and name. */
function failuresOf(report: Report): ReadonlyMap<string, string> {
  const failed = new Map<string, string>();
  for (const [section, { groups }] of Object.entries(report.sections)) {
    for (const { failures } of Object.values(groups)) for (const { id, why } of failures) failed.set(`${section}/${id}`, why);
  }
  return failed;
}

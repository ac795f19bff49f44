import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { Api } from "./api.ts";
import { deviceDTypes } from "./devices.ts";
import { differences } from "./differences.ts";
import { runCorpus } from "./runner.ts";

const corpus = fileURLToPath(new URL("../golden", import.meta.url));

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

describe.each(["cpu", "reference"])("the corpus on %s", (device) => {
  afterAll(() => torch.setDefaultDevice("cpu"));

  it("agrees with PyTorch but for the differences that are meant", { timeout: 600_000 }, async () => {
    torch.setDefaultDevice(device);
    const meant = differences[device] ?? {};
    const failed = new Map<string, string>();
    // Training a convnet takes the interpreter a quarter of an hour; its kernels are compared with the CPU's one by one elsewhere.
    const match = device === "reference" ? /^(?!training\/)/ : null;
    const report = await runCorpus(
      corpus,
      new Api(torch, device),
      deviceDTypes(torch, device),
      { section: null, match },
      (section, id, outcome) => {
        if (outcome.kind === "failed") failed.set(`${section}/${id}`, outcome.why);
      },
    );
    const unexpected = [...failed].filter(([id]) => !(id in meant));
    expect(unexpected).toEqual([]);
    expect(Object.keys(meant).filter((id) => !failed.has(id))).toEqual([]);
    expect(report.total.passed).toBeGreaterThan(2500);
    for (const [section, groups] of Object.entries(complete)) {
      for (const group of groups) {
        if (match !== null && !match.test(`${section}/`)) continue;
        const counts = report.sections[section]?.groups[group]?.counts;
        expect(counts, `${section}/${group}`).toBeDefined();
        expect(counts?.notImplemented, `${section}/${group}`).toBe(0);
      }
    }
  });
});

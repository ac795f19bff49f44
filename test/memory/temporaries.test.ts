import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { infos } from "../opinfo/index.ts";
import { Data, float32, type OpInfo } from "../opinfo/info.ts";
import { describeCall, invoke, prepare, tensorsOf } from "../opinfo/realize.ts";

const blocks = (): number => torch.memory.stats()["allocation.all.current"];
/** How many blocks hold the tensors, beside those that others hold. */
const distinct = (xs: readonly Tensor[], others: readonly Tensor[] = []): number => {
  const known = new Set(others.map((x) => x.untypedStorage()));
  return new Set(xs.map((x) => x.untypedStorage()).filter((s) => !known.has(s))).size;
};

// No collector runs here: whatever an op makes on its way has to be given back before it returns.
describe.each(Object.entries(infos) as [string, OpInfo][])("%s", (name, info) => {
  const dtype = info.dtypes.includes(float32) ? float32 : info.dtypes[0]!;
  const samples = info.samples.filter((s) => s.dtypes?.includes(dtype) ?? true);

  test.each(["contiguous", "stepped"] as const)("holds its results and nothing else, %s", (layout) => {
    for (const sample of samples) {
      const c = prepare(info, sample, dtype, layout, "cpu", new Data());
      if (layout !== "contiguous" && info.refusesLayouts !== undefined) continue;
      const inputs = c.operands.map((o) => o.tensor);
      const before = blocks();
      const results = tensorsOf(invoke(name, c.args));
      expect(blocks() - before, describeCall(name, sample, dtype, layout)).toBe(distinct(results, inputs));
      for (const y of results) if (!inputs.includes(y)) y.dispose();
      expect(blocks() - before, describeCall(name, sample, dtype, layout)).toBe(0);
    }
  });

  if (info.differentiable) {
    test("after backward holds its results and the gradients of leaves", () => {
      for (const sample of samples.filter((s) => !s.still)) {
        const c = prepare(info, sample, dtype, "contiguous", "cpu", new Data());
        const inputs = c.operands.map((o) => o.tensor);
        const leaves = inputs.filter((_, i) => c.free[i]).map((x) => x.requiresGrad_());
        const before = blocks();
        const results = tensorsOf(invoke(name, c.args));
        const moving = results.filter((y) => y.requiresGrad);
        const seeds = moving.map((y) => torch.onesLike(y));
        torch.autograd.backward(moving, seeds);
        const grads = leaves.flatMap((x) => x.grad ?? []);
        expect(blocks() - before, describeCall(name, sample, dtype, "contiguous")).toBe(distinct([...results, ...seeds, ...grads], inputs));
        for (const y of [...results, ...seeds, ...grads]) if (!inputs.includes(y)) y.dispose();
        expect(blocks() - before, describeCall(name, sample, dtype, "contiguous")).toBe(0);
      }
    });
  }
});

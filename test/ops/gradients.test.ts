import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { infos } from "../opinfo/index.ts";
import { Data, float64, type Keeps, type OpInfo, type Sample } from "../opinfo/info.ts";
import { type Call, describeCall, invoke, type LayoutName, layouts, prepare, tensorsOf } from "../opinfo/realize.ts";

const { gradcheck, gradgradcheck } = torch.autograd;
const entries = Object.entries(infos) as [string, OpInfo][];
const moving = (info: OpInfo): readonly Sample[] => info.samples.filter((s) => !s.still && (s.dtypes?.includes(float64) ?? true));
const size = (c: Call): number => c.operands.reduce((n, o) => n + o.tensor.numel(), 0);

/** The call as a function of the operands that gradients flow to. */
function asFunction(name: string, c: Call): { f: (...xs: Tensor[]) => Tensor[]; inputs: Tensor[] } {
  const inputs = c.operands.filter((_, i) => c.free[i]).map((o) => o.tensor.requiresGrad_());
  const swap = (a: unknown, xs: readonly Tensor[]): unknown => {
    const i = inputs.indexOf(a as Tensor);
    return i >= 0 ? xs[i] : Array.isArray(a) ? a.map((e) => swap(e, xs)) : a;
  };
  return {
    inputs,
    f: (...xs) =>
      tensorsOf(
        invoke(
          name,
          c.args.map((a) => swap(a, xs)),
        ),
      ).filter((y) => y.requiresGrad),
  };
}

describe.each(entries.filter(([, info]) => info.differentiable))("%s", (name, info) => {
  /** Every sample, in row-major order and in one other layout. */
  function each(check: (c: Call) => void, limit: number, others: boolean): void {
    for (const [i, sample] of moving(info).entries()) {
      for (const layout of ["contiguous", ...(others ? [layouts[1 + (i % 4)]!] : [])] as LayoutName[]) {
        const c = prepare(info, sample, float64, layout, "cpu", new Data(i + 1));
        if (size(c) > limit || (layout === "expanded" && info.distinct)) continue;
        try {
          check(c);
        } catch (e) {
          if (layout !== "contiguous" && info.refusesLayouts !== undefined && (e as Error).message.startsWith(info.refusesLayouts))
            continue;
          throw new Error(`${describeCall(name, sample, float64, layout)}: ${(e as Error).message}`, { cause: e });
        }
      }
    }
  }

  test("gradient", () => {
    each(
      (c) => {
        const { f, inputs } = asFunction(name, c);
        gradcheck(f, inputs);
      },
      26,
      true,
    );
  });

  test.skipIf(info.firstOnly !== undefined)("gradient of the gradient", () => {
    each(
      (c) => {
        const { f, inputs } = asFunction(name, c);
        gradgradcheck(f, inputs, { atol: 1e-4 });
      },
      14,
      false,
    );
  });

  test.skipIf(info.view !== undefined)("a result can be written to", () => {
    for (const [i, sample] of moving(info).entries()) {
      const { f, inputs } = asFunction(name, prepare(info, sample, float64, "contiguous", "cpu", new Data(i + 1)));
      const results = f(...inputs);
      for (const y of results) {
        if (inputs.some((x) => x.operand.storage === y.operand.storage)) continue; // such as `reshape`, which gives views where it can
        if (results.length === 1) expect(y.base, describeCall(name, sample, float64, "contiguous")).toBe(null);
        y.mul_(1);
        if (!info.keeps?.includes("result") && !sample.keeps?.includes("result")) y.sum().backward();
      }
    }
  });

  test("keeps for backward what it says, and nothing else", () => {
    expect(info.keeps, "states what it keeps").toBeDefined();
    for (const [i, sample] of moving(info).entries()) {
      const kept = keptBy(name, info, sample, i + 1);
      expect(kept, describeCall(name, sample, float64, "contiguous")).toEqual(sample.keeps ?? info.keeps);
    }
  });
});

test.each(entries.filter(([, info]) => !info.differentiable))("%s has no gradient", (name, info) => {
  for (const sample of info.samples) {
    const dtype = info.dtypes.includes(float64) ? float64 : info.dtypes[0]!;
    const c = prepare(info, sample, dtype, "contiguous", "cpu", new Data());
    for (const [i, o] of c.operands.entries()) if (c.free[i]) o.tensor.requiresGrad = true;
    for (const y of tensorsOf(invoke(name, c.args))) expect(y.requiresGrad).toBe(false);
  }
});

/** Which operands and results backward misses when they are overwritten after the call, and whether memory beside theirs is held. */
function keptBy(name: string, info: OpInfo, sample: Sample, seed: number): Keeps {
  const probe = prepare(info, sample, float64, "contiguous", "cpu", new Data(seed));
  const kept: ("result" | number)[] = [];
  const isView = info.view !== undefined;
  for (const target of [...(isView ? [] : ["result" as const]), ...probe.operands.keys()]) {
    const c = prepare(info, sample, float64, "contiguous", "cpu", new Data(seed));
    for (const [i, o] of c.operands.entries()) if (c.free[i]) o.tensor.requiresGrad = true;
    const results = tensorsOf(invoke(name, c.args)).filter((y) => y.requiresGrad);
    const written = target === "result" ? results : [c.operands[target]!.tensor];
    // The same storage under another handle: the write counts, but is not recorded.
    for (const x of written) x.detach().copy_(x.detach().clone());
    try {
      torch.autograd.backward(
        results,
        results.map((y) => torch.onesLike(y)),
      );
    } catch (e) {
      expect((e as Error).message).toContain("has been modified by an inplace operation");
      kept.push(target);
    }
  }
  return kept;
}

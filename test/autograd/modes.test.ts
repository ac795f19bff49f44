import { describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";
import { caught } from "../support/caught.ts";

const { enableGrad, inferenceMode, isGradEnabled, isInferenceModeEnabled, noGrad, setGradEnabled } = torch;
const leaf = (): torch.Tensor => torch.ones(2, { requiresGrad: true });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("as a callback", () => {
  test("gives back the result and restores the mode", () => {
    expect(noGrad(() => [isGradEnabled(), leaf().mul(2).requiresGrad])).toEqual([false, false]);
    expect(isGradEnabled()).toBe(true);
  });
  test("restores the mode after an error", () => {
    expect(() =>
      noGrad(() => {
        throw new RangeError("x");
      }),
    ).toThrow(RangeError);
    expect(isGradEnabled()).toBe(true);
  });
  test("the innermost block wins", () => {
    expect(noGrad(() => [enableGrad(() => [isGradEnabled(), noGrad(isGradEnabled), isGradEnabled()]), isGradEnabled()])).toEqual([
      [true, false, true],
      false,
    ]);
    expect(noGrad(() => enableGrad(() => leaf().mul(2).requiresGrad))).toBe(true);
  });
  test("leaves still require what they say", () => {
    expect(noGrad(() => leaf().requiresGrad)).toBe(true);
  });
});

describe("with an async function", () => {
  test("lasts until its promise is settled", async () => {
    const seen: boolean[] = [];
    const result = noGrad(async () => {
      seen.push(isGradEnabled());
      await pause(1);
      seen.push(isGradEnabled());
      return 5;
    });
    seen.push(isGradEnabled());
    expect(await result).toBe(5);
    seen.push(isGradEnabled());
    expect(seen).toEqual([false, true, false, true]);
  });

  test("belongs to its own task: overlapping tasks do not see each other's", async () => {
    const seen: Record<string, boolean[]> = { silent: [], recording: [], nested: [] };
    const silent = noGrad(async () => {
      for (let i = 0; i < 4; i++) {
        await pause(2);
        seen["silent"]!.push(isGradEnabled());
        if (i === 1)
          await enableGrad(async () => {
            await pause(3);
            seen["nested"]!.push(isGradEnabled());
          });
      }
    });
    const recording = (async () => {
      for (let i = 0; i < 6; i++) {
        await pause(1);
        seen["recording"]!.push(leaf().mul(2).requiresGrad);
      }
    })();
    await Promise.all([silent, recording]);
    expect(seen).toEqual({ silent: [false, false, false, false], recording: new Array(6).fill(true), nested: [true] });
    expect(isGradEnabled()).toBe(true);
  });

  test("restores the mode after a rejection", async () => {
    await expect(
      noGrad(async () => {
        await pause(1);
        throw new RangeError("x");
      }),
    ).rejects.toThrow(RangeError);
    expect(isGradEnabled()).toBe(true);
  });

  test("synchronous blocks inside win while they last", async () => {
    const seen = await noGrad(async () => {
      await pause(1);
      return [enableGrad(isGradEnabled), isGradEnabled()];
    });
    expect(seen).toEqual([true, false]);
  });

  test("backward inside records as it is asked to", async () => {
    const x = leaf();
    const y = x.pow(2).sum();
    await noGrad(async () => {
      await pause(1);
      y.backward();
    });
    expect(x.grad!.tolistSync()).toEqual([2, 2]);
  });
});

describe("as a guard", () => {
  test("using", () => {
    const seen: boolean[] = [];
    {
      using _ = noGrad();
      seen.push(isGradEnabled());
    }
    seen.push(isGradEnabled());
    expect(seen).toEqual([false, true]);
  });
  test("guards may close in any order, and twice", () => {
    const outer = noGrad();
    const inner = enableGrad();
    outer[Symbol.dispose]();
    expect(isGradEnabled()).toBe(true);
    const third = noGrad();
    inner[Symbol.dispose]();
    expect(isGradEnabled()).toBe(false);
    third[Symbol.dispose]();
    third[Symbol.dispose]();
    expect(isGradEnabled()).toBe(true);
  });
});

describe("on functions", () => {
  test("wrap keeps name, number of parameters, text, properties and this", () => {
    class Model {
      scale = 3;
      predict(x: torch.Tensor, times: number): [boolean, torch.Tensor] {
        return [isGradEnabled(), x.mul(this.scale * times)];
      }
    }
    const original = Model.prototype.predict;
    Object.defineProperty(original, "note", { value: "kept" });
    Model.prototype.predict = noGrad.wrap(original);
    expect([Model.prototype.predict.name, Model.prototype.predict.length, String(Model.prototype.predict)]).toEqual([
      "predict",
      2,
      String(original),
    ]);
    expect((Model.prototype.predict as unknown as { note: string; wrapped: unknown }).note).toBe("kept");
    expect((Model.prototype.predict as unknown as { wrapped: unknown }).wrapped).toBe(original);
    const [enabled, y] = new Model().predict(leaf(), 2);
    expect([enabled, y.requiresGrad, y.tolistSync()]).toEqual([false, false, [6, 6]]);
  });
  test("wrap of an async function", async () => {
    const f = inferenceMode.wrap(async () => {
      await pause(1);
      return isInferenceModeEnabled();
    });
    expect([await f(), isInferenceModeEnabled()]).toEqual([true, false]);
  });
  test("as a method decorator", () => {
    class Model {
      @noGrad()
      predict(): boolean {
        return isGradEnabled();
      }
      train(): boolean {
        return isGradEnabled();
      }
    }
    const model = new Model();
    expect([model.predict(), model.train(), model.predict.name, isGradEnabled()]).toEqual([false, true, "predict", true]);
  });
});

describe("setGradEnabled", () => {
  test("holds until it is set again; blocks decide for themselves", () => {
    setGradEnabled(false);
    try {
      expect([isGradEnabled(), enableGrad(isGradEnabled), leaf().mul(2).requiresGrad]).toEqual([false, true, false]);
    } finally {
      setGradEnabled(true);
    }
    expect(isGradEnabled()).toBe(true);
  });
});

describe("a block around library code", () => {
  test("may be closed by code of the user's that runs inside of it", () => {
    const x = leaf();
    const y = x.mul(2).sum();
    const guard = noGrad();
    x.registerHook(() => {
      guard[Symbol.dispose]();
      return null;
    });
    y.backward();
    expect([isGradEnabled(), x.mul(2).requiresGrad]).toEqual([true, true]);
  });
});

describe("inferenceMode", () => {
  test("makes tensors that never take part in autograd", () => {
    const t = inferenceMode(() => torch.ones(2));
    expect([t.isInference(), t.at(0).isInference(), t.detach().isInference(), t.add(1).isInference(), t.clone().isInference()]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(caught(() => leaf().mul(t))).toBe(
      "RuntimeError: Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.",
    );
    expect(caught(() => t.requiresGrad_())).toBe(
      "RuntimeError: Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.",
    );
    const x = leaf();
    x.add(t).sum().backward();
    x.mul(t.clone()).sum().backward();
    expect(x.grad!.tolistSync()).toEqual([2, 2]);
  });
  test("views of ordinary tensors stay ordinary", () => {
    const x = leaf();
    const [y, v] = inferenceMode(() => [x.mul(2), x.at(0)]);
    expect([y!.requiresGrad, y!.isInference(), v!.isInference(), x.isInference()]).toEqual([false, true, false, false]);
  });
  test("tensors may be written to inside", () => {
    const t = inferenceMode(() => torch.ones(2).add_(1));
    expect([t.tolistSync(), isInferenceModeEnabled()]).toEqual([[2, 2], false]);
  });
});

import { afterAll, describe, expect, it } from "vitest";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import { hasRelaxedMadd, setRelaxedMadd, usesRelaxedMadd } from "../../src/backends/cpu/features.ts";
import { float32 } from "../../src/core/dtype.ts";
import { Layout } from "../../src/core/layout.ts";
import { lower } from "../../src/kernel/elementary.ts";
import { elementaryCases } from "../support/elementary-cases.ts";
import { evaluate } from "../support/f32-interpreter.ts";

const backend = new CpuBackend();
const before = usesRelaxedMadd();

// The accuracy of elementary functions is measured on an interpreter of their expressions. So the CPU must compute its digits.
describe.each([true, false].filter((fused) => hasRelaxedMadd || !fused))(
  "elementary functions on the CPU, multiply-add fused: %s",
  (fused) => {
    afterAll(() => setRelaxedMadd(before));

    it.each(elementaryCases)("$name has the interpreter's digits", (c) => {
      const inputs = c.arguments(3000).map((values) => Float32Array.from(values));
      const n = inputs[0]!.length;
      const operand = (values: Float32Array) => {
        const block = backend.allocate(4 * n);
        backend.write(block, float32, 0, new Uint8Array(values.buffer));
        return { storage: { block }, layout: Layout.contiguous([n]), dtype: float32 };
      };
      const [sources, target] = [inputs.map(operand), operand(new Float32Array(n))];
      setRelaxedMadd(fused);
      const kernel = {
        kind: "map",
        inputs: inputs.map(() => float32),
        outputs: [{ dtype: float32, value: c.value }],
        compiled: [],
      } as const;
      backend.compile({ ...kernel, compiled: [] }).run(sources, [target], {});
      const actual = new Float32Array(backend.readSync(target.storage.block, float32, 0, n).buffer);
      for (const { storage } of [...sources, target]) backend.release(storage.block);
      const expected = evaluate(lower(c.value), inputs, { fused });
      const wrong = [...expected.keys()].filter((i) => !Object.is(actual[i], expected[i]));
      expect(wrong.map((i) => `${inputs.map((values) => values[i])}: ${actual[i]} instead of ${expected[i]}`)).toEqual([]);
    });
  },
);

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareClose, errorBetween, numbers, tolerance } from "./compare.ts";
import { type Case, Corpus, decode, type Json, product, type RecordedValue } from "./corpus.ts";
import { folder } from "./folder.ts";

const dir = fileURLToPath(new URL("../golden", import.meta.url));
const corpus = await Corpus.open(folder(dir));
const sections = Object.keys(corpus.manifest.sections);

describe("the corpus", () => {
  it("holds as many cases as its manifest says", async () => {
    let total = 0;
    for (const section of sections) {
      for (const group of corpus.manifest.sections[section] ?? []) {
        const { cases } = await corpus.group(section, group.name);
        expect(cases.length, group.name).toBe(group.cases);
        expect(
          cases.reduce((sum, c) => sum + c.record.tensors.length, 0),
          group.name,
        ).toBe(group.tensors);
        expect(new Set(cases.map((c) => c.id)).size, group.name).toBe(cases.length);
        total += cases.length;
      }
    }
    expect(total).toBe(corpus.manifest.cases);
  });

  it.each(sections)("%s: every tensor can be read, every reference points to one", async (section) => {
    for (const test of await corpus.cases(section)) {
      test.record.tensors.forEach((_, k) => {
        const t = test.tensor(k);
        const last = t.shape.includes(0) ? -1 : t.shape.reduce((at, n, d) => at + (n - 1) * (t.strides[d] as number), t.offset);
        expect(last, test.id).toBeLessThan(t.storage.length);
        expect(test.elements(k).length, test.id).toBe(product(t.shape));
      });
      const resolver = { tensor: (k: number) => test.tensor(k).index, dtype: (name: string) => name, device: "cpu" };
      for (const field of ["args", "kwargs", "out", "ctor_args", "ctor_kwargs", "options", "object"]) {
        const value = test.field<Json>(field);
        if (value !== undefined) decode(value, resolver);
      }
      const file = test.field<string>("file");
      if (file !== undefined) expect(existsSync(join(dir, section, "files", file)), file).toBe(true);
    }
  });

  it("lays out strided inputs as recorded", async () => {
    const test = (await corpus.cases("ops")).find((c) =>
      c.record.tensors.some((d) => d.st !== undefined && d.s.length === 2 && !d.s.includes(0)),
    );
    const k = test?.record.tensors.findIndex((d) => d.st !== undefined && d.s.length === 2) ?? 0;
    const t = test?.tensor(k);
    const [rows = 0, columns = 0] = t?.shape ?? [];
    const at = (i: number, j: number): unknown => t?.storage[t.offset + i * (t.strides[0] as number) + j * (t.strides[1] as number)];
    expect(test?.elements(k)[columns + 1]).toBe(at(1, 1));
    expect(test?.elements(k)[(rows - 1) * columns]).toBe(at(rows - 1, 0));
  });
});

describe("tolerances", () => {
  /** Half a unit in the last place. */
  const rounding = (dtype: string): number => ({ float16: 2 ** -11, bfloat16: 2 ** -8, float32: 2 ** -24 })[dtype] ?? 0;

  /** Every recorded value with a truth. */
  async function* recorded(): AsyncGenerator<{ test: Case; value: Required<RecordedValue> }> {
    for (const section of ["ops", "modules"]) {
      for (const test of await corpus.cases(section)) {
        for (const field of ["outs", "grads", "first", "second"]) {
          for (const value of test.field<readonly RecordedValue[]>(field) ?? []) {
            if (value.t !== null && value.truth !== undefined) yield { test, value: value as Required<RecordedValue> };
          }
        }
      }
    }
  }

  it("let PyTorch's own results and the truth itself pass, and refuse both when they are moved", async () => {
    let compared = 0;
    let moved = 0;
    for await (const {
      test,
      value: { t, truth: k, err },
    } of recorded()) {
      const dtype = test.tensor(t as number).dtype;
      const value = numbers(dtype, test.elements(t as number));
      const truth = numbers(dtype, test.elements(k));
      expect(compareClose(value, { value, truth, error: err }), test.id).toBeNull();
      expect(compareClose(truth, { value, truth, error: err }), test.id).toBeNull();
      const off = Array.from(truth, Number);
      off[0] = (off[0] as number) + 3 * tolerance(err) + 1e-4 * Math.abs(off[0] as number);
      if (truth.length > 0 && Number.isFinite(off[0]) && Number.isFinite(Number(value[0]))) {
        moved++;
        expect(compareClose(off, { value, truth, error: err }), test.id).not.toBeNull();
      }
      compared++;
    }
    expect(compared).toBeGreaterThan(4000);
    expect(moved).toBeGreaterThan(3000);
  });

  it("rest on the errors that are recorded, up to the rounding of the stored truth", async () => {
    for await (const {
      test,
      value: { t, truth: k, err },
    } of recorded()) {
      const dtype = test.tensor(t as number).dtype;
      const [error, largest] = errorBetween(numbers(dtype, test.elements(t as number)), numbers(dtype, test.elements(k)));
      expect(error, test.id).toBeLessThanOrEqual(err[0] * 1.001 + rounding(dtype) * largest + 1e-30);
      expect(largest, test.id).toBeLessThanOrEqual(err[1] * 1.001 + 1e-30);
    }
  });
});

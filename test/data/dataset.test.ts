import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { data } from "../../src/index.ts";
import { raisedBy } from "./raised.ts";

/** What PyTorch 1.13.1 draws from a generator of seed 7. */
const EXPECTED = {
  replacement: [0, 2, 1, 1, 3, 2, 2, 4, 3, 1, 3, 1, 3, 2, 2, 0, 1, 2, 3, 3, 1, 0, 0, 1, 3, 3, 3, 2, 0, 3, 1, 0, 1, 3, 0, 1, 1, 2, 0, 0],
  longer: [0, 1, 3, 2, 4, 3, 4, 1, 2, 0, 3, 2],
  weighted: [1, 3, 0],
  twice: [0, 1, 3, 2, 4, 3, 2, 0, 4, 1],
  subset: [11, 7, 3, 5],
};

describe("TensorDataset", () => {
  const dataset = new data.TensorDataset(torch.arange(6).view(3, 2), torch.arange(3));
  it("gives rows, also from the end", () => {
    expect(dataset.length).toBe(3);
    expect(dataset.get(1).map((t) => t.tolistSync())).toEqual([[2, 3], 1]);
    expect(dataset.get(-1).map((t) => t.tolistSync())).toEqual([[4, 5], 2]);
    expect(dataset.getBatch([2, -3])!.map((t) => t.tolistSync())).toEqual([
      [
        [4, 5],
        [0, 1],
      ],
      [2, 0],
    ]);
  });
  it("refuses tensors of different lengths and rows that are not there", () => {
    expect(raisedBy(() => new data.TensorDataset(torch.ones(2), torch.ones(3)))).toEqual([
      "AssertionError",
      "Size mismatch between tensors",
    ]);
    expect(raisedBy(() => dataset.get(3))).toEqual(["IndexError", "index 3 is out of bounds for dimension 0 with size 3"]);
    expect(raisedBy(() => dataset.getBatch([0, 3]))).toEqual(["IndexError", "index 3 is out of bounds for dimension 0 with size 3"]);
  });
});

describe("Subset and ConcatDataset", () => {
  it("find their samples", () => {
    const all = new data.ConcatDataset([[1], [], [2, 3], new data.Subset([7, 8, 9], [2, 0])]);
    expect(all.length).toBe(5);
    expect(Array.from({ length: 5 }, (_, i) => all.get(i))).toEqual([1, 2, 3, 9, 7]);
    expect([all.get(-1), all.get(-5)]).toEqual([7, 1]);
  });
  it("refuse what is out of range", () => {
    const all = new data.ConcatDataset([[1], [2, 3]]);
    expect(raisedBy(() => all.get(-4))).toEqual(["ValueError", "absolute value of index should not exceed dataset length"]);
    expect(raisedBy(() => all.get(7))).toEqual(["IndexError", "list index out of range"]);
    expect(raisedBy(() => new data.Subset([1, 2, 3], [0, 5]).get(1))).toEqual(["IndexError", "list index out of range"]);
    expect(raisedBy(() => new data.ConcatDataset([]))).toEqual(["AssertionError", "datasets should not be an empty iterable"]);
  });
});

describe("randomSplit", () => {
  const parts = (lengths: number[], n: number): number[][] =>
    data
      .randomSplit(
        Array.from({ length: n }, (_, i) => i),
        lengths,
        new torch.Generator().manualSeed(3),
      )
      .map((p) => Array.from(p.indices));

  it("gives each sample to one part", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8), { minLength: 1, maxLength: 5 }), (lengths) => {
        const n = lengths.reduce((a, b) => a + b, 0);
        if (n === 1) return; // a single 1 counts as the fraction
        const split = parts(lengths, n);
        expect(split.map((p) => p.length)).toEqual(lengths);
        expect(split.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });
  it("takes fractions, and deals out what is left over", () => {
    expect(parts([0.5, 0.5], 3).map((p) => p.length)).toEqual([2, 1]);
    expect(parts([0.3, 0.3, 0.4], 30).map((p) => p.length)).toEqual([9, 9, 12]);
  });
  it("refuses lengths that do not add up", () => {
    expect(raisedBy(() => data.randomSplit([1, 2, 3], [1, 1]))).toEqual([
      "ValueError",
      "Sum of input lengths does not equal the length of the input dataset!",
    ]);
    expect(raisedBy(() => data.randomSplit([1, 2, 3], [1.5, -0.5]))).toEqual(["ValueError", "Fraction at index 0 is not between 0 and 1"]);
  });
});

describe("samplers", () => {
  it("give as many as they say", () => {
    const source = { length: 50 };
    for (const sampler of [
      new data.SequentialSampler(source),
      new data.RandomSampler(source),
      new data.RandomSampler(source, { numSamples: 130 }),
      new data.RandomSampler(source, { replacement: true, numSamples: 70 }),
      new data.RandomSampler(source, { numSamples: 20 }),
      new data.BatchSampler(new data.SequentialSampler(source), 7),
      new data.BatchSampler(new data.SequentialSampler(source), 7, true),
    ])
      expect([...sampler].length).toBe(sampler.length);
  });
  it("draw each sample once where nothing is put back", () => {
    expect([...new data.RandomSampler({ length: 50 })].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
  it("refuse counts and weights that make no sense", () => {
    expect(raisedBy(() => new data.RandomSampler([1], { numSamples: 0 }))).toEqual([
      "ValueError",
      "num_samples should be a positive integer value, but got num_samples=0",
    ]);
    expect(raisedBy(() => new data.BatchSampler([1], -1))).toEqual([
      "ValueError",
      "batch_size should be a positive integer value, but got batch_size=-1",
    ]);
    expect(raisedBy(() => new data.WeightedRandomSampler(torch.ones(1, 1), 2))).toEqual([
      "ValueError",
      "weights should be a 1d sequence but given weights have shape (1, 1)",
    ]);
  });
  it("draw PyTorch's numbers", () => {
    const g = (): torch.Generator => new torch.Generator().manualSeed(7);
    expect([...new data.RandomSampler({ length: 5 }, { replacement: true, numSamples: 40, generator: g() })]).toEqual(EXPECTED.replacement);
    expect([...new data.RandomSampler({ length: 5 }, { numSamples: 12, generator: g() })]).toEqual(EXPECTED.longer);
    expect([...new data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7], 3, { replacement: false, generator: g() })]).toEqual(EXPECTED.weighted);
    const [a, b] = [g(), g()];
    const twice = [...new data.RandomSampler({ length: 5 }, { generator: a }), ...new data.RandomSampler({ length: 5 }, { generator: a })];
    expect(twice).toEqual(EXPECTED.twice);
    expect([...new data.SubsetRandomSampler([3, 5, 7, 11], { generator: b })]).toEqual(EXPECTED.subset);
  });
});

import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { data, type Tensor } from "../../src/index.ts";
import { raisedBy } from "./raised.ts";

async function batches<B>(loader: data.DataLoader<unknown, B> | AsyncIterable<B>): Promise<B[]> {
  const all: B[] = [];
  for await (const batch of loader) all.push(batch);
  return all;
}
const lists = (xs: readonly Tensor[]): unknown[] => xs.map((x) => x.tolistSync());

/** A dataset that has no fast way to a batch. */
class Slow extends data.Dataset<[Tensor, bigint]> {
  readonly length: number;
  readonly log: string[] = [];
  constructor(length: number) {
    super();
    this.length = length;
  }
  async get(i: number): Promise<[Tensor, bigint]> {
    this.log.push(`get ${i}`);
    await Promise.resolve();
    return [torch.tensor([i, -i]), BigInt(i)];
  }
}
class Count extends data.IterableDataset<number> {
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    for (let i = 0; i < 5; i++) yield i;
  }
}

describe("batches", () => {
  const x = torch.arange(10).view(5, 2);
  const y = torch.arange(5);

  it("are rows of tensors, in the sizes asked for", async () => {
    const loader = new data.DataLoader(new data.TensorDataset(x, y), { batchSize: 2 });
    expect(loader.length).toBe(3);
    const all = await batches(loader);
    expect(lists(all.map(([a]) => a))).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [
        [4, 5],
        [6, 7],
      ],
      [[8, 9]],
    ]);
    expect(lists(all.map(([, b]) => b))).toEqual([[0, 1], [2, 3], [4]]);
  });

  it("leave out the smaller one at the end where asked", async () => {
    const loader = new data.DataLoader(new data.TensorDataset(y), { batchSize: 2, dropLast: true });
    expect(loader.length).toBe(2);
    expect(lists((await batches(loader)).flat())).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("are copies: writing to one changes no data", async () => {
    const mine = torch.ones(4);
    for await (const [b] of new data.DataLoader(new data.TensorDataset(mine), { batchSize: 2, shuffle: true })) b.zero_();
    for await (const [b] of new data.DataLoader(new data.TensorDataset(mine), { batchSize: 2 })) b.zero_();
    expect(mine.tolistSync()).toEqual([1, 1, 1, 1]);
  });

  it("are the same by rows at once and sample by sample, in any order, also of a subset of a subset", async () => {
    const fast = new data.TensorDataset(torch.randn(20, 3), torch.arange(20));
    const nested = new data.Subset(new data.Subset(fast, [3, 19, 0, 7, -1, 12]), [5, 1, 2, -2]);
    for (const source of [fast, nested] as data.Dataset<[Tensor, Tensor]>[]) {
      const slow = { length: source.length, get: (i: number) => source.get(i) };
      torch.manualSeed(1);
      const a = await batches(new data.DataLoader(source, { batchSize: 3, shuffle: true }));
      torch.manualSeed(1);
      const b = await batches(new data.DataLoader<[Tensor, Tensor]>(slow, { batchSize: 3, shuffle: true }));
      expect(a.map(lists)).toEqual(b.map(lists));
      expect(a.map((batch) => batch.map((t) => t.dtype.name))).toEqual(b.map((batch) => batch.map((t) => t.dtype.name)));
    }
  });

  it("come from datasets that answer with promises", async () => {
    const all = await batches(new data.DataLoader(new Slow(3), { batchSize: 2 }));
    expect(all.map(lists)).toEqual([
      [
        [
          [0, -0],
          [1, -1],
        ],
        [0, 1],
      ],
      [[[2, -2]], [2]],
    ]);
    expect(all[0]![1].dtype.name).toBe("int64");
  });

  it("come from streams", async () => {
    const loader = new data.DataLoader(new Count(), { batchSize: 2 });
    expect(lists(await batches(loader))).toEqual([[0, 1], [2, 3], [4]]);
    expect(lists(await batches(new data.DataLoader(new Count(), { batchSize: 2, dropLast: true })))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(lists(await batches(new data.DataLoader(new data.ChainDataset([new Count(), [7]]), 4)))).toEqual([
      [0, 1, 2, 3],
      [4, 7],
    ]);
    expect(await batches(new data.DataLoader<number, number>(new Count(), { batchSize: null }))).toEqual([0, 1, 2, 3, 4]);
    expect(raisedBy(() => loader.length)).toEqual(["TypeError", "object of type 'Count' has no len()"]);
  });

  it("can be samples as they are", async () => {
    expect(await batches(new data.DataLoader<string, string>(["a", "b"], { batchSize: null }))).toEqual(["a", "b"]);
    const loud = new data.DataLoader<string, string>(["a", "b"], { batchSize: null, collateFn: (word) => `${word}!` });
    expect([loud.length, await batches(loud)]).toEqual([2, ["a!", "b!"]]);
  });

  it("can be made by a function of the user's own, also one that waits", async () => {
    const loader = new data.DataLoader(["a", "bc"], { batchSize: 2, collateFn: async (words) => words.join("+") });
    expect(await batches(loader)).toEqual(["a+bc"]);
  });

  it("follow samplers", async () => {
    expect(lists(await batches(new data.DataLoader([5, 6, 7], { batchSize: 2, sampler: [2, 0, 2] })))).toEqual([[7, 5], [7]]);
    const loader = new data.DataLoader([5, 6, 7], { batchSampler: [[2], [0, 1]] });
    expect(loader.length).toBe(2);
    expect(lists(await batches(loader))).toEqual([[7], [5, 6]]);
  });

  it("can be fetched ahead", async () => {
    const source = new Slow(8);
    const order: string[] = source.log;
    for await (const [, i] of new data.DataLoader(source, { batchSize: 2, numWorkers: 2 })) order.push(`batch ${i.tolistSync()}`);
    expect(order.indexOf("batch 0,1")).toBe(6);
    expect(order.filter((entry) => entry.startsWith("batch"))).toEqual(["batch 0,1", "batch 2,3", "batch 4,5", "batch 6,7"]);
  });

  it("raise a failure in its turn, whatever is on the way", async () => {
    const source = { length: 6, get: async (i: number) => (i === 3 ? Promise.reject(new Error("sample 3")) : i) };
    const seen: unknown[] = [];
    const run = async (): Promise<void> => {
      for await (const b of new data.DataLoader<number>(source, { numWorkers: 3 })) seen.push(b.tolistSync());
    };
    await expect(run()).rejects.toThrow("sample 3");
    expect(seen).toEqual([[0], [1], [2]]);
  });

  it("move to a device", async () => {
    const [batch] = await batches(new data.DataLoader([{ a: torch.ones(1), name: "x" }], { device: "reference" }));
    expect([batch!.a.device.type, batch!.name]).toEqual(["reference", ["x"]]);
  });

  it("leave no garbage but themselves", async () => {
    const { pool } = torch.device("cpu");
    const source = new data.TensorDataset(x, y);
    const blocks = pool.all.allocation.current;
    for await (const batch of new data.DataLoader(source, { batchSize: 2, shuffle: true })) for (const t of batch) t.dispose();
    expect(pool.all.allocation.current).toBe(blocks);
  });
});

describe("defaultCollate", () => {
  it("keeps structure and turns numbers into tensors", () => {
    const batch = data.defaultCollate([
      { a: [1.5, 2n] as [number, bigint], b: true, c: "x" },
      { a: [2, 3n] as [number, bigint], b: false, c: "y" },
    ]);
    expect(lists([batch.a[0], batch.a[1], batch.b])).toEqual([
      [1.5, 2],
      [2, 3],
      [true, false],
    ]);
    expect([batch.a[0], batch.a[1], batch.b].map((t) => t.dtype.name)).toEqual(["float32", "int64", "bool"]);
    expect(batch.c).toEqual(["x", "y"]);
  });
  it("stacks typed arrays", () => {
    const batch = data.defaultCollate([new Uint8Array([1, 2]), new Uint8Array([3, 4])]);
    expect([batch.dtype.name, batch.tolistSync()]).toEqual([
      "uint8",
      [
        [1, 2],
        [3, 4],
      ],
    ]);
  });
  it("refuses what cannot be put together", () => {
    expect(raisedBy(() => data.defaultCollate([[1, 2], [1]]))).toEqual([
      "RuntimeError",
      "each element in list of batch should be of equal size",
    ]);
    expect(raisedBy(() => data.defaultCollate([null]))).toEqual([
      "TypeError",
      "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'NoneType'>",
    ]);
    expect(raisedBy(() => data.defaultCollate([new Date()]))[1]).toMatch(/found <class 'Date'>$/);
    expect(raisedBy(() => data.defaultCollate([torch.ones(2), torch.ones(3)]))).toEqual([
      "RuntimeError",
      "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
    ]);
  });
});

describe("settings that PyTorch refuses", () => {
  const cases: [() => unknown, string][] = [
    [() => new data.DataLoader([1], { batchSize: 0 }), "batch_size should be a positive integer value, but got batch_size=0"],
    [() => new data.DataLoader([1], { batchSize: 2.5 }), "batch_size should be a positive integer value, but got batch_size=2.5"],
    [() => new data.DataLoader([], { shuffle: true }), "num_samples should be a positive integer value, but got num_samples=0"],
    [() => new data.DataLoader([1], { sampler: [0], shuffle: true }), "sampler option is mutually exclusive with shuffle"],
    [
      () => new data.DataLoader([1], { batchSampler: [[0]], batchSize: 3 }),
      "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last",
    ],
    [
      () => new data.DataLoader([1], { batchSize: null, dropLast: true }),
      "batch_size=None option disables auto-batching and is mutually exclusive with drop_last",
    ],
    [
      () => new data.DataLoader(new Count(), { shuffle: true }),
      "DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle=True",
    ],
    [
      () => new data.DataLoader([1], { numWorkers: -1 }),
      "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.",
    ],
  ];
  it.each(cases)("%s", (f, message) => expect(raisedBy(f)).toEqual(["ValueError", message]));
});

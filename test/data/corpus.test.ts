/** The order in which PyTorch 1.13.1 takes samples, and what it leaves in the generator, bit for bit. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { data } from "../../src/index.ts";

interface Case {
  readonly id: string;
  readonly seed: string;
  readonly out: unknown;
  readonly tensors: readonly { readonly d: "i64" | "f32"; readonly s: readonly number[]; readonly o: number }[];
}
const dir = new URL("../golden/rng/", import.meta.url);
const { cases } = JSON.parse(readFileSync(new URL("dataloader.json", dir), "utf8")) as { cases: Case[] };
const blob = new Uint8Array(readFileSync(new URL("dataloader.bin", dir))).buffer;

const recorded = ({ tensors }: Case): number[][] =>
  tensors.map(({ d, s, o }) => Array.from(d === "i64" ? new BigInt64Array(blob, o, s[0]) : new Float32Array(blob, o, s[0]), Number));

const samples = (): data.TensorDataset<[torch.Tensor]> => new data.TensorDataset(torch.arange(23));
async function pass(loader: data.DataLoader<[torch.Tensor]>): Promise<number[]> {
  const seen: number[] = [];
  for await (const [x] of loader) seen.push(...((await x.tolist()) as number[]));
  return seen;
}
const rest = (): number[] => torch.rand(2).tolistSync() as number[];
const range10 = Array.from({ length: 10 }, (_, i) => i);

const calls: Record<string, () => Promise<number[][]> | number[][]> = {
  async shuffle() {
    const loader = new data.DataLoader(samples(), { batchSize: 4, shuffle: true });
    return [await pass(loader), await pass(loader), rest()];
  },
  async generator() {
    const loader = new data.DataLoader(samples(), { batchSize: 4, shuffle: true, generator: new torch.Generator().manualSeed(5) });
    return [await pass(loader), await pass(loader), rest()];
  },
  async sequential() {
    return [await pass(new data.DataLoader(samples(), { batchSize: 4 })), rest()];
  },
  random_split: () => data.randomSplit(range10, [6, 4]).map((part) => Array.from(part.indices)),
  subset: () => [[...new data.SubsetRandomSampler([3, 5, 7, 11])]],
  weighted: () => [[...new data.WeightedRandomSampler([0.1, 0.5, 0.4, 2], 9)]],
};

describe("orders drawn by PyTorch", () => {
  it.each(cases.map((c) => [c.id, c] as const))("%s", async (id, test) => {
    torch.manualSeed(BigInt(test.seed));
    expect(await calls[id.split("/")[2]!]!()).toEqual(recorded(test));
  });
});

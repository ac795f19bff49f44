import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { Data } from "../backends/case.ts";

/** What a tensor should hold: places in an array that views share. */
interface Model {
  readonly storage: number[];
  readonly places: readonly number[];
}
interface Pair {
  readonly x: Tensor;
  readonly m: Model;
}
const values = ({ storage, places }: Model): number[] => places.map((p) => storage[p]!);
const fresh = (list: readonly number[]): Model => ({ storage: [...list], places: list.map((_, i) => i) });
const flat = (x: Tensor): number[] => Array.from(x.contiguous().toTypedArraySync() as Float32Array);
const whole = (v: number): number => ((v % 1000) + 1000) % 1000;

/** A random step: makes a tensor, changes one, or lets go of some. Numbers stay whole and small, so that every comparison is exact. */
function step(live: Pair[], data: Data): void {
  const pick = (): Pair => data.pick(live);
  const { x, m } = pick();
  const n = m.places.length;
  switch (data.int(0, 11)) {
    case 0: {
      const list = Array.from({ length: data.pick([1, 3, 12, 12, 300, 1200]) }, () => data.int(0, 1000));
      live.push({ x: torch.tensor(list), m: fresh(list) });
      return;
    }
    case 1:
      live.push({ x: torch.scope(() => x.mul(3).add(1).remainder(1000)), m: fresh(values(m).map((v) => whole(v * 3 + 1))) });
      return;
    case 2: {
      const other = live.find((p) => p.m.places.length === n) ?? pick();
      if (other.m.places.length !== n) return;
      const sums = values(other.m);
      live.push({ x: x.reshape(-1).add(other.x.reshape(-1)).remainder(1000), m: fresh(values(m).map((v, i) => whole(v + sums[i]!))) });
      return;
    }
    case 3: {
      const from = data.int(0, n);
      const length = data.int(0, n - from) + 1;
      const part = x.reshape(-1).narrow(0, from, length);
      const places = m.places.slice(from, from + length);
      live.push({
        x: part,
        m: part.untypedStorage() === x.untypedStorage() ? { storage: m.storage, places } : fresh(values({ storage: m.storage, places })),
      });
      return;
    }
    case 4:
      if (x.ndim !== 1) return;
      live.push({ x: x.slice(0, 0, null, 2), m: { storage: m.storage, places: m.places.filter((_, i) => i % 2 === 0) } });
      return;
    case 5:
      if (n % 3 !== 0 || !x.isContiguous()) return;
      live.push({
        x: x.view(3, n / 3).t(),
        m: { storage: m.storage, places: Array.from({ length: n }, (_, i) => m.places[(i % 3) * (n / 3) + Math.floor(i / 3)]!) },
      });
      return;
    case 6: {
      const by = data.int(1, 500);
      x.add_(by).remainder_(1000);
      for (const p of m.places) m.storage[p] = whole(m.storage[p]! + by);
      return;
    }
    case 7: {
      const other = pick();
      if (other.m.places.length !== n) return;
      const copied = values(other.m);
      x.copy_(other.x.reshape(x.shape));
      m.places.forEach((p, i) => {
        m.storage[p] = copied[i]!;
      });
      return;
    }
    case 8:
      if (live.length > 3) live.splice(data.int(0, live.length), 1)[0]!.x.dispose();
      return;
    case 9:
      // Let go without a word.
      if (live.length > 20) live.splice(data.int(0, live.length), data.int(1, 10));
      return;
    default:
      live.push({ x: x.clone(), m: fresh(values(m)) });
  }
}

const check = (live: readonly Pair[]): void => {
  for (const { x, m } of live) expect(flat(x)).toEqual(values(m));
};

describe("nothing that can be reached is freed or overwritten", () => {
  test.each([1, 2, 3, 4])("random programs, with collections between (%i)", async (seed) => {
    const data = new Data(seed);
    const live: Pair[] = [{ x: torch.arange(12).to(torch.float32), m: fresh(Array.from({ length: 12 }, (_, i) => i)) }];
    for (let i = 0; i < 1200; i++) {
      step(live, data);
      if (i % 100 === 99) {
        check(live);
        await torch.memory.collect();
        if (i % 300 === 299) torch.memory.emptyCache();
        check(live);
      }
    }
  });

  test.each([1, 2, 3])("random graphs give the same gradients with collections between (%i)", async (seed) => {
    const build = async (collect: boolean): Promise<number[][]> => {
      const data = new Data(seed);
      const leaves = Array.from({ length: 3 }, (_, k) => torch.linspace(0.1 * (k + 1), 1, 300).requiresGrad_());
      let live: Tensor[] = [...leaves];
      for (let i = 0; i < 60; i++) {
        const [x, y] = [data.pick(live), data.pick(live)];
        const made = [
          () => x.mul(y),
          () => x.sin(),
          () => x.add(y),
          () => x.sub(y).tanh(),
          () => x.view(30, 10).t().reshape(300),
          () => x.mul(1).mul_(y),
          () => x.view(3, 100).sum(0).repeat(3).tanh(),
        ];
        live.push(data.pick(made)());
        if (live.length > 8) live = live.filter(() => data.next() < 0.6).concat(leaves);
        if (collect && i % 10 === 9) {
          await torch.memory.collect();
          torch.full([300], Number.NaN);
        }
      }
      live
        .map((x) => x.sum())
        .reduce((a, b) => a.add(b))
        .backward();
      return leaves.map((x) => flat(x.grad!));
    };
    expect(await build(true)).toEqual(await build(false));
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { infos } from "../opinfo/index.ts";
import { Nd, type Shape } from "../opinfo/info.ts";

/** A view op drawn for a shape: its name and arguments, or null where the shape has no room for it. */
type Draw = (shape: Shape, pick: (n: number) => number) => readonly [name: keyof typeof infos, ...args: unknown[]] | null;

const product = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
/** A random shape of as many elements: prime factors dealt out. */
function otherShape(n: number, pick: (n: number) => number): number[] {
  const shape = new Array<number>(1 + pick(3)).fill(1);
  if (n === 0) shape[pick(shape.length)] = 0;
  for (let rest = n, p = 2; rest > 1 && n > 0; ) {
    if (rest % p === 0) {
      shape[pick(shape.length)]! *= p;
      rest /= p;
    } else p++;
  }
  return shape;
}
const needs =
  (least: number, draw: (shape: Shape, pick: (n: number) => number, dim: number) => ReturnType<Draw>): Draw =>
  (shape, pick) =>
    shape.length < least ? null : draw(shape, pick, pick(Math.max(shape.length, 1)));

const draws: readonly Draw[] = [
  needs(1, (s, pick, d) => ["transpose", d, pick(s.length) - s.length]),
  needs(1, (s, pick, d) => {
    const start = pick(s[d]! + 1);
    return ["narrow", d, start, Math.min(1 + pick(s[d]! - start + 1), s[d]! - start)];
  }),
  needs(1, (s, pick, d) => ["slice", d, pick(Math.max(s[d]!, 1)), s[d]! - pick(2), 1 + pick(3)]),
  needs(1, (s, pick, d) => (s[d] === 0 ? null : ["select", d, pick(s[d]!)])),
  (s, pick) => (s.length > 4 ? null : ["unsqueeze", pick(s.length + 1)]),
  () => ["squeeze"],
  (s, pick) => ["expand", [...(pick(3) === 0 && s.length < 5 ? [2] : []), ...s.map((n) => (n === 1 && pick(2) === 0 ? 1 + pick(3) : -1))]],
  (s, pick) => ["reshape", otherShape(product(s), pick)],
  (s, pick) => [
    "permute",
    s
      .map((_, d) => [d, pick(1000)] as const)
      .toSorted((a, b) => a[1] - b[1])
      .map(([d]) => d),
  ],
  needs(2, (s, pick) => ["diagonal", pick(2), 0, 1 + pick(s.length - 1)]),
  needs(1, (s, pick, d) => (s[d] === 0 || s.length > 4 ? null : ["unfold", d, 1 + pick(s[d]!), 1 + pick(2)])),
  needs(1, (s, pick, d) => ["flatten", d, d + pick(s.length - d)]),
];

interface Chain {
  readonly shape: number[];
  /** Each step: which op, and numbers to choose its arguments with. */
  readonly steps: number[][];
}
const chains: fc.Arbitrary<Chain> = fc.record({
  shape: fc.array(fc.oneof({ weight: 40, arbitrary: fc.integer({ min: 1, max: 4 }) }, { weight: 1, arbitrary: fc.constant(0) }), {
    maxLength: 4,
    size: "max",
  }),
  steps: fc.array(fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), { maxLength: 6, size: "max" }),
});

type Method = (...args: unknown[]) => Tensor;
/** Applies the chain to a tensor and to a model of it: an array of the positions in the storage that its elements show. */
function applied(x: Tensor, { shape, steps }: Chain): { view: Tensor; places: Nd; names: string[]; firstCopy: number } {
  let view = x;
  let places = Nd.from(shape, (i) => i.reduce((p, k, d) => p * shape[d]! + k, 0));
  const names: string[] = [];
  let firstCopy = -1;
  for (const step of steps) {
    let at = 1;
    const pick = (n: number): number => step[at++ % step.length]! % n;
    const drawn = draws[step[0]! % draws.length]!(places.shape, pick);
    if (drawn === null || places.numel > 500) continue;
    const [name, ...args] = drawn;
    names.push(`${name}(${JSON.stringify(args).slice(1, -1)})`);
    const before = view;
    view = (view as unknown as Record<string, Method>)[name]!(...args);
    places = infos[name].reference(places, ...args) as Nd;
    if (name === "reshape" || name === "flatten") {
      const isView = view.untypedStorage() === before.untypedStorage();
      // A view of places is possible exactly if they advance evenly along every dimension.
      if (firstCopy < 0) expect(isView, `${names.join(".")} is a view`).toBe(isEven(places));
      if (!isView && firstCopy < 0) firstCopy = names.length;
    }
  }
  return { view, places, names, firstCopy };
}

function isEven(places: Nd): boolean {
  if (places.numel === 0) return true;
  const zero = places.shape.map(() => 0);
  const strides = places.shape.map((n, d) => (n > 1 ? places.at(zero.with(d, 1)) - places.data[0]! : 0));
  return places.data.every(
    (p, k) => p === Nd.from(places.shape, (i) => i.reduce((sum, e, d) => sum + e * strides[d]!, places.data[0]!)).data[k],
  );
}

const flat = (x: Tensor): number[] => Array.from(x.detach().contiguous().toTypedArraySync() as Float32Array);
const runs = { numRuns: 300, seed: 3 };

describe("chains of views", () => {
  test("show the elements that the model shows", () => {
    fc.assert(
      fc.property(chains, (chain) => {
        const n = product(chain.shape);
        const { view, places, names } = applied(torch.arange(n).to(torch.float32).view(chain.shape), chain);
        expect(view.shape, names.join(".")).toEqual(places.shape);
        expect(flat(view), names.join(".")).toEqual(places.data);
      }),
      runs,
    );
  });

  test("write to the elements that they show", () => {
    fc.assert(
      fc.property(chains, (chain) => {
        const n = product(chain.shape);
        const x = torch.zeros(chain.shape);
        const { view, places, names, firstCopy } = applied(x, chain);
        const repeats = new Set(places.data).size < places.numel;
        if (repeats && view.stride().some((s, d) => s === 0 && view.size(d) > 1)) {
          expect(() => view.fill_(1)).toThrow("more than one element of the written-to tensor refers to a single memory location");
          return;
        }
        view.fill_(1);
        expect(flat(x), names.join(".")).toEqual(Array.from({ length: n }, (_, p) => Number(firstCopy < 0 && places.data.includes(p))));
      }),
      runs,
    );
  });

  test("hand gradients back to the elements that they show", () => {
    fc.assert(
      fc.property(chains, (chain) => {
        const n = product(chain.shape);
        const x = torch.zeros(chain.shape, { requiresGrad: true });
        const { view, places, names } = applied(x, chain);
        view.mul(torch.arange(view.numel()).add(1).view(view.shape)).sum().backward();
        const expected = new Array<number>(n).fill(0);
        places.data.forEach((p, k) => {
          expected[p]! += k + 1;
        });
        expect(flat(x.grad!), names.join(".")).toEqual(expected);
      }),
      runs,
    );
  });

  test("written to in place, change what the gradient is", () => {
    fc.assert(
      fc.property(chains, (chain) => {
        const n = product(chain.shape);
        const x = torch.ones(chain.shape, { requiresGrad: true });
        const base = x.mul(1);
        const { view, places, names, firstCopy } = applied(base, chain);
        if (new Set(places.data).size < places.numel) return;
        view.mul_(3);
        base.mul(torch.arange(n).add(1).view(chain.shape)).sum().backward();
        const written = firstCopy < 0 ? places.data : [];
        expect(flat(x.grad!), names.join(".")).toEqual(Array.from({ length: n }, (_, p) => (p + 1) * (written.includes(p) ? 3 : 1)));
      }),
      runs,
    );
  });
});

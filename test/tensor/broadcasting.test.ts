import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { Nd, zip } from "../opinfo/nd.ts";

const flat = (x: Tensor): number[] => Array.from(x.detach().contiguous().toTypedArraySync() as Float32Array);
const numbered = (shape: readonly number[], from: number): Nd => Nd.from(shape, (i) => from + i.reduce((p, k, d) => p * shape[d]! + k, 0));
const tensorOf = (x: Nd): Tensor => torch.tensor(Float32Array.from(x.data)).view(x.shape);

/** Two shapes that stretch to a common one: some dimensions left out in front, some set to 1. */
const pair = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean(), fc.boolean()), { maxLength: 4 })
  .chain((dims) => fc.tuple(fc.constant(dims), fc.nat({ max: dims.length }), fc.boolean()))
  .map(([dims, cut, first]) => {
    const a = dims.map(([n, one]) => (one ? 1 : n));
    const b = dims.map(([n, , one]) => (one ? 1 : n));
    return first ? { a: a.slice(cut), b } : { a, b: b.slice(cut) };
  });

describe("broadcasting", () => {
  test("stretches as the model does, and gradients are summed back", () => {
    fc.assert(
      fc.property(pair, ({ a, b }) => {
        const [x, y] = [numbered(a, 1), numbered(b, 100)];
        const [p, q] = [tensorOf(x).requiresGrad_(), tensorOf(y).requiresGrad_()];
        const z = p.mul(q);
        const expected = zip((u, v) => u * v, x, y);
        expect([z.shape, flat(z)]).toEqual([expected.shape, expected.data]);
        z.sum().backward();
        // d(xy)/dx summed over what x was stretched to is y summed in x's shape.
        const towards = (own: Nd, other: Nd): number[] => {
          const sums = new Array<number>(own.numel).fill(0);
          const places = numbered(own.shape, 0);
          Nd.from(expected.shape, (i) => {
            sums[places.at(i)]! += other.at(i);
            return 0;
          });
          return sums;
        };
        expect([p.grad!.shape, flat(p.grad!)]).toEqual([a, towards(x, y)]);
        expect([q.grad!.shape, flat(q.grad!)]).toEqual([b, towards(y, x)]);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test("in place only the other operand stretches", () => {
    fc.assert(
      fc.property(pair, ({ a, b }) => {
        const [x, y] = [numbered(a, 1), numbered(b, 100)];
        const p = tensorOf(x);
        const expected = zip((u, v) => u + v, x, y);
        if (String(expected.shape) === String(a) && expected.ndim === a.length) expect(flat(p.add_(tensorOf(y)))).toEqual(expected.data);
        else {
          expect(() => p.add_(tensorOf(y))).toThrow(
            `output with shape [${a.join(", ")}] doesn't match the broadcast shape [${expected.shape.join(", ")}]`,
          );
          expect(flat(p)).toEqual(x.data);
        }
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  test.each([
    [[3], [4], "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0"],
    [[2, 3], [3, 3], "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0"],
    [[4, 2, 3], [2, 2], "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 2"],
    [[0], [2], "The size of tensor a (0) must match the size of tensor b (2) at non-singleton dimension 0"],
  ])("%j and %j do not fit", (a, b, message) => {
    expect(() => torch.zeros(a).add(torch.zeros(b))).toThrow(message);
  });
});

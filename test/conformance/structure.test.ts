import { expect, it } from "vitest";
import { Api } from "./api.ts";
import type { Json } from "./corpus.ts";
import { PyFloat, PyTuple } from "./python/values.ts";
import { matchStructure } from "./structure.ts";

class Tensor {}
const api = new Api({ Tensor, nn: {} }, "cpu");
const [a, b] = [new Tensor(), new Tensor()];
const found = (got: unknown, recorded: Json): number[] => matchStructure(api, got, recorded).map(({ index }) => index);

it("finds the tensors in order", () => {
  expect(found(a, { $t: 3 })).toEqual([3]);
  expect(found([a, [b]], { $tuple: [{ $t: 1 }, [{ $t: 2 }]] })).toEqual([1, 2]);
  expect(found({ w: a, v: b }, { $dict: { w: { $t: 0 }, v: { $t: 1 } } })).toEqual([0, 1]);
  expect(found(new Map([["w", a]]), { w: { $t: 0 } })).toEqual([0]);
});

it("takes named tuples by their fields", () => {
  const named = {
    values: a,
    indices: b,
    *[Symbol.iterator]() {
      yield* [a, b];
    },
  };
  const recorded = { $tuple: [{ $t: 0 }, { $t: 1 }], fields: ["values", "indices"] };
  expect(found(named, recorded)).toEqual([0, 1]);
  expect(() => found([a, b], recorded)).toThrow(".values is not value 0");
});

it("compares plain values", () => {
  expect(found([2, 3n, true, null, "x", new PyFloat(0.5), Number.NaN], [2, 3, true, null, "x", { $f: 0.5 }, { $f: "nan" }])).toEqual([]);
  expect(() => found(2, 3)).toThrow("2, expected 3");
  expect(() => found(true, 1)).toThrow();
  expect(() => found(1, true)).toThrow();
});

it("refuses another structure", () => {
  expect(() => found([a], { $tuple: [{ $t: 0 }, { $t: 1 }] })).toThrow("1 values, expected 2");
  expect(() => found(1, { $t: 0 })).toThrow("a tensor expected, got Number");
  expect(() => found(new PyTuple([1]), { $t: 0 })).toThrow("a tensor expected, got tuple");
  expect(() => found({ v: b, w: a }, { $dict: { w: { $t: 0 }, v: { $t: 1 } } })).toThrow("keys v,w, expected w,v");
});

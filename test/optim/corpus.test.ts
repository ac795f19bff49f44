/** Twenty recorded steps of PyTorch 1.13.1's optimizers: with the net's own gradients, and fed with the recorded ones. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import type { OptimizerStateDict } from "../../src/optim/index.ts";

interface Descriptor {
  readonly d: "f32" | "f64";
  readonly s: readonly number[];
  readonly o: number;
}
type Value = { readonly $f: number } | { readonly $tuple: readonly Value[] } | { readonly $t: number } | number | boolean | null;
interface Case {
  readonly id: string;
  readonly param_groups: string;
  readonly options: Readonly<Record<string, Value>>;
  readonly defaults: Readonly<Record<string, Value>>;
  readonly data: Readonly<Record<"x" | "y" | "w1" | "b1" | "w2", number>>;
  readonly params: { readonly t: number; readonly err: readonly [number, number] };
  readonly agree_steps: number;
  readonly grads: number;
  readonly loss: { readonly t: number };
  readonly state_dict: { readonly state: Record<string, Record<string, Value>>; readonly param_groups: readonly Record<string, Value>[] };
  readonly tensors: readonly Descriptor[];
}

function casesOf(name: string): { test: Case; values(i: number): Float32Array | Float64Array }[] {
  const dir = new URL("../golden/optim/", import.meta.url);
  const index = JSON.parse(readFileSync(new URL(`${name}.json`, dir), "utf8")) as { cases: Case[] };
  const blob = new Uint8Array(readFileSync(new URL(`${name}.bin`, dir))).buffer;
  return index.cases.map((test) => ({
    test,
    values(i) {
      const { d, s, o } = test.tensors[i]!;
      const n = s.reduce((a, b) => a * b, 1);
      return d === "f32" ? new Float32Array(blob, o, n) : new Float64Array(blob, o, n);
    },
  }));
}

function plain(value: Value): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$f" in value) return value.$f;
  return "$tuple" in value ? value.$tuple.map(plain) : value;
}
const camel = (name: string): string => name.replace(/_(.)/g, (_, c: string) => c.toUpperCase());
const inCode = (options: Readonly<Record<string, Value>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([key, value]) => [camel(key), plain(value)]));

const classes = { SGD: torch.optim.SGD, Adam: torch.optim.Adam, AdamW: torch.optim.AdamW };
type Name = keyof typeof classes;

/** The recorded problem, from its start. */
function problem(name: Name, { test, values }: ReturnType<typeof casesOf>[number]) {
  const load = (key: keyof Case["data"]): Tensor =>
    torch.tensor(values(test.data[key]) as Float32Array).view(test.tensors[test.data[key]]!.s);
  const [x, y] = [load("x"), load("y")];
  const weights = [load("w1"), load("b1"), load("w2")].map((w) => w.detach().clone().requiresGrad_());
  const [w1, b1, w2] = weights as [Tensor, Tensor, Tensor];
  const { lr } = { ...inCode(test.defaults), ...inCode(test.options) } as { lr: number };
  const groups = test.param_groups.includes("lr/3")
    ? [
        { params: [w1], lr },
        { params: [b1, w2], lr: lr / 3 },
      ]
    : weights;
  const optimizer = new classes[name](groups as Tensor[], inCode(test.options));
  return { weights, optimizer, loss: () => x.matmul(w1).add(b1).tanh().matmul(w2).sub(y).pow(2).mean() };
}

const flat = (weights: readonly Tensor[]): number[] => weights.flatMap((w) => Array.from(w.toTypedArraySync(), Number));

function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - wanted[i]!), `${what}, number ${i}`).toBeLessThanOrEqual(tolerance);
}

describe.each(Object.keys(classes) as Name[])("%s", (name) => {
  const cases = casesOf(name);
  const tolerance = ({ params: { err } }: Case): number => 4 * err[0] + 2e-6 * err[1];

  it.each(cases.map((c) => [c.test.id, c] as const))("%s trains as PyTorch does", (_, c) => {
    const { test, values } = c;
    const { weights, optimizer, loss } = problem(name, c);
    expect(optimizer.defaults).toMatchObject(inCode(test.defaults));
    const rows = values(test.params.t);
    for (let step = 0; step < test.agree_steps; step++) {
      optimizer.zeroGrad();
      const l = loss();
      l.backward();
      optimizer.step();
      expectClose([l.itemSync() as number], [values(test.loss.t)[step]!], 1e-6 + 4 * test.params.err[0], `loss ${step}`);
      expectClose(flat(weights), rows.subarray(step * 35, (step + 1) * 35), tolerance(test), `weights after step ${step + 1}`);
    }
  });

  it.each(cases.map((c) => [c.test.id, c] as const))(
    "%s does PyTorch's arithmetic, and its state can be saved and taken up half way",
    (_, c) => {
      const { test, values } = c;
      const grads = values(test.grads) as Float32Array;
      const rows = values(test.params.t);
      let { weights, optimizer } = problem(name, c);
      for (let step = 0; step < 20; step++) {
        if (step === 10) {
          const saved = optimizer.stateDict();
          const after = problem(name, c);
          after.optimizer.loadStateDict(saved);
          torch.noGrad(() => after.weights.map((w, i) => w.copy_(weights[i]!)));
          ({ weights, optimizer } = after);
        }
        let at = step * 35;
        for (const w of weights) {
          w.grad = torch.tensor(grads.slice(at, at + w.numel())).view(w.shape);
          at += w.numel();
        }
        optimizer.step();
        expectClose(flat(weights), rows.subarray(step * 35, (step + 1) * 35), tolerance(test), `weights after step ${step + 1}`);
      }
      expectState(optimizer.stateDict(), test, values);
    },
  );
});

function expectState(got: OptimizerStateDict, test: Case, values: (i: number) => Float32Array | Float64Array): void {
  expect(got.param_groups).toMatchObject(
    test.state_dict.param_groups.map((g) => Object.fromEntries(Object.entries(g).map(([k, v]) => [k, plain(v)]))),
  );
  expect(Object.keys(got.state)).toEqual(Object.keys(test.state_dict.state));
  for (const [number, entries] of Object.entries(test.state_dict.state)) {
    expect(Object.keys(got.state[number]!).sort()).toEqual(Object.keys(entries).sort());
    for (const [key, value] of Object.entries(entries)) {
      const mine = got.state[number]![key];
      if (typeof value !== "object" || value === null || !("$t" in value)) expect(mine).toEqual(plain(value));
      else {
        const wanted = values(value.$t);
        const most = Math.max(...Array.from(wanted, Math.abs));
        expectClose((mine as Tensor).toTypedArraySync() as Float32Array, wanted, 2e-6 * most, `${number}.${key}`);
        expect((mine as Tensor).shape).toEqual(test.tensors[value.$t]!.s);
      }
    }
  }
}

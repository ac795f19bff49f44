import { describe, expect, test } from "vitest";
import { isDType } from "../../src/core/dtype.ts";
import * as torch from "../../src/index.ts";
import { complaints } from "../opinfo/agree.ts";
import { infos } from "../opinfo/index.ts";
import { Data, type DType, type OpInfo, type Sample } from "../opinfo/info.ts";
import {
  type Call,
  describeCall,
  entryOf,
  filler,
  invoke,
  type LayoutName,
  layouts,
  numbers,
  prepare,
  sameShape,
  tensorsOf,
} from "../opinfo/realize.ts";
import { devices, flushes, holds } from "../support/devices.ts";

/** Every call of an op that is compared: all layouts with its first dtype, and with each other dtype one of two by turns. */
function* calls(info: OpInfo): Iterable<{ sample: Sample; dtype: DType; layout: LayoutName; seed: number }> {
  for (const [i, sample] of info.samples.entries()) {
    const taken = info.dtypes.filter((d) => sample.dtypes?.includes(d) ?? true);
    for (const [k, dtype] of taken.entries()) {
      for (const layout of k === 0 ? layouts : ([(i + k) % 2 === 0 ? "contiguous" : "stepped"] as const))
        yield { sample, dtype, layout, seed: i + 1 };
    }
  }
}

/** Runs `check` for all calls; fails with the first few sentences that it gives. */
async function forAll(
  name: string,
  device: string,
  info: OpInfo,
  check: (c: Call, dtype: DType, layout: LayoutName) => Promise<readonly string[]>,
): Promise<void> {
  const found: string[] = [];
  for (const { sample, dtype, layout, seed } of calls(info)) {
    if (!holds(device, dtype)) continue;
    const text = describeCall(name, sample, dtype, layout);
    try {
      const call = prepare(info, sample, dtype, layout, device, new Data(seed));
      if (call.args.some((a) => isDType(a) && !holds(device, a))) continue;
      for (const c of await check(call, dtype, layout)) found.push(`${text}: ${c}`);
    } catch (e) {
      if (layout !== "contiguous" && info.refusesLayouts !== undefined && (e as Error).message.startsWith(info.refusesLayouts)) continue;
      found.push(`${text}: ${(e as Error).stack?.split("\n").slice(0, 3).join(" ")}`);
    }
  }
  if (found.length > 0) expect.fail(`${found.length} of them:\n${found.slice(0, 8).join("\n")}`);
}

const isPlainObject = (a: unknown): boolean => typeof a === "object" && a !== null && Object.getPrototypeOf(a) === Object.prototype;
/** The same call with the arguments that have names given by name; null where none has. */
function byName(name: string, args: readonly unknown[]): readonly unknown[] | null {
  const op = entryOf(name);
  const names = (op.params ?? []).map((p) => (typeof p === "string" ? p : p.name));
  const from = op.arity ?? 1;
  const rest = op.variadic ? [args.slice(from).flat()] : args.slice(from);
  if (rest.length === 0 || names.length === 0 || rest.some(isPlainObject)) return null;
  return [...args.slice(0, from), Object.fromEntries(rest.map((a, i) => [names[i]!, a]))];
}

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
const all = async (result: unknown): Promise<number[]> => (await Promise.all(tensorsOf(result).map(numbers))).flat();

/** The in-place twin writes what the op gives into the tensor itself and nothing beside it, or refuses and writes nothing. */
async function inPlace(name: string, { args, operands }: Call, dtype: DType): Promise<readonly string[]> {
  const { tensor, gaps } = operands[0]!;
  const result = tensorsOf(invoke(name, args))[0]!;
  const repeats = tensor.numel() > 0 && tensor.shape.some((n, d) => n > 1 && tensor.stride(d) === 0);
  const castable = ["bool", "int", "float"].indexOf(result.dtype.category) <= ["bool", "int", "float"].indexOf(dtype.category);
  if (!sameShape(result.shape, tensor.shape) || repeats || !castable) {
    const before = await numbers(tensor);
    expect(() => invoke(`${name}_`, args)).toThrow(
      /output with shape|more than one element of the written-to tensor|can't be cast to the desired output type|not implemented for 'Bool'/,
    );
    return sameNumbers(await numbers(tensor), before) ? [] : ["was written to, though it raised"];
  }
  const expected = result.to(dtype);
  const version = tensor.version;
  if (invoke(`${name}_`, args) !== tensor) return ["did not give back the tensor"];
  const wrong: string[] = [];
  if (tensor.version !== version + 1) wrong.push(`${tensor.version - version} versions`);
  // One wait for all that is read.
  const [meant, written, ...around] = (await Promise.all([expected, tensor, ...gaps].map(numbers))) as [number[], number[], ...number[][]];
  if (!sameNumbers(written, meant)) wrong.push(`gives ${written} instead of ${meant}`);
  for (const gap of around) if (!gap.every((v) => Object.is(v, filler(dtype)))) wrong.push("wrote beside the tensor");
  return wrong;
}

describe.each(devices)("on %s", (device) => {
  describe.each(Object.entries(infos) as [string, OpInfo][])("%s", (name, info) => {
    test("values, shapes and dtypes", () =>
      forAll(name, device, info, (c, dtype) => complaints(info, invoke(name, c.args), info.reference(...c.plain), dtype, flushes(device))));

    if (entryOf(name).inplace) test("in place", () => forAll(name, device, info, (c, dtype) => inPlace(name, c, dtype)));

    if (info.view !== undefined) {
      test(`${info.view === true ? "shares" : "shares where it can"} the storage`, () =>
        forAll(name, device, info, async (c) => {
          const x = c.operands[0]!.tensor;
          const results = tensorsOf(invoke(name, c.args));
          return results.every((y) => y.untypedStorage() === x.untypedStorage()) || (info.view === "maybe" && !x.isContiguous())
            ? []
            : ["is a copy"];
        }));
    }

    if (info.refuses !== undefined) {
      test.each(
        info.refuses.flatMap(([dtypes, sentence]) => dtypes.filter((d) => holds(device, d)).map((d) => [d.name, d, sentence] as const)),
      )("refuses %s", (_, dtype, sentence) => {
        const { args } = prepare(info, info.samples[0]!, dtype, "contiguous", device, new Data());
        expect(() => invoke(name, args)).toThrow(torch.TorchletError);
        expect(() => invoke(name, args)).toThrow(sentence);
      });
    }
  });
});

describe.each(Object.entries(infos) as [string, OpInfo][])("%s", (name, info) => {
  test("is called as a method, as a function and by names alike", () =>
    forAll(name, "cpu", { ...info, dtypes: info.dtypes.slice(0, 1) }, async (c, _, layout) => {
      if (layout !== "contiguous" || info.undefinedValues) return [];
      const expected = await all(invoke(name, c.args));
      const wrong: string[] = [];
      if (!sameNumbers(await all(entryOf(name)(...c.args)), expected)) wrong.push("as a function");
      const named = byName(name, c.args);
      if (named !== null && !sameNumbers(await all(invoke(name, named)), expected)) wrong.push("by names");
      return wrong;
    }));
});

/** Section modules: constructors and their initial state, repr, state dicts, forward in both modes, gradients, changed buffers. */
import type { TensorLike } from "../api.ts";
import type { Context, Section } from "../context.ts";
import { type Case, decode, decodeEntries, type Json, type JsonObject } from "../corpus.ts";
import { expect, Mismatch } from "../outcome.ts";
import { Interpreter } from "../python/evaluator.ts";
import { entriesOf } from "../structure.ts";
import { CaseTensors, call, checkNear, checkTensor, manualSeed } from "../tensors.ts";
import { checkRun } from "./run-fields.ts";

export const modules: Section = { run };

/** What the runner uses of a module, which is also a function. */
export interface ModuleLike {
  (...input: readonly unknown[]): unknown;
  train(mode?: boolean): unknown;
  eval(): unknown;
  readonly training: boolean;
  stateDict(): unknown;
  loadStateDict(state: unknown): unknown;
  namedParameters(): Iterable<readonly [string, TensorLike]>;
  parameters(): Iterable<TensorLike>;
}

async function run(test: Case, context: Context): Promise<void> {
  const { api } = context;
  const inputs = new CaseTensors(api, test);
  const recorded = new Map(Object.entries(test.field<Record<string, number>>("state") ?? {}));
  const module = await build(test, context, inputs);

  const repr = test.field<string>("repr");
  expect(String(module) === repr, () => `repr is ${JSON.stringify(String(module))}, expected ${JSON.stringify(repr)}`);
  if (test.field("init") === "default") await checkState("initial state", test, module, recorded, "exact");
  else checkKeys(stateOf(module), recorded);

  await call(api, api.attribute(module, "load_state_dict"), [new Map([...recorded].map(([name, k]) => [name, inputs.tensor(k)]))]);
  await checkState("state after loadStateDict", test, module, recorded, "exact");
  const training = test.field<boolean>("training") === true;
  if (training) module.train();
  else module.eval();
  expect(module.training === training, () => `training is ${module.training}`);

  const args = (test.field<readonly Json[]>("args") ?? []).map((value) => decode(value, inputs));
  const keywords = decodeEntries(test.field<JsonObject>("kwargs") ?? {}, inputs);
  const got = await call(api, module, args, keywords);
  await checkRun(api, test, inputs, got, { mode: "close", direct: true, parameter: (name) => parameter(module, name) });

  const changed = new Map(Object.entries(test.field<Record<string, number>>("state_after") ?? {}));
  const state = stateOf(module);
  for (const [name, index] of recorded) {
    const tensor = state.get(name);
    if (!tensor) throw new Mismatch(`${name} is no longer in the state`);
    const after = changed.get(name);
    if (after === undefined) await checkTensor(`${name} after the call`, tensor, test, { t: index }, "exact");
    else await checkNear(`${name} after the call`, tensor, test, after);
  }
}

async function build(test: Case, context: Context, inputs: CaseTensors): Promise<ModuleLike> {
  const net = test.field<string>("net");
  if (net !== undefined) return await buildContainer(net, test.field<string>("repr") ?? "", context);
  const args = (test.field<readonly Json[]>("ctor_args") ?? []).map((value) => decode(value, inputs));
  const keywords = decodeEntries(test.field<JsonObject>("ctor_kwargs") ?? {}, inputs);
  manualSeed(context.api, test.field<number>("seed") ?? 0);
  const cls = context.api.resolve(test.group.text("cls") ?? "");
  return (await call(context.api, cls, args, keywords)) as ModuleLike;
}

/** Builds the net that a repr shows: every line of it is a constructor call, and indented lines are its children. */
async function buildContainer(name: string, repr: string, { api }: Context): Promise<ModuleLike> {
  const nn = api.resolve("torch.nn") as object;
  const interpreter = new Interpreter(api, { nn, torch: api.torch }, (id) => (api.has(nn, id) ? api.attribute(nn, id) : undefined));
  const source = constructorOf(repr.split("\n"));
  if (!source) throw new Mismatch(`the net ${name} cannot be read from its repr`);
  return (await interpreter.evaluate(source)) as ModuleLike;
}

/** The Python expression that makes the module which these lines show. */
function constructorOf(lines: readonly string[]): string {
  const [first = ""] = lines;
  const line = first.trim();
  if (!line.endsWith("(")) return line;
  const type = line.slice(0, -1);
  const children = childrenOf(lines.slice(1, -1));
  switch (type) {
    case "Sequential":
      if (children.every(([key]) => /^\d+$/.test(key))) return `nn.Sequential(${children.map(([, source]) => source).join(", ")})`;
      return `nn.Sequential({${children.map(([key, source]) => `'${key}': ${source}`).join(", ")}})`;
    case "ModuleList":
      return `nn.ModuleList([${children.map(([, source]) => source).join(", ")}])`;
    case "ModuleDict":
      return `nn.ModuleDict({${children.map(([key, source]) => `'${key}': ${source}`).join(", ")}})`;
    case "TransformerEncoder":
      return encoderOf(lines);
    case "TransformerEncoderLayer":
      return encoderLayerOf(lines);
    default:
      return "";
  }
}

/** [name, source] of the children: the lines indented by two more, with what is indented below each. */
function childrenOf(lines: readonly string[]): (readonly [string, string])[] {
  const indent = /^ */.exec(lines[0] ?? "")?.[0].length ?? 0;
  const blocks: { key: string; lines: string[] }[] = [];
  for (const line of lines) {
    const start = new RegExp(`^ {${indent}}\\((.*?)\\): (.*)$`).exec(line);
    if (start) blocks.push({ key: start[1] as string, lines: [start[2] as string] });
    else blocks.at(-1)?.lines.push(line);
  }
  return blocks.map(({ key, lines: own }) => [key, constructorOf(own)] as const);
}

function encoderOf(lines: readonly string[]): string {
  const text = lines.join("\n");
  const depth = text.match(/: TransformerEncoderLayer\(/g)?.length ?? 0;
  const layer = text.slice(text.indexOf("TransformerEncoderLayer("));
  const norm = /\n {2}\(norm\): LayerNorm\((.*)\)\n/.exec(text);
  return `nn.TransformerEncoder(${encoderLayerOf(layer.split("\n"))}, ${depth}${norm ? `, norm=nn.LayerNorm(${norm[1]})` : ""})`;
}

/** A repr does not show the heads; the recorded nets of width 8 have two, and their data say whether batches come first. */
function encoderLayerOf(lines: readonly string[]): string {
  const text = lines.join("\n");
  const width = /\(out_proj\): \w+\(in_features=(\d+)/.exec(text)?.[1];
  const hidden = /\(linear1\): Linear\(in_features=\d+, out_features=(\d+)/.exec(text)?.[1];
  const dropout = /\(dropout\): Dropout\(p=([\d.]+)/.exec(text)?.[1];
  return `nn.TransformerEncoderLayer(${width}, 2, ${hidden}, dropout=${dropout})`;
}

export function stateOf(module: ModuleLike): ReadonlyMap<string, TensorLike> {
  const state = entriesOf(module.stateDict());
  if (!state) throw new Mismatch("stateDict() is not a dict");
  return state as ReadonlyMap<string, TensorLike>;
}

function checkKeys(state: ReadonlyMap<string, unknown>, recorded: ReadonlyMap<string, number>): void {
  const [got, wanted] = [[...state.keys()].join(), [...recorded.keys()].join()];
  expect(got === wanted, () => `stateDict() has ${got}, expected ${wanted}`);
}

async function checkState(
  what: string,
  test: Case,
  module: ModuleLike,
  recorded: ReadonlyMap<string, number>,
  mode: "exact",
): Promise<void> {
  const state = stateOf(module);
  checkKeys(state, recorded);
  for (const [name, t] of recorded) await checkTensor(`${what}: ${name}`, state.get(name) as TensorLike, test, { t }, mode);
}

function parameter(module: ModuleLike, name: string): TensorLike {
  for (const [key, value] of module.namedParameters()) if (key === name) return value;
  throw new Mismatch(`there is no parameter ${name}`);
}

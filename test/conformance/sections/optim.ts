/** Section optim: twenty steps on a small net, by its own gradients and by the recorded ones; defaults and state dicts; clipping. */
import type { Api, TensorLike } from "../api.ts";
import { compareClose, type Elements, errorBetween } from "../compare.ts";
import type { Context, Section } from "../context.ts";
import { type Case, decode, decodeEntries, type Json, type JsonObject, type RecordedValue } from "../corpus.ts";
import { check, expect, Mismatch } from "../outcome.ts";
import { camelCase } from "../python/names.ts";
import { parseExpression } from "../python/parser.ts";
import { driveNow, fromJs, numberOf, PyFloat, PyFunction, PyTuple } from "../python/values.ts";
import { entriesOf, listOf } from "../structure.ts";
import { CaseTensors, call, checkNear, fromElements, makeTensor, read } from "../tensors.ts";
import { runClipGrad } from "./clip-grad.ts";
import { interpreterOf } from "./environment.ts";

export const optim: Section = { run, dtypes: (test) => (test.group.name === "clip_grad" ? test.dtypes : new Set(["float32"])) };

const LOSS = parseExpression("((torch.tanh(x @ w1 + b1) @ w2 - y) ** 2).mean()");
const WEIGHTS = ["w1", "b1", "w2"] as const;

async function run(test: Case, context: Context): Promise<void> {
  if (test.group.name === "clip_grad") return await runClipGrad(test, context);
  await closedLoop(test, context);
  if (test.field<number>("grads") !== undefined) await openLoop(test, context);
}

/** The net's weights, an optimizer over them, and the loss. */
class Problem {
  readonly api: Api;
  readonly weights: readonly TensorLike[];
  readonly optimizer: object;
  readonly #loss: () => TensorLike;

  constructor(api: Api, weights: readonly TensorLike[], optimizer: object, loss: () => TensorLike) {
    this.api = api;
    this.weights = weights;
    this.optimizer = optimizer;
    this.#loss = loss;
  }

  loss(): TensorLike {
    return this.#loss();
  }

  async step(...args: readonly unknown[]): Promise<unknown> {
    return await call(this.api, this.api.attribute(this.optimizer, "step"), args);
  }

  zeroGrad(): void {
    driveNow(this.api.call(this.api.attribute(this.optimizer, "zero_grad"), [], new Map()));
  }

  /** The weights in one row. */
  async row(): Promise<number[]> {
    const rows: number[] = [];
    for (const weight of this.weights) rows.push(...Array.from(await read(weight), Number));
    return rows;
  }
}

async function problemOf(test: Case, { api }: Context): Promise<Problem> {
  const data = test.field<Record<string, number>>("data") ?? {};
  const tensors = Object.fromEntries(Object.entries(data).map(([name, k]) => [name, makeTensor(api, test.tensor(k))]));
  const weights = WEIGHTS.map((name) => tensors[name] as TensorLike);
  for (const weight of weights) weight.requiresGrad = true;
  const inputs = new CaseTensors(api, test);
  const options = decodeEntries(test.field<JsonObject>("options") ?? {}, inputs);
  const defaults = decodeEntries(test.field<JsonObject>("defaults") ?? {}, inputs);
  const groups = groupsOf(test.field<string>("param_groups") ?? "", tensors, Number(numberOf(options.get("lr") ?? defaults.get("lr"))));
  const optimizer = (await call(api, api.resolve(test.group.text("cls") ?? ""), [groups], options)) as object;
  const interpreter = interpreterOf(api, tensors);
  const problem = new Problem(api, weights, optimizer, () => driveNow(interpreter.expression(LOSS, interpreter.globals)) as TensorLike);
  checkSettings("defaults", Reflect.get(optimizer, "defaults"), defaults);
  return problem;
}

/** `[{w1}, {b1, w2; lr = lr/3}]`, or the plain list of weights where there is one group without settings. */
function groupsOf(text: string, tensors: Readonly<Record<string, TensorLike>>, lr: number): unknown[] {
  const groups = [...text.matchAll(/\{([^};]*)(?:;\s*lr = lr\/(\d+))?\}/g)].map(([, names = "", divisor]) => {
    const params = names.split(",").map((name) => tensors[name.trim()] as TensorLike);
    const entries: [string, unknown][] = [["params", params]];
    if (divisor) entries.push(["lr", new PyFloat(lr / Number(divisor))]);
    return new Map(entries);
  });
  expect(groups.length > 0, () => `the groups ${text} are not understood`);
  return groups.length === 1 ? (groups[0]?.get("params") as unknown[]) : groups;
}

/** Loss, backward, step, as a user trains. Compared as long as float32 and float64 agree. */
async function closedLoop(test: Case, context: Context): Promise<void> {
  const problem = await problemOf(test, context);
  const params = test.field<Required<RecordedValue>>("params") as Required<RecordedValue>;
  const losses = test.field<{ t: number; truth: number }>("loss") as { t: number; truth: number };
  const [value, truth] = [test.elements(losses.t), test.elements(losses.truth)] as [Elements, Elements];
  const agree = test.field<number>("agree_steps") ?? 0;
  const steps = test.tensor(params.t as number).shape[0] as number;
  let calls = 0;
  const closure = (): TensorLike => {
    calls++;
    problem.zeroGrad();
    const loss = problem.loss();
    driveNow(problem.api.call(problem.api.attribute(loss, "backward"), [], new Map()));
    return loss;
  };
  const wantsClosure = test.field("closure_calls") !== undefined;
  for (let step = 0; step < steps; step++) {
    const loss = wantsClosure ? await problem.step(new PyFunction("closure", closure)) : closure();
    if (!wantsClosure) await problem.step();
    if (step >= agree) continue;
    const got = await lossOf(problem.api, loss);
    const error = errorBetween(value, truth);
    check(`loss ${step}`, compareClose([got], { value: [value[step] as number], truth: [truth[step] as number], error }));
    checkRow(test, `weights after step ${step + 1}`, await problem.row(), params, step, params.truth);
  }
  const recorded = test.field<readonly number[]>("closure_calls");
  if (recorded && agree === steps)
    expect(recorded.includes(calls), () => `the closure ran ${calls} times, expected ${recorded.join(" or ")}`);
}

async function lossOf(api: Api, loss: unknown): Promise<number> {
  return api.isTensor(loss) ? Number((await read(loss))[0]) : Number(numberOf(loss));
}

function checkRow(test: Case, what: string, got: Elements, params: Required<RecordedValue>, step: number, truth: number | null): void {
  const width = got.length;
  const slice = (k: number): Elements => test.elements(k).slice(step * width, (step + 1) * width) as Elements;
  check(what, compareClose(got, { value: slice(params.t as number), truth: truth === null ? null : slice(truth), error: params.err }));
}

/** The recorded gradients step by step: what is left is the optimizer's own arithmetic. */
async function openLoop(test: Case, context: Context): Promise<void> {
  const { api } = context;
  const problem = await problemOf(test, context);
  const grads = test.elements(test.field<number>("grads") as number);
  const params = test.field<Required<RecordedValue>>("params") as Required<RecordedValue>;
  const [steps, width] = test.tensor(params.t as number).shape as [number, number];
  for (let step = 0; step < steps; step++) {
    let at = step * width;
    for (const weight of problem.weights) {
      const size = weight.shape.reduce((a, b) => a * b, 1);
      const flat = fromElements(api, "float32", grads.slice(at, at + size) as Elements);
      weight.grad = (await call(api, api.attribute(flat, "reshape"), [weight.shape.map(fromJs)])) as TensorLike;
      at += size;
    }
    await problem.step();
    checkRow(test, `weights after step ${step + 1} of recorded gradients`, await problem.row(), params, step, null);
  }
  await checkStateDict(test, context, problem);
}

async function checkStateDict(test: Case, { api }: Context, problem: Problem): Promise<void> {
  const recorded = test.field<{ state: JsonObject; param_groups: readonly JsonObject[] }>("state_dict");
  if (!recorded) return;
  const dict = await call(api, api.attribute(problem.optimizer, "state_dict"), []);
  const state = entriesOf(pick(dict, "state"));
  const groups = listOf(pick(dict, "param_groups"));
  if (!state || !groups) throw new Mismatch("stateDict() has no state or no param_groups");
  const inputs = new CaseTensors(api, test);
  for (const [i, group] of recorded.param_groups.entries()) checkSettings(`param_groups[${i}]`, groups[i], decodeEntries(group, inputs));
  for (const [index, entries] of Object.entries(recorded.state)) {
    const own = state.get(index) ?? (state as ReadonlyMap<unknown, unknown>).get(Number(index));
    for (const [name, value] of Object.entries(entries as JsonObject)) {
      await checkStateEntry(api, test, `state[${index}].${name}`, pick(own, name), value);
    }
  }
}

async function checkStateEntry(api: Api, test: Case, what: string, got: unknown, recorded: Json): Promise<void> {
  if (recorded === null) {
    expect(got === null || got === undefined, () => `${what}: there is one, expected none`);
    return;
  }
  const index = typeof recorded === "object" && "$t" in recorded ? (recorded["$t"] as number) : null;
  if (index !== null && api.isTensor(got)) return await checkNear(what, got, test, index, 2);
  const wanted = index === null ? Number(numberOf(decode(recorded, new CaseTensors(api, test)))) : Number(test.elements(index)[0]);
  const number = api.isTensor(got) ? Number((await read(got))[0]) : Number(got);
  expect(Math.abs(number - wanted) <= 1e-6 * Math.abs(wanted), () => `${what}: ${number}, expected ${wanted}`);
}

/** Settings by their Python names; an object of the library may spell them in camelCase. */
function checkSettings(what: string, got: unknown, recorded: ReadonlyMap<string, unknown>): void {
  for (const [name, wanted] of recorded) {
    const value = pick(got, name);
    expect(sameSetting(value, wanted), () => `${what}.${name}: ${String(value)}, expected ${describe(wanted)}`);
  }
}

function sameSetting(got: unknown, wanted: unknown): boolean {
  const items = listOf(wanted);
  if (items) {
    const values = listOf(got);
    return values !== null && values.length === items.length && items.every((item, i) => sameSetting(values[i], item));
  }
  const number = typeof wanted === "boolean" ? null : numberOf(wanted);
  if (number === null) return (got ?? null) === wanted;
  return typeof got !== "boolean" && Math.abs(Number(got) - Number(number)) <= 1e-12 * Math.abs(Number(number));
}

function describe(value: unknown): string {
  if (value instanceof PyTuple) return `(${value.items.map(describe).join(", ")})`;
  return value instanceof PyFloat ? String(value.value) : String(value);
}

function pick(owner: unknown, name: string): unknown {
  if (owner instanceof Map) return owner.get(name) ?? owner.get(camelCase(name));
  if (typeof owner !== "object" || owner === null) return undefined;
  return Reflect.get(owner, name) ?? Reflect.get(owner, camelCase(name));
}

/** Section training: sixty steps of a small net from a seed: initial state, order of the data, losses, final state and answer. */
import type { Api, TensorLike } from "../api.ts";
import { compareClose, type Elements, tolerance } from "../compare.ts";
import type { Context, Section } from "../context.ts";
import type { Case, RecordedValue } from "../corpus.ts";
import { check, expect, Mismatch } from "../outcome.ts";
import type { Interpreter } from "../python/evaluator.ts";
import { PyFunction } from "../python/values.ts";
import { CaseTensors, checkTensor, makeTensor, manualSeed, read, withoutGrad } from "../tensors.ts";
import { interpreterOf, namesIn } from "./environment.ts";
import { type ModuleLike, stateOf } from "./modules.ts";
import { type Recipe, recipeOf } from "./training-recipes.ts";

/** Losses are stored as float64; the runs themselves need no more than this. */
const DTYPES: ReadonlySet<string> = new Set(["float32", "int64", "uint8", "bool"]);

export const training: Section = { run, dtypes: () => DTYPES };

async function run(test: Case, context: Context): Promise<void> {
  const { api } = context;
  const recipe = recipeOf(test);
  const interpreter = interpreterOf(api, {}, namesIn(api, ["torch.nn", "torch.nn.functional", "torch"]));
  const inputs = new CaseTensors(api, test);
  const data = test.field<Record<string, number>>("data") ?? {};
  for (const [name, index] of Object.entries(data)) interpreter.globals.set(name, makeTensor(api, test.tensor(index)));

  manualSeed(api, test.field<number>("seed") ?? 0);
  await interpreter.run(recipe.build);
  const model = interpreter.globals.get("model") as ModuleLike;
  await checkInitialState(test, model);
  await interpreter.run(recipe.order);
  await checkTensor("order", interpreter.globals.get("order") as TensorLike, test, { t: test.field<number>("order") as number }, "exact");
  interpreter.globals.set("order", inputs.tensor(test.field<number>("order") as number));

  await trainAll(test, interpreter, recipe, api, model);
  await checkFinalState(test, model);
  await withoutGrad(api, async () => await checkAnswer(test, interpreter, recipe));
}

async function checkInitialState(test: Case, model: ModuleLike): Promise<void> {
  const recorded = test.field<Record<string, number>>("init_state") ?? {};
  const state = stateOf(model);
  const keys = [...state.keys()].join();
  expect(keys === Object.keys(recorded).join(), () => `stateDict() has ${keys}, expected ${Object.keys(recorded).join()}`);
  for (const [name, t] of Object.entries(recorded)) {
    await checkTensor(`initial ${name}`, state.get(name) as TensorLike, test, { t }, "exact");
  }
}

async function trainAll(test: Case, interpreter: Interpreter, recipe: Recipe, api: Api, model: ModuleLike): Promise<void> {
  bindOptimizer(interpreter, api, model);
  await interpreter.run(`optimizer = ${recipe.optimizer}`);
  const recorded = test.field<Required<RecordedValue>>("loss") as Required<RecordedValue>;
  const [value, truth] = [test.elements(recorded.t as number), test.elements(recorded.truth)] as [Elements, Elements];
  for (let step = 0; step < value.length; step++) {
    interpreter.globals.set("step", BigInt(step));
    await interpreter.run(recipe.batch);
    const loss = (await interpreter.run(
      "optimizer.zero_grad()\nloss = cross_entropy_of(model, x, y)\nloss.backward()\noptimizer.step()\nloss",
    )) as TensorLike;
    const got = [Number((await read(loss))[0])];
    const expected = { value: [value[step] as number], truth: [truth[step] as number], error: recorded.err };
    check(`loss of step ${step}`, compareClose(got, expected));
  }
}

/** `SGD(lr=0.1)` in a text means an optimizer over the model's parameters. */
function bindOptimizer(interpreter: Interpreter, api: Api, model: ModuleLike): void {
  const owner = api.resolve("torch.optim") as object;
  for (const name of ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam"]) {
    if (!api.has(owner, name)) continue;
    interpreter.globals.set(
      name,
      new PyFunction(name, (args, keywords) => api.call(api.attribute(owner, name), [[...model.parameters()], ...args], keywords)),
    );
  }
}

async function checkFinalState(test: Case, model: ModuleLike): Promise<void> {
  const state = stateOf(model);
  const loose = test.field<Record<string, RecordedValue>>("final_state") ?? {};
  for (const [name, recorded] of Object.entries(loose)) {
    const tensor = state.get(name);
    if (!tensor) throw new Mismatch(`${name} is not in the final state`);
    await checkTensor(`final ${name}`, tensor, test, recorded);
  }
}

async function checkAnswer(test: Case, interpreter: Interpreter, recipe: Recipe): Promise<void> {
  const final = test.field<Record<string, number | string>>("final") ?? {};
  for (const [name, wanted] of Object.entries(final)) {
    const program = recipe.answers[name];
    if (program === undefined) throw new Mismatch(`the answer ${name} is not known here`);
    const got = await interpreter.run(program);
    if (typeof wanted === "string") expect(got === wanted, () => `${name}: ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);
    else {
      const value = Number((await read(got as TensorLike))[0]);
      const allowed = recipe.samples === null ? tolerance([0, wanted]) : 2.5 / recipe.samples; // two samples may lie on the border of two classes
      check(name, compareClose([value], { value: [wanted], truth: null, error: [0, wanted] }, allowed));
    }
  }
}

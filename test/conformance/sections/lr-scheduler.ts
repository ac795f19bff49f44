/** Section lr_scheduler: the learning rates (and momenta) of two groups over thirty steps. */
import type { Api } from "../api.ts";
import type { Context, Section } from "../context.ts";
import { type Case, decodeEntries, type JsonObject } from "../corpus.ts";
import { expect, Mismatch } from "../outcome.ts";
import { PyFloat, PyFunction } from "../python/values.ts";
import { CaseTensors, call } from "../tensors.ts";
import { interpreterOf } from "./environment.ts";

export const lrScheduler: Section = { run };

type Pair = readonly [number, number];

/** Schedulers that take no optimizer: their parts have it. */
const WITHOUT_OPTIMIZER: ReadonlySet<string> = new Set(["ChainedScheduler"]);

async function run(test: Case, { api }: Context): Promise<void> {
  const optimizer = (await interpreterOf(api).run(
    "p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))\n" +
      "optim.SGD([{'params': [p], 'lr': 0.1}, {'params': [q], 'lr': 0.05}], lr=0.1, momentum=0.9)",
  )) as object;
  const scheduler = await build(test, api, optimizer);
  const rates = test.field<readonly Pair[]>("lr") ?? [];
  const momenta = test.field<readonly Pair[] | null>("momentum") ?? null;
  const metric = test.field<readonly number[]>("metric");
  checkGroups(optimizer, "lr", rates[0], 0);
  if (momenta) checkGroups(optimizer, "momentum", momenta[0], 0);
  for (let step = 1; step < rates.length; step++) {
    await call(api, api.attribute(optimizer, "step"), []);
    await call(api, api.attribute(scheduler, "step"), metric ? [new PyFloat(metric[step - 1] as number)] : []);
    checkGroups(optimizer, "lr", rates[step], step);
    if (momenta) checkGroups(optimizer, "momentum", momenta[step], step);
  }
}

/** From `kwargs`, or from a text: the arguments behind the optimizer, in which further schedulers stand without theirs. */
async function build(test: Case, api: Api, optimizer: object): Promise<object> {
  const path = test.group.text("cls") ?? "";
  const name = path.split(".").at(-1) as string;
  const spec = test.field<string | null>("spec") ?? null;
  if (spec === null) {
    const keywords = decodeEntries(test.field<JsonObject>("kwargs") ?? {}, new CaseTensors(api, test));
    return (await call(api, api.resolve(path), [optimizer], keywords)) as object;
  }
  const schedulers = path.slice(0, path.lastIndexOf("."));
  const owner = api.resolve(schedulers) as object;
  const interpreter = interpreterOf(api, {}, (id) => {
    if (!api.has(owner, id)) return undefined;
    const first = WITHOUT_OPTIMIZER.has(id) ? [] : [optimizer];
    return new PyFunction(id, (args, keywords) => api.call(api.attribute(owner, id), [...first, ...args], keywords));
  });
  if (!api.has(owner, name)) api.resolve(path); // says what is missing
  return (await interpreter.evaluate(`${name}(${spec})`)) as object;
}

function checkGroups(optimizer: object, field: string, wanted: Pair | undefined, step: number): void {
  const groups: unknown = Reflect.get(optimizer, "paramGroups");
  if (!Array.isArray(groups) || !wanted) throw new Mismatch("the optimizer has no paramGroups");
  for (const [i, value] of wanted.entries()) {
    const setting: unknown = Reflect.get(groups[i] as object, field);
    const number = Array.isArray(setting) ? Number(setting[0]) : Number(setting); // betas hold the momentum of Adam
    const near = Math.abs(number - value) <= 1e-12 + 1e-10 * Math.abs(value);
    expect(near, () => `${field} of group ${i} after ${step} steps: ${number}, expected ${value}`);
  }
}

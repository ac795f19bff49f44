/** Section printing: the text of tensors, under print options, and of other objects. */
import type { Api, TensorLike } from "../api.ts";
import { compareExact, numbers } from "../compare.ts";
import type { Context, Section } from "../context.ts";
import { type Case, decodeEntries, type JsonObject } from "../corpus.ts";
import { check, expect, Mismatch } from "../outcome.ts";
import { drive, PyFloat, PyFunction } from "../python/values.ts";
import { CaseTensors, call, callNow, read } from "../tensors.ts";
import { interpreterOf, namesIn } from "./environment.ts";

export const printing: Section = { run };

async function run(test: Case, context: Context): Promise<void> {
  const { api } = context;
  const options = test.field<JsonObject>("options");
  if (options) return await runOptions(test, api, options);
  const wanted = test.field<string>("text");
  if (wanted !== undefined) return checkText(String(await interpreterOf(api).evaluate(test.field<string>("expr") ?? "")), wanted);
  checkText(await textOf(api, await printedTensor(test, api)), test.field<string>("repr"));
}

async function runOptions(test: Case, api: Api, options: JsonObject): Promise<void> {
  const inputs = new CaseTensors(api, test);
  const set = api.resolve("torch.set_printoptions");
  await call(api, set, [], new Map([["profile", "default"]]));
  try {
    await call(api, set, [], decodeEntries(options, inputs));
    checkText(await textOf(api, inputs.tensor(test.field<number>("t") ?? 0)), test.field<string>("repr"));
  } finally {
    await call(api, set, [], new Map([["profile", "default"]]));
  }
}

/** The tensor to print. One with a grad_fn is made by its expression, any other from its stored elements. */
async function printedTensor(test: Case, api: Api): Promise<TensorLike> {
  const index = test.field<number>("t") ?? 0;
  const stored = new CaseTensors(api, test).tensor(index);
  const gradFn = test.field<string | null>("grad_fn") ?? null;
  if (gradFn === null) {
    if (test.field<boolean>("parameter")) {
      const keywords = new Map([["requires_grad", test.field<boolean>("requires_grad") === true]]);
      return (await call(api, api.resolve("torch.nn.Parameter"), [stored], keywords)) as TensorLike;
    }
    stored.requiresGrad = test.field<boolean>("requires_grad") === true;
    return stored;
  }
  const made = await shorthand(api).evaluate(test.field<string>("expr") ?? "");
  if (!api.isTensor(made)) throw new Mismatch("the expression gives no tensor");
  const { dtype } = test.tensor(index);
  check("the value of the expression", compareExact(await read(made), numbers(dtype, test.elements(index))));
  const name = nameOfNode(made.gradFn);
  expect(name === gradFn, () => `grad_fn is ${name}, expected ${gradFn}`);
  return made;
}

function nameOfNode(node: unknown): string {
  if (typeof node !== "object" && typeof node !== "function") return String(node);
  const name: unknown = node === null ? "null" : Reflect.get(node, "name");
  return typeof name === "function" ? String(Reflect.apply(name, node, [])) : String(name);
}

/** The abbreviations of the recorded expressions: `t(data, dtype)`, `i32`, and `w`, a leaf that holds 1 and 2. */
function shorthand(api: Api): ReturnType<typeof interpreterOf> {
  const types = {
    f16: "float16",
    bf16: "bfloat16",
    f32: "float32",
    f64: "float64",
    u8: "uint8",
    i8: "int8",
    i16: "int16",
    i32: "int32",
    i64: "int64",
  };
  const names: Record<string, unknown> = { nan: new PyFloat(Number.NaN), inf: new PyFloat(Number.POSITIVE_INFINITY) };
  for (const [short, name] of Object.entries(types)) names[short] = api.dtype(name);
  const tensor = api.resolve("torch.tensor");
  names["t"] = new PyFunction("t", (args, keywords) => {
    const [data, dtype] = args;
    return api.call(tensor, [data], dtype === undefined ? keywords : new Map([...keywords, ["dtype", dtype]]));
  });
  const w = callNow(api, "torch.tensor", [1, 2]) as TensorLike;
  w.requiresGrad = true;
  names["w"] = w;
  return interpreterOf(api, names, namesIn(api, ["torch", "torch.nn.functional", "torch.nn"]));
}

/** `repr(tensor)`, as on the CPU: on another device it ends in that device's name. */
async function textOf(api: Api, tensor: TensorLike): Promise<string> {
  const text = await drive(interpreterOf(api).model.repr(tensor));
  return api.device === "cpu" ? text : text.replace(new RegExp(`,\\s+device='${api.device}(:\\d+)?'`), "");
}

function checkText(got: string, wanted: string | undefined): void {
  expect(got === wanted, () => `${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);
}

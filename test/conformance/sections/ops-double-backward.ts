/**
 * Second derivatives: g_i = grad(out, inputs, cotangent v) with a graph, s = sum over i of sum(g_i * w_i), then the gradients of s
 * with respect to the inputs and v.
 */
import type { TensorLike } from "../api.ts";
import type { Context } from "../context.ts";
import { type Case, decode, decodeEntries, type Json, type JsonObject, type RecordedValue } from "../corpus.ts";
import { expect, Mismatch } from "../outcome.ts";
import { ObjectModel } from "../python/object-model.ts";
import { drive, type Run } from "../python/values.ts";
import { CaseTensors, callNow, checkTensor } from "../tensors.ts";
import { callOp } from "./ops-call.ts";
import { checkGradient, gradients } from "./run-fields.ts";

interface First extends RecordedValue {
  readonly of: number;
  /** The weights of the sum. */
  readonly w: number;
}

interface Second extends RecordedValue {
  readonly of: number | "cot";
}

export async function runDoubleBackward(test: Case, context: Context): Promise<void> {
  const { api } = context;
  const inputs = new CaseTensors(api, test);
  const args = (test.field<readonly Json[]>("args") ?? []).map((value) => decode(value, inputs));
  const keywords = decodeEntries(test.field<JsonObject>("kwargs") ?? {}, inputs);
  const out = await callOp(context, test.inherited("call") ?? "", { args, keywords });
  if (!api.isTensor(out)) throw new Mismatch("a tensor expected");
  const cotangent = inputs.tensor(test.field<number>("cot") as number);
  cotangent.requiresGrad = true;

  const first = test.field<readonly First[]>("first") ?? [];
  const g = await gradients(
    api,
    [out],
    first.map(({ of }) => inputs.tensor(of)),
    [cotangent],
    true,
  );
  for (const [i, recorded] of first.entries())
    await checkGradient(`gradient of input ${recorded.of}`, g[i] ?? null, test, recorded, "close");

  const s = (await drive(
    weightedSum(
      context,
      first.map(({ w }, i) => [g[i] as TensorLike, inputs.tensor(w)] as const),
    ),
  )) as TensorLike;
  await checkTensor("sum of the gradients", s, test, test.field<RecordedValue>("s") as RecordedValue);

  const second = test.field<readonly Second[]>("second") ?? [];
  expect(second.length > 0, () => "no second derivatives are recorded");
  const of = (k: number | "cot"): TensorLike => (k === "cot" ? cotangent : inputs.tensor(k));
  const h = await gradients(
    api,
    [s],
    second.map((r) => of(r.of)),
    [callNow(api, "torch.ones_like", s) as TensorLike],
  );
  for (const [i, recorded] of second.entries()) {
    await checkGradient(`second derivative by ${recorded.of}`, h[i] ?? null, test, recorded, "close");
  }
}

function* weightedSum(context: Context, pairs: readonly (readonly [TensorLike, TensorLike])[]): Run<unknown> {
  const model = new ObjectModel(context.api);
  let total: unknown = null;
  for (const [gradient, weight] of pairs) {
    const part = yield* model.method((yield* model.binary("*", gradient, weight)) as object, "sum");
    total = total === null ? part : yield* model.binary("+", total, part);
  }
  return total;
}

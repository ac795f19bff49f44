/** `clip_grad_norm_` and `clip_grad_value_`. */
import type { TensorLike } from "../api.ts";
import type { Context } from "../context.ts";
import { type Case, decodeEntries, type JsonObject } from "../corpus.ts";
import { expectError, type RecordedError } from "../errors.ts";
import { expect, Mismatch } from "../outcome.ts";
import { CaseTensors, call, callNow, checkNear, readAll } from "../tensors.ts";

export async function runClipGrad(test: Case, { api }: Context): Promise<void> {
  const inputs = new CaseTensors(api, test);
  const before = test.field<readonly (number | null)[]>("before") ?? [];
  const parameters = before.map((index) => {
    const parameter = callNow(api, "torch.ones", index === null ? [2] : test.tensor(index).shape) as TensorLike;
    parameter.requiresGrad = true;
    if (index !== null) parameter.grad = inputs.tensor(index);
    return parameter;
  });
  const keywords = decodeEntries(test.field<JsonObject>("kwargs") ?? {}, inputs);
  const clip = api.resolve(`torch.nn.utils.${test.field<string>("call")}`);
  const run = async (): Promise<unknown> => await call(api, clip, [parameters], keywords);
  const error = test.field<RecordedError>("error");
  if (error) return await expectError(error, async () => await readAll(api, await run()));

  const norm = await run();
  const returns = test.field<{ $t: number } | null>("returns") ?? null;
  if (returns === null) expect(norm === null, () => "there is a result, expected none");
  else if (api.isTensor(norm)) await checkNear("norm", norm, test, returns.$t);
  else throw new Mismatch("norm: a tensor expected");
  for (const [i, index] of (test.field<readonly (number | null)[]>("after") ?? []).entries()) {
    const grad = parameters[i]?.grad ?? null;
    if (index === null) expect(grad === null, () => `gradient ${i}: there is one, expected none`);
    else if (grad === null) throw new Mismatch(`gradient ${i}: there is none`);
    else await checkNear(`gradient ${i}`, grad, test, index);
  }
}

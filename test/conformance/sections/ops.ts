/** Section ops: one call per case, with its results, its gradients and its in-place form. */
import type { TensorLike } from "../api.ts";
import type { Context, Section } from "../context.ts";
import { type Case, decode, decodeEntries, type Json, type JsonObject } from "../corpus.ts";
import { expectError, type RecordedError } from "../errors.ts";
import { Mismatch } from "../outcome.ts";
import { CaseTensors, checkNear, checkTensor, type Mode, manualSeed, readAll, withoutGrad } from "../tensors.ts";
import { callOp } from "./ops-call.ts";
import { runDoubleBackward } from "./ops-double-backward.ts";
import { applyPost } from "./ops-post.ts";
import { promotionDTypes, runPromotion } from "./ops-promotion.ts";
import { checkRun, type RecordedOutput } from "./run-fields.ts";

export const ops: Section = { run, dtypes: (test) => (test.field("kind") === "promotion" ? promotionDTypes() : test.dtypes) };

interface InPlace {
  readonly call: string;
  readonly ok: boolean;
  readonly same?: boolean;
  readonly out?: number;
  readonly error?: RecordedError;
}

async function run(test: Case, context: Context): Promise<void> {
  switch (test.field("kind")) {
    case "error":
      return await runError(test, context);
    case "promotion":
      return await runPromotion(test, context);
    case "double_backward":
      return await runDoubleBackward(test, context);
    default:
      return await runCall(test, context);
  }
}

/** The arguments of a case; tensors are made anew for each set. */
export function argumentsOf(
  test: Case,
  context: Context,
): { inputs: CaseTensors; args: readonly unknown[]; keywords: ReadonlyMap<string, unknown> } {
  const inputs = new CaseTensors(context.api, test);
  const args = (test.field<readonly Json[]>("args") ?? []).map((value) => decode(value, inputs));
  return { inputs, args, keywords: decodeEntries(test.field<JsonObject>("kwargs") ?? {}, inputs) };
}

async function runError(test: Case, context: Context): Promise<void> {
  await expectError(test.field<RecordedError>("error") as RecordedError, async () => {
    const { args, keywords } = argumentsOf(test, context);
    await readAll(context.api, await callOp(context, callName(test), { args, keywords }));
  });
}

async function runCall(test: Case, context: Context): Promise<void> {
  const { inputs, args, keywords } = argumentsOf(test, context);
  const seed = test.field<number>("seed");
  if (seed !== undefined) manualSeed(context.api, seed);
  const result = await callOp(context, callName(test), { args, keywords });
  const post = test.group.text("post");
  const got = post === undefined ? result : applyPost(context.api, post, result, callName(test));
  await checkRun(context.api, test, inputs, got, { mode: modeOf(test), direct: post === undefined });
  const inPlace = test.field<InPlace>("inplace");
  if (inPlace) await withoutGrad(context.api, async () => await runInPlace(test, context, inPlace));
}

function modeOf(test: Case): Mode {
  const compare = test.inherited("compare");
  if (compare === "seeded" || compare === "exact") return "exact";
  if (compare === "close" || compare === "shape" || compare === "dtype") return compare;
  throw new Mismatch(`the comparison ${JSON.stringify(compare)} is not known here`);
}

/** `x_()` on a clone of the first argument. */
async function runInPlace(test: Case, context: Context, recorded: InPlace): Promise<void> {
  const { args, keywords } = argumentsOf(test, context);
  const what = recorded.call.replace("Tensor.", "");
  if (!recorded.ok) {
    await expectError(
      recorded.error as RecordedError,
      async () => await readAll(context.api, await callOp(context, recorded.call, { args, keywords })),
    );
    return;
  }
  const got = await callOp(context, recorded.call, { args, keywords });
  if (!context.api.isTensor(got)) throw new Mismatch(`${what}: a tensor expected`);
  await checkInPlace(what, got, test, recorded);
}

async function checkInPlace(what: string, got: TensorLike, test: Case, recorded: InPlace): Promise<void> {
  if (recorded.same) {
    const [out] = test.field<readonly RecordedOutput[]>("outs") ?? [];
    await checkTensor(what, got, test, out as RecordedOutput, modeOf(test));
  } else {
    await checkNear(what, got, test, recorded.out as number);
  }
}

function callName(test: Case): string {
  const name = test.inherited("call");
  if (name === undefined) throw new Mismatch("the case names no call");
  return name;
}

/** Type promotion: which dtype comes out for every pair of operand kinds. */
import type { Api } from "../api.ts";
import type { Context } from "../context.ts";
import type { Case, JsonObject } from "../corpus.ts";
import { expectError, type RecordedError } from "../errors.ts";
import { Mismatch, outcomeOf, Unsupported } from "../outcome.ts";
import { MissingAttribute, PyFloat } from "../python/values.ts";
import { fromElements, readAll } from "../tensors.ts";
import { callOp } from "./ops-call.ts";

type Entry = readonly [a: string, b: string | null, result: string | JsonObject];

/** Arguments that a call needs behind its tensor. */
const EXTRA_ARGUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  "torch.cumsum": [0n],
  "torch.softmax": [0n],
  "torch.logsumexp": [0n],
};
/** Calls that take their operands in one list. */
const LISTED: ReadonlySet<string> = new Set(["torch.cat", "torch.stack"]);

/** Entries name their dtypes one by one, so no case is unsupported as a whole. */
export function promotionDTypes(): ReadonlySet<string> {
  return new Set();
}

export async function runPromotion(test: Case, context: Context): Promise<void> {
  const call = test.inherited("call") ?? "";
  const problems: string[] = [];
  let left = 0;
  for (const entry of test.field<readonly Entry[]>("entries") ?? []) {
    if (!supported(entry, context)) {
      left++;
      continue;
    }
    try {
      await runEntry(call, entry, context);
    } catch (error) {
      if (error instanceof MissingAttribute) throw error;
      const outcome = outcomeOf(error);
      problems.push(`(${entry[0]}, ${entry[1]}): ${outcome.kind === "failed" ? outcome.why : outcome.kind}`);
    }
  }
  if (problems.length > 0) throw new Mismatch(`${problems.length} entries: ${problems.slice(0, 3).join("; ")}`);
  if (left > 0) throw new Unsupported(`${left} entries have dtypes that ${context.api.device} lacks`);
}

async function runEntry(call: string, [a, b, result]: Entry, context: Context): Promise<void> {
  const operands = [a, b].filter((kind) => kind !== null).map((kind) => operand(context.api, kind));
  const args = LISTED.has(call) ? [operands] : [...operands, ...(EXTRA_ARGUMENTS[call] ?? [])];
  const run = async (): Promise<unknown> => await callOp(context, call, { args, keywords: new Map() });
  if (typeof result !== "string") {
    await expectError(result["error"] as unknown as RecordedError, async () => await readAll(context.api, await run()));
    return;
  }
  const got = await run();
  if (!context.api.isTensor(got)) throw new Mismatch("a tensor expected");
  if (got.dtype.name !== result) throw new Mismatch(`dtype ${got.dtype.name}, expected ${result}`);
}

/** `int`, `float` and `bool` are Python's 1, 1.0 and True; `<dtype>:1d` and `<dtype>:0d` tensors of ones. */
function operand(api: Api, kind: string): unknown {
  if (kind === "int") return 1n;
  if (kind === "float") return new PyFloat(1);
  if (kind === "bool") return true;
  const [dtype = "", rank] = kind.split(":");
  const ones = dtype === "int64" ? BigInt64Array.of(1n, 1n) : [1, 1];
  const vector = fromElements(api, dtype, ones);
  return rank === "0d" ? vector.asStrided([], [], 0) : vector;
}

function supported([a, b, result]: Entry, context: Context): boolean {
  const names = [a, b ?? "", typeof result === "string" ? result : ""].map((kind) => kind.split(":")[0] ?? "");
  return names.every((name) => !/\d|^bool$/.test(name) || context.supports(name));
}

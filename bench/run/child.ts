/** The process of a column in Node: `child.ts MODULE VARIANT`. */
import { type Column, isMeasurement, type Prepared } from "../columns/column.ts";
import type { Row } from "../rows/row.ts";
import { digest } from "./digest.ts";
import { limitOf } from "./limits.ts";
import type { Answer, Request } from "./protocol.ts";
import { sample, type Warm, warmUp } from "./sampling.ts";

const [module, variant] = process.argv.slice(2) as [string, string];
let row: Row | null = null;
let made: Prepared | null = null;
let warm: Warm | null = null;

function forget(): void {
  if (made !== null && !isMeasurement(made)) made.dispose?.();
  row = made = warm = null;
}

async function prepare(column: Column, request: Request & { type: "prepare" }): Promise<Answer> {
  row = request.row;
  const task = await column.prepare(row);
  if (typeof task === "string") return { type: "none", why: task };
  made = task;
  if (isMeasurement(task)) return { type: "prepared", digests: [], first: await task.measure() };
  const start = performance.now();
  const results = await task.result();
  const first = (performance.now() - start) / 1000 / (task.steps ?? 1);
  const digests = results.map((r) => digest(r, request.positions));
  if (first > request.longest) {
    warm = { task, runs: 1 };
    return { type: "prepared", digests, first };
  }
  const warmed = await warmUp(task, request.warmup, request.shortest);
  warm = warmed;
  return { type: "prepared", digests, first: warmed.seconds };
}

async function answer(column: Column, request: Request): Promise<Answer> {
  switch (request.type) {
    case "prepare":
      return await prepare(column, request);
    case "sample": {
      if (made !== null && isMeasurement(made)) {
        const value = await made.measure();
        return { type: "sampled", median: value, best: value, runs: 1 };
      }
      return { type: "sampled", ...(await sample(warm!, request.time, request.least)) };
    }
    case "limit":
      return { type: "limit", ...limitOf(row!) };
    case "dispose":
      forget();
      return { type: "disposed" };
  }
}

const send = (message: Answer): void => void process.send!(message);
const fail = (error: unknown): void => {
  forget();
  send({ type: "none", why: error instanceof Error ? error.message.split("\n")[0]! : String(error) });
};
process.on("disconnect", () => process.exit(0));
try {
  const { start } = (await import(`../columns/${module}.ts`)) as { start(variant: string): Column | Promise<Column> };
  const column = await start(variant);
  process.on("message", (request: Request) => void answer(column, request).then(send, fail));
  send({ type: "ready", about: `${column.about}; Node ${process.versions.node}` });
} catch (error) {
  fail(error);
}

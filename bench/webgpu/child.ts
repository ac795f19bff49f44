/** The process of a library: prepares rows and measures them as it is told. */

import { rows } from "./all-rows.ts";
import type { Column } from "./columns/column.ts";
import { rejections } from "./columns/dawn.ts";
import type { Answer, Request } from "./protocol.ts";
import type { Task } from "./rows.mjs";
import { sample, warmUp } from "./sampling.mjs";

const module = (await import(`./columns/${process.argv[2]}.ts`)) as { start(): Promise<Record<string, Column>> };
const tasks = new Map<string, Task>();

async function answer(columns: Record<string, Column>, request: Request): Promise<Answer> {
  const { column } = request;
  if (request.type === "prepare") {
    const row = rows[request.row]!;
    const task = await columns[column]!.prepare(row);
    if (typeof task === "string") return { type: "none", why: task };
    tasks.set(column, task);
    await warmUp(task, request.warmup);
    if (rejections.length > 0) return { type: "none", why: rejections.splice(0)[0]! };
    const values = Float64Array.from(await task.result());
    return { type: "prepared", values, note: task.note ?? "" };
  }
  const task = tasks.get(column)!;
  if (request.type === "sample") return { type: "sampled", sample: await sample(task, request.time) };
  tasks.delete(column);
  task.dispose?.();
  return { type: "disposed" };
}

const send = (message: Answer): void => void process.send!(message);
process.on("disconnect", () => process.exit(0));
try {
  const columns = await module.start();
  process.on("message", (request: Request) => {
    answer(columns, request).then(send, (error: unknown) => {
      tasks.delete(request.column);
      send({ type: "none", why: error instanceof Error ? error.message : String(error) });
    });
  });
  send({ type: "ready", about: Object.values(columns)[0]!.about });
} catch (error) {
  send({ type: "none", why: error instanceof Error ? error.message : String(error) });
}

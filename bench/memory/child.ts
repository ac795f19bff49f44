/** The process of a column: `child.ts MODULE DEVICE VARIANT STEPS`. */
import { BATCH, POINTS, type Problem, problem } from "./problem.ts";
import type { Measured, Trainer } from "./protocol.ts";

const [module, device, variant, count] = process.argv.slice(2) as [string, string, string, string];
const steps = Number(count);
const { start } = (await import(`./columns/${module}.ts`)) as {
  start(problem: Problem, device: string, variant: string): Promise<Trainer>;
};
const trainer = await start(problem(), device, variant);

async function train(from: number, to: number): Promise<number> {
  let loss = Number.NaN;
  for (let step = from; step < to; step++) loss = await trainer.step((step * BATCH) % POINTS);
  return loss;
}

const figures = async (): Promise<readonly [number | null, number]> => [await trainer.live(), process.memoryUsage.rss()];
await train(0, steps / 10);
const early = await figures();
await train(steps / 10, steps / 2);
const begin = performance.now();
const loss = await train(steps / 2, steps);
const stepTime = (performance.now() - begin) / (steps / 2);
const late = await figures();
const measured: Measured = {
  about: trainer.about,
  live: [early[0], late[0]],
  rss: [early[1], late[1]],
  stepTime,
  loss,
  note: trainer.note?.() ?? "",
};
process.send!(measured, () => process.exit(0));

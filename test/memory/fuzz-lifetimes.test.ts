import { afterEach, describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";
import { Data } from "../backends/case.ts";
import { block } from "./lifetimes/steps.ts";
import { World } from "./lifetimes/world.ts";

const { gc } = torch.memory;
const defaults = gc.getThreshold();
afterEach(() => gc.setThreshold(...defaults));

/** What a program does between its awaits; each yield lets others go on. */
type Task = AsyncGenerator<void, void, void>;

async function collect(w: World): Promise<void> {
  await torch.memory.collect();
  w.freeBoxes(true);
  w.bury();
}

/** A task in a scope of its own that it enters between its awaits, and ends at some time or leaves open. */
async function* task(w: World, rounds: number): Task {
  for (let i = 0; i < rounds; i++) {
    const s = w.openScope();
    for (let k = w.data.int(1, 5); k > 0 && s.open; k--) {
      w.run(s, () => block(w, 1, w.data.int(4, 20)));
      const h = w.pick();
      const [reading, version] = [h?.x.toTypedArray(), h?.store.version];
      yield;
      // Others may have written to it, or given it up, while it was being read.
      const read = await reading?.catch((error: Error) => error);
      if (h !== null && h.store.version === version && w.status(h) === "alive") {
        expect(Array.from(read as Float32Array, (v) => v + 0)).toEqual([...h.values]);
      }
      w.checkAll();
      yield;
    }
    if (s.open && w.data.next() < 0.8) w.endScope(s);
  }
}

/** Code outside of the tasks. */
async function* main(w: World, rounds: number): Task {
  for (let i = 0; i < rounds; i++) {
    if (w.outermost === null) block(w, 0, 20);
    else w.run(w.outermost, () => block(w, 1, 20));
    w.checkAll();
    if (i % 3 === 2) await collect(w);
    if (w.data.next() < 0.3) gc.setThreshold(w.data.pick([1, 1, 5, 700]), w.data.pick([1, 10]), w.data.pick([1, 10]));
    yield;
  }
}

async function program(seed: number, rounds: number): Promise<World> {
  const w = new World(new Data(seed), seed % 2 === 1);
  gc.setThreshold(...(seed % 4 < 2 ? ([1, 1, 1] as const) : defaults));
  let tasks = [main(w, 3 * rounds), ...Array.from({ length: 3 }, () => task(w, rounds))];
  while (tasks.length > 0) {
    const next = w.data.pick(tasks);
    if ((await next.next()).done) tasks = tasks.filter((t) => t !== next);
  }
  w.checkAll();
  for (const s of w.outermost === null ? w.scopes : [...w.scopes, w.outermost]) w.endScope(s);
  for (const b of w.boxes) b.container.dispose();
  for (const b of w.boxes) b.mine = false;
  await collect(w);
  w.checkAll();
  return w;
}

describe("nothing that user code can still reach is freed, and what is gone says so", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "handles, views, gradients, hooks and containers, across scopes, tasks and collections (%i)",
    async (seed) => {
      const w = await program(seed, 6);
      expect(w.checks).toBeGreaterThan(500);
    },
  );
});

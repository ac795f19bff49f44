/** How containers that live on move from generation to generation. */
import * as torch from "torchlet";
import { beginRecord, codeBeforeSteps } from "../observe.ts";
import type { Collection, Generations, PerGeneration } from "../recording.ts";

const { gc, Container } = torch.memory;
/** Enough for one collection of the oldest generation, and a little more. */
const COLLECTIONS = 140;

const each = (f: (generation: number) => number): PerGeneration => [f(0), f(1), f(2)];
const tracked = (): PerGeneration => each((g) => gc.getObjects(g).length);

/** Makes rings of two containers, of which one in forty is kept, and notes every collection. The collector begins each by itself. */
export function recordGenerations(): Generations {
  beginRecord();
  gc.collect();
  const atFirst = gc.getStats();
  const collections: Collection[] = [];
  let made = 0;
  let followed: ReturnType<typeof gc.getObjects>[number] | undefined;
  let before = { countBefore: gc.getCount(), trackedBefore: tracked() };

  const note: torch.memory.gc.GcCallback = (phase, { generation, collected }) => {
    if (phase === "start") {
      before = { countBefore: gc.getCount(), trackedBefore: tracked() };
      return;
    }
    const stats = gc.getStats();
    collections.push({
      made,
      generation,
      collected,
      ...before,
      countAfter: gc.getCount(),
      trackedAfter: tracked(),
      // The collector's own figures take note of a collection before its callbacks are told that it is over.
      collections: each((g) => stats[g]!.collections - atFirst[g]!.collections),
      found: each((g) => stats[g]!.collected - atFirst[g]!.collected),
      followed: [0, 1, 2].findIndex((g) => gc.getObjects(g).includes(followed!)),
    });
  };
  const make = (): torch.memory.Container => {
    const container = new Container();
    made++;
    followed ??= gc.getObjects(0).at(-1)!;
    return container;
  };

  gc.callbacks.push(note);
  const kept: torch.memory.Container[] = [];
  // program
  for (let i = 0; collections.length < COLLECTIONS; i++) {
    const one = make();
    const other = make();
    one.hold(other);
    other.hold(one);
    other.dispose();
    if (i % 40 === 0) kept.push(one);
    else one.dispose(); // lost: the ring keeps itself alive
  }
  // end
  gc.callbacks.splice(gc.callbacks.indexOf(note), 1);
  for (const container of kept) container.dispose();
  gc.collect();
  return { code: codeBeforeSteps(import.meta.url)[0]!, threshold: gc.getThreshold(), collections };
}

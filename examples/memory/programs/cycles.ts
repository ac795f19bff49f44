/** Objects that refer to each other, and how the collector finds them. */
import * as torch from "torchlet";
import { beginRecord, codeBeforeSteps } from "../observe.ts";
import type { Cycle, CycleStep, ObjectState } from "../recording.ts";

const { gc, Container } = torch.memory;
type Tracked = ReturnType<typeof torch.memory.gc.getObjects>[number];

/** What each object refers to among them, by their places. */
export function referencesAmong(objects: readonly Tracked[]): number[][] {
  const places = new Map(objects.map((object, i) => [object, i]));
  return objects.map((object) => {
    const found: number[] = [];
    object.traverse((child) => found.push(places.get(child)!));
    return found;
  });
}

/** What the collector does to find garbage, done once more from the counts and references that the library tells. */
function replay(
  counts: readonly number[],
  references: readonly (readonly number[])[],
): { copies: number[]; reachable: ReadonlySet<number> } {
  const copies = [...counts];
  for (const children of references) for (const child of children) copies[child]!--;
  const reachable = new Set(copies.flatMap((copy, i) => (copy > 0 ? [i] : [])));
  // A set that grows while it is walked: what is reached is walked too.
  for (const i of reachable) for (const child of references[i]!) reachable.add(child);
  return { copies, reachable };
}

/** Five containers with a tensor each, three of them in a ring: notes counts and references until the ring is collected. */
export function recordCycle(): Cycle {
  beginRecord();
  gc.collect();
  const code = codeBeforeSteps(import.meta.url);
  const steps: CycleStep[] = [];
  const names = new Map<Tracked, string>();

  const make = (name: string): torch.memory.Container => {
    const container = new Container();
    torch.scope(() => container.hold(torch.ones(1024)));
    const fresh = gc.getObjects().filter((object) => !names.has(object));
    for (const [i, object] of fresh.entries()) names.set(object, i === 0 ? name : `${name}’s tensor`);
    return container;
  };
  const state = (read: (i: number) => Partial<ObjectState> = () => ({})): ObjectState[] => {
    const tracked = new Set(gc.getObjects());
    return [...names.keys()].map((object, i) => ({
      count: tracked.has(object) ? object.refs : null,
      copy: null,
      mark: "none",
      ...read(i),
    }));
  };
  const step = (title: string, text: string, states: readonly ObjectState[] = state()): void => {
    steps.push({
      title,
      text,
      code: code[steps.length] ?? "",
      states,
      tracked: gc.getObjects().length,
      getCount: gc.getCount(),
      allocated: torch.memory.memoryAllocated("cpu"),
    });
  };

  // program
  const [a, b, c, d, e] = [make("A"), make("B"), make("C"), make("D"), make("E")];
  a.hold(b, d);
  b.hold(c);
  c.hold(a); // the ring is closed
  d.hold(e);
  step("Five containers", "Each holds a tensor. Your variable counts 1, and so does every container that holds it.");
  for (const unused of [a, b, c, e]) unused.dispose();
  step("Handles go", "Only D is still yours. But A, B and C hold each other: no count is 0, so counting alone frees nothing.");
  // end
  const objects = [...names.keys()];
  const counts = objects.map(({ refs }) => refs);
  const references = referencesAmong(objects);
  const { copies, reachable } = replay(counts, references);
  const external = "What is left are references from outside: yours.";
  const copied = "The collector copies each count. The counts themselves stay as they are.";
  const subtracted = `For each reference that one of them holds, 1 is taken from the copy at its end. ${external}`;
  const marked = "D stays above 0: somebody outside needs it. It is marked with all that it reaches: E too, though its copy is 0.";
  const markOf = (i: number): ObjectState["mark"] => (reachable.has(i) ? "reachable" : "unreachable");
  step(
    "Copy",
    copied,
    state((i) => ({ copy: counts[i]! })),
  );
  step(
    "Subtract",
    subtracted,
    state((i) => ({ copy: copies[i]! })),
  );
  step(
    "Mark",
    marked,
    state((i) => ({ copy: copies[i]!, mark: markOf(i) })),
  );
  const found = gc.collect();
  if (found !== objects.length - reachable.size)
    throw new Error(`the collector found ${found} of ${objects.length} unreachable: not as replayed`);
  step(
    "Sweep",
    `gc.collect() returned ${found}: the containers of the ring and their tensors. They drop what they hold, and the blocks are free.`,
  );

  d.dispose();
  return { objects: objects.map((object, i) => ({ name: names.get(object)!, references: references[i]! })), steps, found };
}

/** Which addresses tensors get, and from whom. */
import * as torch from "torchlet";
import { beginRecord, codeBeforeSteps, events, segments, stat } from "../observe.ts";
import type { ReuseStep } from "../recording.ts";

/** Runs the program and notes after each step where each tensor lies. */
export function recordReuse(): ReuseStep[] {
  beginRecord();
  const code = codeBeforeSteps(import.meta.url);
  const steps: ReuseStep[] = [];
  const before = stat("num_reused");
  let seen = 0;
  const blocks = new Map<string, number>();

  /** `name`: of the tensor that was made, `gone`: of those that were disposed of. */
  const step = (title: string, text: string, { name, gone = [] }: { name?: string; gone?: readonly string[] }): void => {
    const all = events();
    const fresh = all.slice(seen);
    seen = all.length;
    for (const each of gone) blocks.delete(each);
    if (name !== undefined) blocks.set(name, fresh.findLast(({ action }) => action === "alloc")!.address);
    steps.push({
      title,
      text,
      code: code[steps.length]!,
      blocks: Object.fromEntries(blocks),
      segments: segments(),
      events: fresh,
      reused: stat("num_reused") - before,
    });
  };

  // program
  const a = torch.zeros(1024);
  step("The first float", "Nothing is held yet: an arena of 256 KB comes from the device, and 4 KB are cut from it.", { name: "a" });
  const b = torch.zeros(1024);
  step("Another one", "It is cut from the arena next to the first.", { name: "b" });
  a.dispose();
  step("Freed", "Its block goes into the free list of its size. Nothing goes back to the device.", { gone: ["a"] });
  const c = torch.zeros(1024, { dtype: torch.int32 });
  step("An integer does not get it", "As many bytes, but another kind: integers have arenas and free lists of their own.", { name: "c" });
  const d = torch.zeros(1000);
  step("A float gets it", "1000 floats are rounded up to the same size class, 4096 bytes. The address is that of the freed block.", {
    name: "d",
  });
  b.dispose();
  d.dispose();
  step("Two are freed", "First b, then d: the free list is a stack.", { gone: ["b", "d"] });
  const e = torch.zeros(1024);
  step("The last one freed is the first one used", "It is the one most likely to be in the processor’s cache still.", { name: "e" });
  const f = torch.zeros(1024);
  step("Then the one before", "The list is empty now: a third float would be cut from the arena again.", { name: "f" });
  // end
  for (const x of [c, e, f]) x.dispose();
  return steps;
}

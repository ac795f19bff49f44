/** The cycle that training makes by itself: a gradient with a history. */
import * as torch from "torchlet";
import { beginRecord, codeBeforeSteps } from "../observe.ts";
import type { GradientCycle } from "../recording.ts";
import { referencesAmong } from "./cycles.ts";

const { gc, memoryAllocated } = torch.memory;

/** A parameter holds its gradient, whose graph leads back to the parameter: notes what the end of the scope leaves and what the collector finds. */
export function recordGradientCycle(): GradientCycle {
  beginRecord();
  gc.collect();
  // program
  torch.scope(() => {
    const w = torch.ones(1000, { requiresGrad: true });
    w.pow(3).sum().backward({ createGraph: true });
  });
  // end
  const objects = gc.getObjects();
  const references = referencesAmong(objects);
  const counts = objects.map(({ refs }) => refs);
  const before = memoryAllocated("cpu");
  const found = gc.collect();
  return {
    code: codeBeforeSteps(import.meta.url)[0]!,
    objects: objects.map((object, i) => ({ name: object.constructor.name, count: counts[i]!, references: references[i]! })),
    before,
    found,
    after: memoryAllocated("cpu"),
  };
}

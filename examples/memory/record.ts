/** Runs the programs and keeps what `torch.memory` says about each. */
import { readFileSync } from "node:fs";
import { memory } from "torchlet";
import { beginRecord, events, segments, stat } from "./observe.ts";
import { recordCycle } from "./programs/cycles.ts";
import { fragment } from "./programs/fragmentation.ts";
import { recordGenerations } from "./programs/generations.ts";
import { recordGradientCycle } from "./programs/gradient-cycle.ts";
import { recordOwners } from "./programs/owners.ts";
import { recordReuse } from "./programs/reuse.ts";
import { STEPS, train } from "./programs/training.ts";
import type { MemoryEvent, Moment, Phase, Recording, Training } from "./recording.ts";

function moment(title: string, text: string): Moment {
  return {
    title,
    text,
    segments: segments(),
    allocated: stat("allocated_bytes.all.current"),
    reserved: stat("reserved_bytes.all.current"),
    inactiveSplit: stat("inactive_split_bytes.all.current"),
  };
}

/** Maps are kept of these parts of the training; of others there would be many alike. */
const MAPPED: Readonly<Record<string, readonly [title: string, text: string]>> = {
  "0 build": ["Model built", "Weights of more than 32 KB have a segment of their own; the rest is cut from an arena of 256 KB."],
  "1 forward": [
    "Forward",
    "Activations that backward will need have come. Labels are integers, comparisons booleans: each kind has arenas of its own.",
  ],
  "1 backward": ["Backward", "The activations are used up, a gradient for each parameter is there."],
  "1 Adam": ["First Adam step", "Two averages for each parameter, which stay for good."],
  "1 end": ["End of the first step", "The scope is over: what it made is free, and kept for the next step."],
  [`${STEPS} end`]: ["End of the last step", "The later steps found what they needed in the free lists."],
};
const FRAGMENTS = {
  filled: ["Filled", "40 tensors of 6 KB and 4 of 64 KB more."],
  dropped: [
    "Every second one dropped",
    "The holes are free, but scattered: a tensor larger than a hole cannot use it. That is fragmentation.",
  ],
  emptied: [
    "After emptyCache()",
    "Free neighbours are merged, and segments of which nothing is in use go back to the device. An arena with one block in use stays.",
  ],
} as const;

function recordTraining(): { training: Training; moments: Moment[] } {
  beginRecord();
  const phases: Phase[] = [];
  const moments = [moment("Before", "The pool has taken nothing from the device.")];
  using _model = train((step, name) => {
    phases.push({ step, name, end: events().length, requested: stat("requested_bytes.all.current") });
    const mapped = MAPPED[`${step} ${name}`];
    if (mapped !== undefined) moments.push(moment(...mapped));
  });
  const training = { events: events(), phases, source: sourceOf(events()) };
  using _tensors = fragment((part) => moments.push(moment(FRAGMENTS[part][0], FRAGMENTS[part][1])));
  return { training, moments };
}

/** The lines of the training program from the first to the last that something happened in. */
function sourceOf(happened: readonly MemoryEvent[]): Training["source"] {
  const file = "training.ts";
  const numbers = happened.map(({ place }) => {
    if (place.file !== file) throw new Error(`something happened in ${place.file}:${place.line}, outside of the program`);
    return place.line;
  });
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const text = readFileSync(new URL(`./programs/${file}`, import.meta.url), "utf8");
  // The scope that an event comes from begins before what it holds, and ends after it.
  const lines = text.split("\n").slice(first - 1, last + 4);
  return { file, firstLine: first, lines };
}

/** All that the page shows. Nothing else may run meanwhile, and no tensor be alive. */
export function record(): Recording {
  try {
    const { training, moments } = recordTraining();
    return {
      host: `Node ${process.versions.node}`,
      training,
      moments,
      owners: recordOwners(),
      reuse: recordReuse(),
      cycle: recordCycle(),
      gradientCycle: recordGradientCycle(),
      generations: recordGenerations(),
    };
  } finally {
    memory.recordHistory(false);
  }
}

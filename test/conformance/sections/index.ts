/** The sections of a corpus, in the order in which they are run. */
import type { Section } from "../context.ts";
import { errors } from "./errors.ts";
import { lrScheduler } from "./lr-scheduler.ts";
import { modules } from "./modules.ts";
import { ops } from "./ops.ts";
import { optim } from "./optim.ts";
import { printing } from "./printing.ts";
import { rng } from "./rng.ts";
import { serialization } from "./serialization.ts";
import { training } from "./training.ts";

export const sections: Readonly<Record<string, Section>> = {
  ops,
  modules,
  optim,
  lr_scheduler: lrScheduler,
  rng,
  printing,
  errors,
  training,
  serialization,
};

/** What pools hold, and what of it is held by name. */
import * as torch from "torchlet";
import { nn, Tensor } from "torchlet";
import type { Held } from "./loops/loop.ts";

/** Bytes of blocks that are handed out, on the device of a run and on the CPU together. */
export interface Figures {
  readonly live: number;
  /** The most since the last `resetPeaks`. */
  readonly peak: number;
  /** All that was handed out so far. */
  readonly allocated: number;
}

const devicesOf = (device: string): string[] => [...new Set([device, "cpu"])];

export function figures(device: string): Figures {
  const all = devicesOf(device).map((name) => torch.memory.stats(name));
  const sum = (key: "current" | "peak" | "allocated"): number =>
    all.reduce((total, stats) => total + Number(stats[`allocated_bytes.all.${key}`]), 0);
  return { live: sum("current"), peak: sum("peak"), allocated: sum("allocated") };
}

export function resetPeaks(device: string): void {
  for (const name of devicesOf(device)) torch.memory.resetPeakMemoryStats(name);
}

/** Smaller tensors share a finalizer's token, and may pin others. */
const SMALL_BYTES = 1024;

export interface HeldFigures {
  /** Bytes of the blocks, by what holds them. */
  readonly byName: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** How many of the storages are small. */
  readonly small: number;
}

function* tensorsOf(name: string, held: Held): Generator<readonly [name: string, x: Tensor]> {
  if (held instanceof Tensor) yield [name, held];
  else if (held instanceof nn.Module) {
    for (const p of held.parameters()) {
      yield [`parameters of ${name}`, p];
      if (p.grad !== null) yield [`gradients of ${name}`, p.grad];
    }
    for (const b of held.buffers()) yield [`buffers of ${name}`, b];
  } else if ("state" in held) {
    for (const remembered of held.state.values()) {
      for (const x of Object.values(remembered)) if (x instanceof Tensor) yield [`state of ${name}`, x];
    }
  } else for (const x of held) yield [name, x];
}

/** The blocks of everything held, each storage once, by the first name that has it. */
export function heldFigures(everything: Readonly<Record<string, Held>>): HeldFigures {
  const seen = new Set<object>();
  const byName: Record<string, number> = {};
  let small = 0;
  for (const [name, held] of Object.entries(everything)) {
    for (const [owner, x] of tensorsOf(name, held)) {
      const storage = x.untypedStorage();
      if (seen.has(storage)) continue;
      seen.add(storage);
      byName[owner] = (byName[owner] ?? 0) + storage.block.size;
      if (storage.nbytes < SMALL_BYTES) small++;
    }
  }
  return { byName, bytes: Object.values(byName).reduce((a, b) => a + b, 0), small };
}

/**
 * `torch.memory.gc`: the collector of reference cycles, with the names and meanings of Python's `gc`. It looks after what is made within scopes and
 * after `torch.memory.Container`s; what user code holds outside of scopes is in the care of JavaScript's own collector.
 */
import { ValueError } from "../core/errors.ts";
import type { Container } from "./container.ts";
import { collectCycles, setEnabled, tracked } from "./cycle-collector.ts";

export {
  callbacks,
  freeze,
  frozenCount as getFreezeCount,
  type GcCallback,
  type GcStats,
  getCount,
  getStats,
  getThreshold,
  isEnabled,
  setThreshold,
  unfreeze,
} from "./cycle-collector.ts";

function checkGeneration(generation: number): void {
  if (!Number.isInteger(generation) || generation < 0 || generation > 2) throw new ValueError("invalid generation");
}

/**
 * Collects the cycles of a generation and the younger ones, or all of them.
 * @returns how many containers it found unreachable.
 * @throws ValueError for a generation other than 0, 1 and 2.
 * @example torch.memory.gc.collect();
 */
export function collect(generation: number = 2): number {
  checkGeneration(generation);
  return collectCycles(generation);
}
/** Collects by itself whenever a threshold is passed, as it does from the start. */
export const enable = (): void => setEnabled(true);
/** Collects only when asked to. */
export const disable = (): void => setEnabled(false);

/** The containers that the collector tracks, of one generation or of all: graph nodes, what tensors refer to, and what user containers hold. */
export function getObjects(generation?: number): readonly Container[] {
  if (generation !== undefined) checkGeneration(generation);
  return tracked(generation);
}

import { setTimeout as sleep } from "node:timers/promises";
import { multiplyAdd } from "./loops.ts";

const RUNS = 12;
const TOLERANCE = 1.1;

/**
 * Tells whether the machine is at its usual speed: a fixed loop of some milliseconds takes at most a tenth longer than it ever did in this
 * process. Other programs, and a clock that goes down, show in it.
 */
export class Pace {
  private readonly loop = multiplyAdd();
  private best = Number.POSITIVE_INFINITY;

  steady(): boolean {
    const start = performance.now();
    for (let i = 0; i < RUNS; i++) this.loop();
    const time = performance.now() - start;
    this.best = Math.min(this.best, time);
    return time < TOLERANCE * this.best;
  }

  /** Resolves when the machine is steady, or after `most` milliseconds. */
  async wait(most: number): Promise<void> {
    for (const end = performance.now() + most; !this.steady() && performance.now() < end; ) await sleep(20);
  }
}

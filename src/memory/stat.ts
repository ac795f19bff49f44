/** A figure that goes up and down: what it is, what it was at most, and all that came and went. */
export class Stat {
  current = 0;
  peak = 0;
  allocated = 0;
  freed = 0;

  increase(by: number): void {
    this.current += by;
    this.allocated += by;
    if (this.current > this.peak) this.peak = this.current;
  }
  decrease(by: number): void {
    this.current -= by;
    this.freed += by;
  }
  resetPeak(): void {
    this.peak = this.current;
  }
  resetAccumulated(): void {
    this.allocated = 0;
    this.freed = 0;
  }
}

/** The figures of one part of a pool, in counts and in bytes. */
export class PoolFigures {
  /** Blocks in use. */
  readonly allocation: Stat = new Stat();
  readonly allocatedBytes: Stat = new Stat();
  /** Bytes that were asked for, before rounding. */
  readonly requestedBytes: Stat = new Stat();
  /** What was taken from the device. */
  readonly segment: Stat = new Stat();
  readonly reservedBytes: Stat = new Stat();
  /** Free blocks in segments of which another part is in use: they cannot be returned. */
  readonly inactiveSplit: Stat = new Stat();
  readonly inactiveSplitBytes: Stat = new Stat();
}

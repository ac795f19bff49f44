/** What a column gives: the loop as its library's tutorials write it. */
export interface Trainer {
  /** The library and its version. */
  readonly about: string;
  /** Trains on the batch that starts at point `start`, and gives the loss, read. */
  step(start: number): Promise<number>;
  /** Bytes of the arrays that the library has not given back, after whatever collection it knows; null where it does not tell. */
  live(): Promise<number | null>;
  /** More to say at the end. */
  note?(): string;
}

/** What the process of a column measures. */
export interface Measured {
  readonly about: string;
  /** Live bytes after a tenth of the steps and after all. */
  readonly live: readonly [number | null, number | null];
  /** Bytes of the process, at the same times. */
  readonly rss: readonly [number, number];
  /** Milliseconds, on average over the second half. */
  readonly stepTime: number;
  /** The loss of the last step. */
  readonly loss: number;
  readonly note: string;
}

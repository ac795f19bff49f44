/** What a run has to fulfil. */
import type { RunResult } from "./run.ts";

const KB = 1024;
const MB = 1024 * KB;

/** Live bytes at most, in high-water marks, where `collect` is exact. */
const PEAK = 1.3;
/** The same where a page cannot ask for a collection: V8 collects when it sees the ballast, in its own time. */
const PEAK_INEXACT = 8;
/** What each kept small tensor may pin of others. */
const PINNED = 64 * KB;
const RSS_GROWTH = 32 * MB;
/** How much more the small tensors may pin at the end than in the beginning: which ones they pin is chance. */
const PINNED_GROWTH = 0.25;
/** Steps from which the size of the process is judged: before, V8 and the driver still compile, and V8's heap finds its size. */
const RSS_FROM = 10_000;

/** The sizes of a process: when, and how many bytes. */
export interface RssSample {
  readonly time: number;
  readonly bytes: number;
}

export interface Rss {
  /** Medians of a tenth of the steps. */
  readonly second: number;
  readonly last: number;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** The process's size in the second and the last tenth of a run, or null where it was too short to be measured. */
export function rssOf(samples: readonly RssSample[], { tenths }: RunResult): Rss | null {
  const during = (i: number): number[] => samples.filter(({ time }) => time >= tenths[i - 1]! && time <= tenths[i]!).map((s) => s.bytes);
  const [second, last] = [during(2), during(10)];
  return second.length < 3 || last.length < 3 ? null : { second: median(second), last: median(last) };
}

const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;

/** Everything that a run did not fulfil; empty where all is well. */
export function faultsOf(run: RunResult): string[] {
  const { checkpoints, exact, highWaterMark, peak, allocated, wrong, score, passing } = run;
  const faults: string[] = [];
  const bound = (exact ? PEAK : PEAK_INEXACT) * highWaterMark;
  if (peak > bound) faults.push(`${mb(peak)} live in the second half, more than ${mb(bound)}`);
  // Without a single collection the peak would show nothing.
  if (allocated < highWaterMark) faults.push(`only ${mb(allocated)} allocated in the second half: the mark is too high for so few steps`);
  for (const { step, live, heldBytes, smallTensors } of checkpoints) {
    if (live < heldBytes) faults.push(`step ${step}: ${live} bytes live, less than the ${heldBytes} held`);
    const extra = live - heldBytes;
    if (exact && extra > smallTensors * PINNED) {
      faults.push(`step ${step}: ${extra} bytes live beyond those held, of which ${smallTensors} tensors are small`);
    }
  }
  const [first, last] = checkpoints.map(({ live, heldBytes }) => live - heldBytes) as [number, number];
  const added = Math.max(checkpoints[1].smallTensors - checkpoints[0].smallTensors, 0);
  if (exact && last - first > Math.max(PINNED * (1 + added), PINNED_GROWTH * first)) {
    faults.push(`live bytes beyond those held grew from ${first} to ${last}, with ${added} more small tensors`);
  }
  faults.push(...wrong.slice(0, 3));
  if (score[0] >= passing) faults.push(`untrained it scores ${score[0]} already`);
  if (score[1] < passing) faults.push(`it has not learned: score ${score[1]}, ${passing} passes`);
  return faults;
}

export function rssFaults(rss: Rss | null, steps: number): string[] {
  if (steps < RSS_FROM) return [];
  if (rss === null) return ["RSS was not measured: the run was too short, or there is no /proc"];
  const growth = rss.last - rss.second;
  return Math.abs(growth) > RSS_GROWTH ? [`RSS went from ${mb(rss.second)} in the second tenth to ${mb(rss.last)} in the last`] : [];
}

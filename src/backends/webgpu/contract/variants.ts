import type { Context } from "../context.ts";
import type { DirectVariant } from "./direct.ts";
import type { DotVariant } from "./dot.ts";
import type { Problem } from "./problem.ts";
import { type TileVariant, threadsOf, workgroupBytes } from "./tile.ts";

export type Variant = DirectVariant | TileVariant | DotVariant;

/** A variant that a device can run, and how fast it is there. */
export interface Candidate {
  readonly variant: Variant;
  /** Names the variant in keys of pipelines. */
  readonly name: string;
  /** Rows and columns of outputs of one unit of work, and how many units a workgroup takes at once. */
  readonly rows: number;
  readonly columns: number;
  readonly units: number;
  /** Multiplications of a busy device in a unit of time; only the ratios count. */
  speed: number;
  readonly least: number;
}

const direct = (tm: number, tn: number, threads: number): DirectVariant => ({ kind: "direct", tm, tn, threads });
const tile = (bm: number, bn: number, bk: number, tm: number, tn: number): TileVariant => ({ kind: "tile", bm, bn, bk, tm, tn });

/** A variant with a speed to start from, and the fewest multiplications that it is worth compiling for. */
type Row = readonly [variant: Variant, speed: number, least?: number];

/** What GPUs may want. `measureVariants` puts measured speeds in the place of these. */
const HARDWARE: readonly Row[] = [
  [tile(128, 128, 8, 8, 8), 100],
  [tile(64, 64, 16, 4, 4), 70],
  [tile(32, 128, 16, 4, 4), 60],
  [tile(128, 32, 16, 4, 4), 60],
  [tile(32, 32, 16, 2, 2), 30],
  [direct(4, 4, 64), 25],
  [direct(1, 4, 64), 8],
  [direct(4, 1, 64), 8],
  [{ kind: "dot", threads: 256, lanes: 32 }, 6],
];

/**
 * What a device on the CPU wants: large tiles in registers, as loads cost the most, and workgroups of one vector, since each is one thread's. The ratios are SwiftShader's; they are
 * not measured again, because compiling the candidates there takes longer than the choice could win back.
 */
const SOFTWARE: readonly Row[] = [
  [direct(16, 16, 4), 140, 1 << 24],
  [direct(8, 16, 4), 120, 1 << 23],
  [direct(16, 8, 4), 120, 1 << 23],
  [direct(8, 8, 4), 100, 1 << 20],
  [direct(4, 4, 4), 60],
  [direct(1, 8, 4), 30],
  [direct(8, 1, 4), 30],
];

/** Every variant there is, for tests. */
export const allVariants: readonly Variant[] = [...HARDWARE, ...SOFTWARE].map(([variant]) => variant);

/** Whether a variant takes rows (m) or columns (n) four by four. */
export function inQuads(variant: Variant, group: "m" | "n"): boolean {
  if (variant.kind === "direct") return (group === "m" ? variant.tm : variant.tn) % 4 === 0;
  return variant.kind === "tile";
}

/** A row of a table as a candidate. */
export function candidate(variant: Variant, speed: number, least: number = 0): Candidate {
  switch (variant.kind) {
    case "direct": {
      const { tm, tn, threads } = variant;
      return { variant, name: `direct ${tm}x${tn}/${threads}`, rows: tm, columns: tn, units: threads, speed, least };
    }
    case "tile": {
      const { bm, bn, bk, tm, tn } = variant;
      return { variant, name: `tile ${bm}x${bn}x${bk}/${tm}x${tn}`, rows: bm, columns: bn, units: 1, speed, least };
    }
    case "dot": {
      const { threads, lanes } = variant;
      return { variant, name: `dot ${lanes}/${threads}`, rows: 1, columns: 1, units: threads / lanes, speed, least };
    }
  }
}

/** What the choice depends on. */
export type Device = Pick<Context, "features" | "limits" | "window">;

const tables = new WeakMap<Device, Candidate[]>();

/** The candidates of a device: those that its limits allow. */
export function candidatesOf(context: Device): readonly Candidate[] {
  let table = tables.get(context);
  if (table === undefined) {
    const { maxComputeInvocationsPerWorkgroup: invocations, maxComputeWorkgroupStorageSize: bytes } = context.limits;
    const fits = (v: Variant): boolean => {
      if (v.kind === "tile") return threadsOf(v) <= invocations && workgroupBytes(v) <= bytes;
      return v.threads <= invocations && (v.kind === "direct" || 4 * v.threads <= bytes);
    };
    const list = context.features.software ? SOFTWARE : HARDWARE;
    table = list.filter(([v]) => fits(v)).map(([v, speed, least]) => candidate(v, speed, least));
    tables.set(context, table);
  }
  return table;
}

/** A way to compute a contraction: a variant, and into how many parts k is split, of how many steps each. */
export interface Plan {
  readonly candidate: Candidate;
  readonly parts: number;
  readonly part: number;
}

/** Workgroups that keep a device busy. */
const BUSY_GPU = 256;
const BUSY_CPU = 8;
/** Parts of k are no shorter, and there are no more of them. */
const SHORTEST_PART = 128;
const MOST_PARTS = 64;
/** Partial sums take no more elements than this, and no more than one binding. */
const MOST_SUMS = 1 << 22;
/** What a second dispatch costs, and each partial sum, in multiplications of a busy device at speed 100. */
const SECOND_DISPATCH = { gpu: 1 << 20, cpu: 1 << 17 };
const PARTIAL_SUM = 48;

/**
 * The plan whose estimate is the shortest: the work of one workgroup, times how often the device has to run as many as keep it busy. Where there
 * are fewer, k is split.
 */
export function plan(context: Device, problem: Problem): Plan {
  const mostSums = Math.min(MOST_SUMS, context.window / 4);
  const { software } = context.features;
  const busy = software ? BUSY_CPU : BUSY_GPU;
  const second = software ? SECOND_DISPATCH.cpu : SECOND_DISPATCH.gpu;
  const { batches, rows, columns, depth } = problem;
  const outputs = batches * rows * columns;
  const table = candidatesOf(context);
  const along = vectorAlongK(problem);
  let best: Plan | null = null;
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < table.length; i++) {
    const c = table[i]!;
    if (outputs * depth < c.least || (c.variant.kind === "dot" && !along)) continue;
    const tiles = batches * Math.ceil(rows / c.rows) * Math.ceil(columns / c.columns);
    const most = Math.max(1, Math.min(MOST_PARTS, Math.floor(depth / SHORTEST_PART), Math.floor(mostSums / outputs)));
    const wanted = Math.min(most, Math.max(1, Math.floor((busy * c.units) / tiles)));
    const part = wanted === 1 ? depth : Math.ceil(depth / wanted / 4) * 4;
    const parts = wanted === 1 ? 1 : Math.ceil(depth / part);
    const waves = Math.max(1, Math.ceil((tiles * parts) / c.units) / busy);
    const split = parts === 1 ? 0 : (second + PARTIAL_SUM * parts * outputs) / busy / 100;
    // A vector that is read along k by one invocation alone is read in single words of many lines.
    const apart = along && c.variant.kind === "direct" && !software ? 4 : 1;
    const steps = c.variant.kind === "dot" ? Math.max(part, 4 * c.variant.lanes) : part;
    const time = ((waves * c.rows * c.columns * Math.min(c.units, tiles * parts) * steps) / c.speed) * apart + split;
    if (time < shortest) {
      shortest = time;
      best = { candidate: c, parts, part };
    }
  }
  return best!;
}

/** Whether the elements of the factor with more lines follow each other along k. */
function vectorAlongK({ k, rows, columns }: Problem): boolean {
  const { nest } = k;
  return nest.strides[(nest.rank - 1) * nest.width + (rows >= columns ? 0 : 1)] === 1;
}

/** Takes measured times of candidates, by index. The speeds of those that were measured keep their sum, so that the others still compare. */
export function takeTimes(context: Device, times: ReadonlyMap<number, number>): void {
  const table = candidatesOf(context);
  let before = 0;
  let measured = 0;
  for (const [i, time] of times) {
    before += table[i]!.speed;
    measured += 1 / time;
  }
  for (const [i, time] of times) table[i]!.speed = (before / measured) * (1 / time);
}

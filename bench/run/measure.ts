import type { Cell } from "../report/statistics.ts";
import type { Row } from "../rows/row.ts";
import { STEPS, settings } from "../rows/training.ts";
import { type ColumnSpec, environmentOf, takesPart } from "./columns.ts";
import { type Digest, mistake, POSITIONS } from "./digest.ts";
import { Library } from "./library.ts";
import type { Pace } from "./pace.ts";
import type { Request } from "./protocol.ts";

export interface Settings {
  /** How often the columns take turns. */
  readonly rounds: number;
  /** Milliseconds to a column and round, and before the first round. */
  readonly time: number;
  readonly warmup: number;
  /** Seconds: a peer whose call takes longer runs once. */
  readonly longest: number;
  /** Seconds that a call may take, preparations included. */
  readonly patience: number;
  readonly python: string;
  /** Milliseconds of the whole run after which peers are left out. */
  readonly budget: number;
}

/** What was found of a row, by columns' names. Limits belong to an engine: they stand at the column of WASM. */
export interface Measured {
  readonly row: Row;
  readonly cells: Readonly<Record<string, Cell>>;
  readonly limits: Readonly<Record<string, { readonly seconds: Cell; readonly peak: Cell }>>;
}

/** Peers take part in these rounds only: no target is as near to them as to PyTorch and to the limit. */
const PEER_ROUNDS = [0, 2, 4];
/** Those whose call takes longer than this many seconds sit out the last of them too. */
const SLOW = 0.1;
/** Seconds that one look at the clock is worth. */
const SHORTEST = 2e-4;
/** How often a sample is taken again where the machine was not steady after it. */
const ATTEMPTS = 3;
/** Groups in which an engine has much to compile before it is fast; how many times as long Torchlet is warmed up in them, and its peers. */
const WARM: ReadonlySet<Row["group"]> = new Set(["overhead", "training"]);
const [WARMER, PEER_WARMER] = [8, 3];

/** Python compiles nothing. */
function warmthOf({ own, node }: ColumnSpec, { group }: Row): number {
  if (node === null || !WARM.has(group)) return 1;
  return own === null ? PEER_WARMER : WARMER;
}

interface Running {
  readonly spec: ColumnSpec;
  readonly library: Library;
  readonly rounds: (number | null)[];
  readonly first: number;
  best: number;
}

/** Measures the rows of a group. Each column has a process of its own; of PyTorch there are two, which differ in how memory is kept. */
export class Group {
  readonly #columns: readonly ColumnSpec[];
  readonly #settings: Settings;
  readonly #pace: Pace;
  readonly #libraries = new Map<string, Library>();
  /** What the columns call themselves. */
  readonly about: Record<string, string> = {};

  constructor(columns: readonly ColumnSpec[], settings: Settings, pace: Pace) {
    this.#columns = columns;
    this.#settings = settings;
    this.#pace = pace;
  }

  end(): void {
    for (const library of this.#libraries.values()) library.end();
    this.#libraries.clear();
  }

  async measure(row: Row): Promise<Measured> {
    const cells: Record<string, Cell> = {};
    const running = await this.#prepare(row, cells);
    const limits = new Map<Running, { seconds: (number | null)[]; peak: (number | null)[] }>();
    for (let round = 0; round < this.#settings.rounds; round++) {
      for (let i = 0; i < running.length; i++) {
        const column = running[(i + round) % running.length]!;
        column.rounds.push(await this.#sample(column, round));
        if (column.spec.own !== "WASM") continue;
        const answer = await column.library.ask({ type: "limit" });
        if (answer.type !== "limit") continue;
        const known = limits.get(column) ?? { seconds: [], peak: [] };
        known.seconds.push(answer.seconds);
        known.peak.push(answer.peak);
        limits.set(column, known);
      }
    }
    for (const { spec, library, rounds, best } of running) {
      cells[spec.name] = rounds.some((x) => x !== null) ? { rounds, best } : { none: "its process ends" };
      await library.ask({ type: "dispose" });
    }
    const found = [...limits].map(([{ spec }, { seconds, peak }]): [string, Measured["limits"][string]] => [
      spec.name,
      { seconds: cellOf(seconds), peak: cellOf(peak) },
    ]);
    return { row, cells, limits: Object.fromEntries(found) };
  }

  #libraryOf(spec: ColumnSpec, row: Row): Library {
    const env = environmentOf(spec, row);
    const key = `${spec.name} ${env === spec.env ? "" : "keep"}`;
    const { python, patience } = this.#settings;
    const library = this.#libraries.get(key) ?? new Library(spec, env, python, patience);
    this.#libraries.set(key, library);
    return library;
  }

  /** Makes the tasks, and compares their results with PyTorch's; where it has none, with the first that there is. */
  async #prepare(row: Row, cells: Record<string, Cell>): Promise<Running[]> {
    const { warmup, longest } = this.#settings;
    const made: { running: Running; digests: readonly Digest[] }[] = [];
    for (const spec of this.#columns) {
      if (!takesPart(spec, row)) continue;
      if (spec.own === null && spec.node !== null && performance.now() > this.#settings.budget) {
        cells[spec.name] = { none: "no time left" };
        continue;
      }
      const library = this.#libraryOf(spec, row);
      const isOwn = spec.own !== null || spec.node === null;
      const request: Request = {
        type: "prepare",
        row,
        warmup: warmup * warmthOf(spec, row),
        longest: isOwn ? Number.MAX_VALUE : longest,
        shortest: SHORTEST,
        positions: POSITIONS,
        settings,
      };
      const answer = await library.ask(request, row.group === "training" ? STEPS : 1);
      if (library.about !== "") this.about[spec.name] = library.about;
      if (answer.type === "prepared") {
        made.push({ running: { spec, library, rounds: [], first: answer.first, best: answer.first }, digests: answer.digests });
      } else if (answer.type === "none") cells[spec.name] = { none: answer.why };
    }
    const reference = made.find(({ running }) => running.spec.node === null) ?? made[0];
    const right: Running[] = [];
    for (const { running, digests } of made) {
      const wrong = mistake(digests, reference!.digests, row.tolerance);
      if (wrong === null) right.push(running);
      else {
        cells[running.spec.name] = { none: `wrong: ${wrong}` };
        await running.library.ask({ type: "dispose" });
      }
    }
    return right;
  }

  /** Seconds of a call in this round; null for a column that sits out. */
  async #sample(column: Running, round: number): Promise<number | null> {
    const { spec, first } = column;
    if (spec.own === null && spec.node !== null) {
      // It ran when its result was compared: that was its only run.
      if (first > this.#settings.longest) return round === 0 ? first : null;
      if (!PEER_ROUNDS.slice(0, first > SLOW ? 2 : 3).includes(round)) return null;
    }
    return await this.#steadySample(column);
  }

  /** A sample before and after which the machine is at its usual speed; else the fastest of a few. */
  async #steadySample(column: Running): Promise<number | null> {
    let fastest: number | null = null;
    for (let i = 0; i < ATTEMPTS; i++) {
      await this.#pace.wait(500);
      const answer = await column.library.ask({ type: "sample", time: this.#settings.time, least: 3 });
      if (answer.type !== "sampled") return fastest;
      column.best = Math.min(column.best, answer.best);
      fastest = Math.min(fastest ?? Number.POSITIVE_INFINITY, answer.median);
      if (this.#pace.steady() || column.first > SLOW) break;
    }
    return fastest;
  }
}

function cellOf(rounds: readonly (number | null)[]): Cell {
  const taken = rounds.filter((x) => x !== null);
  return taken.length === 0 ? { none: "" } : { rounds, best: Math.min(...taken) };
}

import type { ComputeType, DType } from "../../core/dtype.ts";
import { Accumulator } from "./accumulator.ts";
import { Codegen, declareCalls, type Lanes, type Leaves } from "./codegen.ts";
import { loadSplat } from "./elements.ts";
import { newModule } from "./engine.ts";
import { argLeaves } from "./lanes.ts";
import { loadScalarArgument, RecordReader } from "./launch.ts";
import { advance, computeOutputs, Loops, loadAt, STILL, Stream, UNIT, type Walk } from "./loops.ts";
import type { Monoid, Simple } from "./monoid.ts";
import { addToDouble, CHUNK, roundDouble } from "./sums.ts";
import type { FunctionBuilder, ModuleBuilder } from "./wasm/assembler.ts";

/** What all functions of one reduction share. */
export interface ColumnPlan {
  readonly inputs: readonly DType[];
  readonly monoid: Monoid;
  readonly simple: readonly Simple[];
  /** Which components are float32 sums. */
  readonly sums: readonly boolean[];
  readonly lanes: Lanes;
  /** How many scalars the launch record begins with. */
  readonly scalars: number;
}

/** What distinguishes them. */
export interface ColumnVariant {
  /** Whether there are so many rows that float32 sums want double precision. */
  readonly deep: boolean;
  readonly keptRank: number;
  /** How outputs, then inputs walk along the columns. */
  readonly walks: readonly Walk[];
}

/** Vectors of columns whose accumulators are kept: those of a page of a row. */
const STRETCH = 256;
/** Components, at most. */
export const MOST_COMPONENTS = 4;
const VECTOR = 16;
/** A thread has three vectors for each of them: the accumulator, and of float32 sums the two of doubles. */
export const WORKSPACE_BYTES: number = 3 * MOST_COMPONENTS * STRETCH * VECTOR;
/** Vectors that are taken together. */
const UNROLL = 2;
/** Rows of a block: of one input, or of several. Each row of each is a pointer, or a value. */
const BLOCK = 4;
const BLOCK_OF_SEVERAL = 2;

/**
 * A function that reduces rows of columns side by side. For each stretch of columns there are accumulators in memory, to which blocks of rows are
 * added; float32 sums are carried over to doubles every `CHUNK` rows. Elements of a column are folded in order.
 */
export function columnsModule(plan: ColumnPlan, v: ColumnVariant): ModuleBuilder {
  const { init, lift, outputs } = plan.monoid;
  const m = newModule();
  const calls = declareCalls(m, [...init, ...lift, ...outputs.map((o) => o.value)]);
  const f = m.func("run", ["i32"]);
  const record = new RecordReader(f, plan.scalars);
  const workspace = record.next();
  const streams = [...outputs.map((o) => o.dtype), ...plan.inputs].map((dtype, k) => {
    const s = new Stream(dtype, v.walks[k]!, f.local("i32"));
    s.row = f.local("i32");
    return s;
  });
  for (const s of streams) f.get(record.next()).set(s.row);
  const loops = new Loops(f, record, v.keptRank, streams);
  const rows = record.next();
  const steps = record.take(plan.inputs.length);
  const c = new Columns(plan, v, f, calls, streams, steps, workspace);
  loops.emit(() => c.emit(loops.inner, rows));
  return m;
}

/** Where the first vector of a part of component `k` lies in the workspace: the accumulators, and the lower and the higher half of the totals. */
const placeOf = (k: number, part: Part, copy: number): number => ((3 * k + part) * STRETCH + copy) * VECTOR;
type Part = 0 | 1 | 2;
const [SUM, LOW, HIGH] = [0, 1, 2] as const;

class Columns {
  readonly #plan: ColumnPlan;
  readonly #f: FunctionBuilder;
  readonly #calls: ReturnType<typeof declareCalls>;
  readonly #outputs: readonly Stream[];
  readonly #inputs: readonly Stream[];
  readonly #steps: readonly number[];
  readonly #workspace: number;
  /** Which components are carried over to doubles. */
  readonly #wide: readonly boolean[];
  /** Locals: where a pass is among the accumulators, and where those of the current stretch end. */
  readonly #at: number;
  readonly #end: number;
  readonly #scalar = (slot: number, type: ComputeType): void => loadScalarArgument(this.#f, slot, type);

  constructor(
    plan: ColumnPlan,
    v: ColumnVariant,
    f: FunctionBuilder,
    calls: ReturnType<typeof declareCalls>,
    streams: readonly Stream[],
    steps: readonly number[],
    workspace: number,
  ) {
    const n = plan.monoid.outputs.length;
    this.#plan = plan;
    this.#f = f;
    this.#calls = calls;
    this.#outputs = streams.slice(0, n);
    this.#inputs = streams.slice(n);
    this.#steps = steps;
    this.#workspace = workspace;
    this.#wide = plan.sums.map((sum) => sum && v.deep);
    this.#at = f.local("i32");
    this.#end = f.local("i32");
  }

  /** Reduces `size` columns (a local) of `rows` rows (a local). */
  emit(size: number, rows: number): void {
    const f = this.#f;
    const { lanes } = this.#plan;
    const streams = [...this.#outputs, ...this.#inputs];
    const begins = streams.map(() => f.local("i32"));
    const count = f.local("i32");
    const most = STRETCH * lanes;
    streams.forEach((s, k) => {
      f.get(s.row).set(begins[k]!);
    });
    f.get(size).set(count);
    f.loop((top) => {
      streams.forEach((s, k) => {
        f.get(begins[k]!).set(s.pointer);
      });
      // end = workspace + ceil(min(count, most) / lanes) * VECTOR
      f.get(count).i32(most).get(count).i32(most).op("i32.lt_u").op("select");
      f.i32(lanes - 1)
        .op("i32.add")
        .i32(-lanes)
        .op("i32.and")
        .i32(VECTOR / lanes)
        .op("i32.mul");
      f.get(this.#workspace).op("i32.add").set(this.#end);
      this.#start();
      this.#fold(rows);
      this.#finish(count);
      streams.forEach((s, k) => {
        if (s.walk === UNIT) f.bump(begins[k]!, most * s.itemsize);
      });
      f.get(count).i32(0).op("i32.gt_s").brIf(top);
    });
  }

  /** Goes through the accumulators of the current stretch, so many vectors at a time. */
  #pass(vectors: number, body: () => void): void {
    const f = this.#f;
    f.get(this.#workspace).set(this.#at);
    f.loop((top) => {
      body();
      f.bump(this.#at, vectors * VECTOR);
      f.get(this.#at).get(this.#end).op("i32.lt_u").brIf(top);
    });
  }

  /** Leaves the current vector of a component on the stack. */
  #load(k: number, part: Part, copy: number = 0): FunctionBuilder {
    return this.#f.get(this.#at).load("v128.load", placeOf(k, part, copy));
  }

  /** Stores a local as the current vector of a component. */
  #store(local: number, k: number, part: Part, copy: number = 0): void {
    this.#f
      .get(this.#at)
      .get(local)
      .store("v128.store", placeOf(k, part, copy));
  }

  #zero(k: number, part: Part): void {
    this.#f
      .get(this.#at)
      .v128("i32x4", 0)
      .store("v128.store", placeOf(k, part, 0));
  }

  #start(): void {
    const f = this.#f;
    const { monoid, lanes } = this.#plan;
    const g = new Codegen(f, lanes, this.#calls, { scalar: this.#scalar }, monoid.init);
    const value = f.local("v128");
    this.#pass(1, () => {
      g.begin();
      monoid.init.forEach((e, k) => {
        g.value(e).f.set(value);
        this.#store(value, k, SUM);
        if (!this.#wide[k]) return;
        this.#zero(k, LOW);
        this.#zero(k, HIGH);
      });
    });
  }

  #fold(rows: number): void {
    const f = this.#f;
    const left = f.local("i32");
    const chunk = f.local("i32");
    const wide = this.#wide.includes(true);
    const block = this.#inputs.length === 1 ? BLOCK : BLOCK_OF_SEVERAL;
    const pointers = this.#inputs.map((s) => (s.walk === STILL ? [] : Array.from({ length: block }, () => f.local("i32"))));
    const some = (n: number): void => {
      f.block((exit) => {
        f.get(chunk).i32(n).op("i32.lt_u").brIf(exit);
        f.loop((top) => {
          this.#block(n, pointers);
          f.get(chunk).i32(n).op("i32.sub").tee(chunk).i32(n).op("i32.ge_u").brIf(top);
        });
      });
    };
    f.get(rows).set(left);
    f.loop((top) => {
      if (wide) f.get(left).i32(CHUNK).get(left).i32(CHUNK).op("i32.lt_u").op("select");
      else f.get(left);
      f.set(chunk).get(left).get(chunk).op("i32.sub").set(left);
      some(block);
      some(1);
      if (wide) this.#carry();
      f.get(left).brIf(top);
    });
  }

  /** Adds `n` rows, and goes on to the next ones. */
  #block(n: number, pointers: readonly (readonly number[])[]): void {
    const f = this.#f;
    const { lanes, simple } = this.#plan;
    const { lift } = this.#plan.monoid;
    let row = 0;
    let copy = 0;
    const values = Array.from({ length: n }, () => new Map<string, number>());
    const leaves: Leaves = {
      scalar: this.#scalar,
      arg: (slot, type) => {
        const value = values[row]!.get(`${slot}:${type}`);
        if (value !== undefined) f.get(value);
        else loadAt(g, this.#inputs[slot]!, type, pointers[slot]![row]!, copy);
      },
    };
    const g: Codegen = new Codegen(f, lanes, this.#calls, leaves, lift);
    const types = argLeaves(lift);
    this.#inputs.forEach((s, slot) => {
      for (row = 0; row < n; row++) {
        if (s.walk === UNIT) f.get(s.pointer).set(pointers[slot]![row]!);
        else
          for (const { type } of types.filter((a) => a.slot === slot)) {
            const value = f.local("v128");
            f.get(s.pointer);
            loadSplat(g, s.dtype!, type);
            f.set(value);
            values[row]!.set(`${slot}:${type}`, value);
          }
        f.bumpBy(s.pointer, this.#steps[slot]!);
      }
    });
    const accumulators = Array.from({ length: UNROLL }, () =>
      lift.map((e, k) => new Accumulator(f, lanes, this.#calls, simple[k]!, e.type, f.local("v128"))),
    );
    const element = lift.map(() => f.local("v128"));
    this.#pass(UNROLL, () => {
      accumulators.forEach((set, c) => {
        set.forEach((a, k) => {
          this.#load(k, SUM, c).set(a.local);
          a.begin();
        });
      });
      for (row = 0; row < n; row++) {
        for (copy = 0; copy < UNROLL; copy++) {
          g.begin();
          lift.forEach((e, k) => {
            g.value(e).f.set(element[k]!);
          });
          accumulators[copy]!.forEach((a, k) => {
            a.add(element[k]!);
          });
        }
      }
      accumulators.forEach((set, c) => {
        set.forEach((a, k) => {
          a.end();
          this.#store(a.local, k, SUM, c);
        });
      });
      this.#inputs.forEach((s, slot) => {
        for (row = 0; row < n && s.walk === UNIT; row++) f.bump(pointers[slot]![row]!, UNROLL * lanes * s.itemsize);
      });
    });
  }

  /** Adds the accumulators of float32 sums to the totals, and empties them. */
  #carry(): void {
    const f = this.#f;
    const [sum, low, high] = [f.local("v128"), f.local("v128"), f.local("v128")];
    this.#pass(1, () => {
      this.#wide.forEach((wide, k) => {
        if (!wide) return;
        this.#load(k, SUM).set(sum);
        this.#load(k, LOW).set(low);
        this.#load(k, HIGH).set(high);
        addToDouble(f, sum, low, high);
        this.#store(low, k, LOW);
        this.#store(high, k, HIGH);
        this.#zero(k, SUM);
      });
    });
  }

  /** Stores what becomes of the states, and takes the columns off what is left (a local). */
  #finish(count: number): void {
    const f = this.#f;
    const { lanes, monoid } = this.#plan;
    const states = monoid.init.map(() => f.local("v128"));
    const [low, high] = [f.local("v128"), f.local("v128")];
    const sinks = this.#outputs.map((stream, k) => ({ stream, value: monoid.outputs[k]!.value }));
    const values = sinks.map((s) => s.value);
    const g = new Codegen(f, lanes, this.#calls, { scalar: this.#scalar, state: (slot) => f.get(states[slot]!) }, values);
    this.#pass(1, () => {
      states.forEach((state, k) => {
        if (this.#wide[k]) {
          this.#load(k, LOW).set(low);
          this.#load(k, HIGH).set(high);
          roundDouble(f, low, high, state);
        } else this.#load(k, SUM).set(state);
      });
      const store = computeOutputs(g, sinks, 0);
      f.get(count)
        .i32(lanes)
        .op("i32.ge_s")
        .if(
          () => store(null),
          () => store(count),
        );
      advance(g, this.#outputs, 1);
      f.get(count).i32(lanes).op("i32.sub").set(count);
    });
  }
}

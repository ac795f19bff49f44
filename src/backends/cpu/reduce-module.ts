import type { ComputeType, DType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { Accumulator } from "./accumulator.ts";
import { type Calls, Codegen, declareCalls, type Lanes, valueType } from "./codegen.ts";
import { newModule } from "./engine.ts";
import { weight } from "./lanes.ts";
import { loadScalarArgument, RecordReader } from "./launch.ts";
import {
  advance,
  clampLanes,
  computeOutputs,
  Loops,
  loadAt,
  prepareRow,
  type Sink,
  STRIDED,
  Stream,
  startRow,
  type Walk,
} from "./loops.ts";
import type { Monoid, Simple } from "./monoid.ts";
import { foldRows } from "./reduce-rows.ts";
import { DoubleSum } from "./sums.ts";
import type { FunctionBuilder, ModuleBuilder } from "./wasm/assembler.ts";

/** What all functions of one reduction share. */
export interface Plan {
  readonly inputs: readonly DType[];
  /** Where states start and what becomes of them. */
  readonly ends: Monoid;
  readonly fold: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly simple: readonly Simple[] | null;
  /** Which components are float32 sums. */
  readonly sums: readonly boolean[];
  /** How many scalars the launch record begins with. */
  readonly scalars: number;
  readonly usesPosition: boolean;
}

/** What distinguishes them. */
export interface Variant {
  /** Vectors along the reduced dimension, vectors of kept elements, or element by element. */
  readonly way: "rows" | "kept" | "elements";
  readonly lanes: Lanes;
  /** Whether kept elements have so many each that float32 sums want double precision; along rows they always have it. */
  readonly deep: boolean;
  readonly keptRank: number;
  /** 0 where there is nothing to reduce. */
  readonly reducedRank: number;
  /** In rows: how inputs walk along the innermost reduced dimension. Else how outputs and inputs walk along the innermost kept one. */
  readonly walks: readonly Walk[];
}

/** Vectors of kept elements that are reduced side by side: a cache line's worth. */
const STRIP = 4;
/** The same where lanes are gathered, or where a fold takes many operations, each of which waits for the one before. */
const NARROW_STRIP = 2;

/** The code of one variant. */
export class ReduceContext {
  readonly plan: Plan;
  readonly variant: Variant;
  readonly f: FunctionBuilder;
  readonly calls: Calls;
  /** Lanes of a state as the outputs see it. */
  readonly endLanes: Lanes;

  constructor(plan: Plan, variant: Variant, f: FunctionBuilder, calls: Calls) {
    this.plan = plan;
    this.variant = variant;
    this.f = f;
    this.calls = calls;
    this.endLanes = variant.way === "kept" ? variant.lanes : 1;
  }

  readonly scalar = (slot: number, type: ComputeType): void => loadScalarArgument(this.f, slot, type);

  /** Locals for one state. */
  states(): number[] {
    return this.plan.ends.init.map((e) => this.f.local(valueType(e.type, this.endLanes)));
  }

  stream(dtype: DType | null, walk: Walk, rank: number): Stream {
    const s = new Stream(dtype, walk, this.f.local("i32"));
    s.row = rank === 1 ? s.pointer : this.f.local("i32");
    return s;
  }
}

/** Folds the reduced elements of as many neighbouring kept vectors as there are lists of states. */
export type FoldLoop = (states: readonly (readonly number[])[]) => void;

export function reduceModule(plan: Plan, v: Variant): ModuleBuilder {
  const { init, outputs } = plan.ends;
  const values = outputs.map((o) => o.value);
  const m = newModule();
  const calls = declareCalls(m, [...init, ...plan.fold, ...values]);
  const f = m.func("run", ["i32"]);
  const c = new ReduceContext(plan, v, f, calls);
  const record = new RecordReader(f, plan.scalars);
  const kept = [...outputs.map((o) => o.dtype), ...plan.inputs].map((d, k) =>
    c.stream(d, v.way === "rows" ? STRIDED : v.walks[k]!, v.keptRank),
  );
  for (const s of kept) f.get(record.next()).set(s.row);
  const loops = new Loops(f, record, v.keptRank, kept);
  const inputs = kept.slice(outputs.length);
  const fold = v.reducedRank === 0 ? () => {} : v.way === "rows" ? foldRows(c, record, inputs) : foldElements(c, record, inputs);
  const sinks = outputs.map((o, k) => ({ stream: kept[k]!, value: o.value }));
  const wide = inputs.every((s) => s.walk !== STRIDED) && weight(plan.fold) * plan.fold.length <= 8;
  const strips = v.way !== "kept" ? 1 : wide ? STRIP : NARROW_STRIP;
  loops.emit(() => {
    keptLoop(c, loops.inner, kept, sinks, strips, fold);
  });
  return m;
}

/** The innermost kept loop: strips of several vectors, then vector by vector, the last one perhaps partly filled. */
function keptLoop(c: ReduceContext, size: number, kept: readonly Stream[], sinks: readonly Sink[], strips: number, fold: FoldLoop): void {
  const { f, endLanes: lanes, plan } = c;
  const copies = Array.from({ length: strips }, () => c.states());
  let copy = 0;
  const start = new Codegen(f, lanes, c.calls, { scalar: c.scalar }, plan.ends.init);
  const finish = new Codegen(
    f,
    lanes,
    c.calls,
    {
      scalar: c.scalar,
      state: (slot) => f.get(copies[copy]![slot]!),
    },
    sinks.map((s) => s.value),
  );
  const count = f.local("i32");
  const reduce = (n: number, last: boolean): void => {
    const states = copies.slice(0, n);
    for (const state of states) {
      start.begin();
      plan.ends.init.forEach((e, k) => {
        start.value(e).f.set(state[k]!);
      });
    }
    fold(states);
    for (copy = 0; copy < n; copy++) {
      const store = computeOutputs(finish, sinks, copy);
      if (!last || lanes === 1) store(null);
      else
        f.get(count)
          .i32(lanes)
          .op("i32.ge_s")
          .if(
            () => store(null),
            () => store(count),
          );
    }
    copy = 0;
    advance(finish, kept, n);
  };
  startRow(f, kept);
  f.get(size).set(count);
  prepareRow(finish, kept, strips);
  f.block((done) => {
    if (strips > 1) {
      const block = strips * lanes;
      f.block((exit) => {
        f.get(count).i32(block).op("i32.lt_s").brIf(exit);
        f.loop((top) => {
          reduce(strips, false);
          f.get(count).i32(block).op("i32.sub").tee(count).i32(block).op("i32.ge_s").brIf(top);
        });
      });
      f.get(count).op("i32.eqz").brIf(done);
    }
    f.loop((top) => {
      clampLanes(finish, kept, count);
      reduce(1, true);
      f.get(count).i32(lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
    });
  });
}

/** Elements in order, one at a time for every kept element. */
function foldElements(c: ReduceContext, record: RecordReader, inputs: readonly Stream[]): FoldLoop {
  const { f, plan, variant: v } = c;
  // These step along the reduced dimensions, by whatever the nest says, and load lanes along the kept one.
  const streams = [...plan.inputs, null].map((dtype) => c.stream(dtype, STRIDED, v.reducedRank));
  const loops = new Loops(f, record, v.reducedRank, streams);
  const at = streams[inputs.length]!;
  const moving = plan.usesPosition ? streams : streams.slice(0, -1);
  let copy = 0;
  let current: readonly number[] = [];
  const g: Codegen = new Codegen(
    f,
    v.lanes,
    c.calls,
    {
      scalar: c.scalar,
      arg: (slot, type) => {
        // Positions in 32 bits are the operand after the last.
        if (slot === inputs.length) f.get(at.pointer).op("i32x4.splat");
        else loadAt(g, inputs[slot]!, type, streams[slot]!.pointer, copy);
      },
      position: () => {
        f.get(at.pointer).op("i64.extend_i32_u");
        g.splat("i64");
      },
      state: (slot) => f.get(current[slot]!),
    },
    plan.fold,
  );
  const simple = v.way === "kept" ? plan.simple : null;
  const element = simple === null ? [] : plan.lift.map(() => f.local("v128"));
  const lift = simple === null ? null : new Codegen(f, v.lanes, c.calls, g.leaves, plan.lift);
  const count = f.local("i32");
  return (states) => {
    const accumulators =
      simple === null
        ? []
        : states.map((state) => state.map((local, k) => new Accumulator(f, v.lanes, c.calls, simple[k]!, plan.lift[k]!.type, local)));
    const fold = (): void => {
      current = states[copy]!;
      if (lift === null) {
        g.begin();
        const next = plan.fold.map((e) => g.keep(e));
        next.forEach((local, k) => {
          f.get(local).set(current[k]!);
        });
        return;
      }
      lift.begin();
      plan.lift.forEach((e, k) => {
        lift.value(e).f.set(element[k]!);
      });
      accumulators[copy]!.forEach((a, k) => {
        a.add(element[k]!);
      });
    };
    for (const set of accumulators) for (const a of set) a.begin();
    const sums = v.way === "kept" && v.deep ? DoubleSum.list(f, states, plan.sums) : null;
    inputs.forEach((s, k) => {
      f.get(s.pointer).set(streams[k]!.row);
    });
    if (plan.usesPosition) f.i32(0).set(at.row);
    sums?.begin();
    loops.emit(() => {
      startRow(f, moving);
      const row = (length: number): void => {
        f.get(length).set(count);
        f.loop((top) => {
          for (copy = 0; copy < states.length; copy++) fold();
          copy = 0;
          for (const s of moving) f.bumpBy(s.pointer, s.stride);
          f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
        });
      };
      if (sums === null) row(loops.inner);
      else sums.chunks(loops.inner, row);
    });
    sums?.end();
    for (const set of accumulators) for (const a of set) a.end();
  };
}

import { Accumulator } from "./accumulator.ts";
import { Codegen, valueType } from "./codegen.ts";
import { weight } from "./lanes.ts";
import { advance, clampLanes, computeOutputs, prepareRow, STRIDED, startRow } from "./loops.ts";
import { finishComponent, lanesBelow, ROW_CHUNK } from "./reduce-rows.ts";

import { type RowsContext, storeLanes } from "./rows-context.ts";
import type { StagePlan } from "./rows-plan.ts";
import { DoubleSum } from "./sums.ts";

/** Folds the current row in vectors along it: several accumulators per component hide the latency of the operation. Returns the states: numbers. */
export function foldAlong(c: RowsContext, stage: StagePlan, number: number): readonly number[] {
  const { f, plan, variant: v } = c;
  const states = stage.scalar.init.map((e) => f.local(valueType(e.type, 1)));
  const start = new Codegen(f, 1, c.calls, { scalar: c.scalar }, stage.scalar.init);
  stage.scalar.init.forEach((e, k) => {
    start.value(e).f.set(states[k]!);
  });
  if (c.loops === null) return states;
  const { loops } = c;
  const simple = stage.simple!;
  const types = stage.lift.map((e) => e.type);
  const spills = plan.spills.filter((s) => s.stage === number);
  const roots = [...spills.map((s) => s.value), ...stage.lift];
  const used = [...new Set([...c.reads(roots), ...spills.map((s) => plan.along.indexOf(s.output))])].map((i) => c.row[i]!);
  const unroll = used.some((s) => s.walk === STRIDED) ? 1 : weight(roots) <= 8 ? 4 : 2;
  const accumulators = Array.from({ length: unroll }, () =>
    types.map((t, k) => new Accumulator(f, v.lanes, c.calls, simple[k]!, t, f.local("v128"))),
  );
  let copy = 0;
  const g: Codegen = new Codegen(
    f,
    v.lanes,
    c.calls,
    c.leaves(
      () => g,
      () => copy,
    ),
    roots,
  );
  c.declareStills(g, roots);
  const sinks = spills.map((s) => c.sink(s.output, s.value));
  const element = types.map(() => f.local("v128"));
  const lift = (): ((count: number | null) => void) => {
    const store = computeOutputs(g, sinks, copy);
    stage.lift.forEach((e, k) => {
      g.value(e).f.set(element[k]!);
    });
    return store;
  };
  const accumulate = (into: readonly Accumulator[]): void => {
    into.forEach((a, k) => {
      a.add(element[k]!);
    });
  };
  const doubles = stage.sums.map((sum, k) =>
    sum
      ? new DoubleSum(
          f,
          accumulators.map((set) => set[k]!.local),
          (ROW_CHUNK / 4) * unroll,
        )
      : null,
  );
  const [first, ...others] = doubles.filter((d) => d !== null);
  const count = f.local("i32");
  const valid = f.local("v128");
  const row = (length: number): void => {
    f.get(length).set(count);
    if (unroll > 1) {
      const block = unroll * v.lanes;
      f.block((exit) => {
        f.get(count).i32(block).op("i32.lt_s").brIf(exit);
        f.loop((top) => {
          for (copy = 0; copy < unroll; copy++) {
            const store = lift();
            accumulate(accumulators[copy]!);
            store(null);
          }
          copy = 0;
          advance(g, used, unroll);
          f.get(count).i32(block).op("i32.sub").tee(count).i32(block).op("i32.ge_s").brIf(top);
        });
      });
    }
    f.block((done) => {
      f.get(count).op("i32.eqz").brIf(done);
      f.loop((top) => {
        clampLanes(g, used, count);
        const store = lift();
        f.get(count)
          .i32(v.lanes)
          .op("i32.lt_s")
          .if(
            () => {
              lanesBelow(f, v.lanes, count, valid);
              accumulators[0]!.forEach((a, k) => {
                a.mask(element[k]!, valid);
              });
              store(count);
            },
            () => store(null),
          );
        accumulate(accumulators[0]!);
        advance(g, used, 1);
        f.get(count).i32(v.lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
      });
    });
  };
  for (const set of accumulators) for (const a of set) a.beginEmpty();
  for (const d of doubles) d?.begin();
  c.startRows();
  loops.emit(() => {
    startRow(f, used);
    prepareRow(g, used);
    if (first === undefined) row(loops.inner);
    else first.chunks(loops.inner, row, others);
  });
  simple.forEach((name, k) => {
    finishComponent(
      c,
      name,
      types[k]!,
      accumulators.map((set) => set[k]!),
      states[k]!,
      doubles[k]!,
    );
  });
  return states;
}

/**
 * Folds the current rows element by element, each lane of `copies` vectors its own row, of which (given the local `count`) there are perhaps fewer.
 * Returns the states of each vector.
 */
export function foldAcross(c: RowsContext, stage: StagePlan, number: number, count: number | null, copies: number): readonly number[][] {
  const { f, plan, variant: v } = c;
  const { init, fold } = v.lanes === 1 ? stage.scalar : stage.vector;
  const states = Array.from({ length: copies }, () => init.map((e) => f.local(valueType(e.type, v.lanes))));
  const start = new Codegen(f, v.lanes, c.calls, { scalar: c.scalar }, init);
  for (const state of states) {
    start.begin();
    init.forEach((e, k) => {
      start.value(e).f.set(state[k]!);
    });
  }
  if (c.loops === null) return states;
  const { loops } = c;
  const simple = v.lanes > 1 ? stage.simple : null;
  const spills = plan.spills.filter((s) => s.stage === number);
  const roots = [...spills.map((s) => s.value), ...(simple === null ? fold : stage.lift)];
  const g: Codegen = new Codegen(
    f,
    v.lanes,
    c.calls,
    {
      ...c.leaves(
        () => g,
        () => 0,
      ),
      state: (slot) => f.get(states[c.copy]![slot]!),
    },
    roots,
  );
  const sinks = spills.map((s) => c.sink(s.output, s.value));
  const accumulators = states.map((state) =>
    (simple ?? []).map((name, k) => new Accumulator(f, v.lanes, c.calls, name, stage.lift[k]!.type, state[k]!)),
  );
  const element = stage.lift.map(() => f.local("v128"));
  const one = (): void => {
    const store = computeOutputs(g, sinks, c.copy);
    if (simple === null) {
      const next = fold.map((e) => g.keep(e));
      next.forEach((local, k) => {
        f.get(local).set(states[c.copy]![k]!);
      });
    } else {
      stage.lift.forEach((e, k) => {
        g.value(e).f.set(element[k]!);
      });
      accumulators[c.copy]!.forEach((a, k) => {
        a.add(element[k]!);
      });
    }
    if (sinks.length > 0) storeLanes(c, store, count);
  };
  const sums = v.lanes > 1 && v.deep ? DoubleSum.list(f, states, stage.sums) : null;
  const left = f.local("i32");
  const row = (length: number): void => {
    f.get(length).set(left);
    f.loop((top) => {
      for (c.copy = 0; c.copy < copies; c.copy++) one();
      c.copy = 0;
      for (const s of c.row) f.bumpBy(s.pointer, s.stride);
      f.get(left).i32(1).op("i32.sub").tee(left).brIf(top);
    });
  };
  for (const set of accumulators) for (const a of set) a.begin();
  sums?.begin();
  c.startRows();
  loops.emit(() => {
    startRow(f, c.row);
    if (sums === null) row(loops.inner);
    else sums.chunks(loops.inner, row);
  });
  sums?.end();
  for (const set of accumulators) for (const a of set) a.end();
  return states;
}

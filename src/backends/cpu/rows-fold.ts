import { Accumulator } from "./accumulator.ts";
import { Codegen, valueType } from "./codegen.ts";
import { foldVectors } from "./fold-vectors.ts";
import { computeOutputs, startRow } from "./loops.ts";
import { type RowsContext, storeLanes } from "./rows-context.ts";
import type { StagePlan } from "./rows-plan.ts";
import { DoubleSum } from "./sums.ts";

/** Folds the current row in vectors along it. Returns the states: numbers. */
export function foldAlong(c: RowsContext, stage: StagePlan, number: number): readonly number[] {
  const { f, plan } = c;
  const states = stage.scalar.init.map((e) => f.local(valueType(e.type, 1)));
  const start = new Codegen(f, 1, c.calls, { scalar: c.scalar }, stage.scalar.init);
  stage.scalar.init.forEach((e, k) => {
    start.value(e).f.set(states[k]!);
  });
  if (c.loops === null) return states;
  const spills = plan.spills.filter((s) => s.stage === number);
  const roots = [...spills.map((s) => s.value), ...stage.lift];
  const used = new Set([...c.reads(roots), ...spills.map((s) => plan.along.indexOf(s.output))]);
  foldVectors(
    c,
    {
      lift: stage.lift,
      simple: stage.simple!,
      sums: stage.sums,
      sinks: spills.map((s) => c.sink(s.output, s.value)),
      loops: c.loops,
      streams: [...used].map((i) => c.row[i]!),
      leaves: (g, copy) => c.leaves(g, copy),
      declareStills: (g) => c.declareStills(g, roots),
      start: () => c.startRows(),
    },
    states,
  );
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

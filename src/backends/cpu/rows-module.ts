import { Codegen, declareCalls, type Leaves } from "./codegen.ts";
import { storeScalar } from "./elements.ts";
import { newModule } from "./engine.ts";
import { weight } from "./lanes.ts";
import { advance, clampLanes, computeOutputs, innerLoop, prepareRow, STILL, STRIDED, startRow } from "./loops.ts";
import { RowsContext, type RowsVariant, storeLanes } from "./rows-context.ts";
import { foldAcross, foldAlong } from "./rows-fold.ts";
import type { RowsPlan, StagePlan } from "./rows-plan.ts";
import type { ModuleBuilder } from "./wasm/assembler.ts";

/** The module of a variant: its function `run` takes the launch record. */
export function rowsModule(plan: RowsPlan, v: RowsVariant): ModuleBuilder {
  const m = newModule();
  const calls = declareCalls(m, plan.roots);
  const f = m.func("run", ["i32"]);
  const c = new RowsContext(plan, v, f, calls);
  const count = f.local("i32");
  c.keptLoops.emit(() => {
    startRow(f, c.kept);
    f.get(c.keptLoops.inner).set(count);
    if (v.way === "along") {
      f.loop((top) => {
        rowAlong(c);
        for (const s of c.kept) f.bumpBy(s.pointer, s.stride);
        f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
      });
    } else {
      const g = new Codegen(f, v.lanes, calls, { scalar: c.scalar }, []);
      prepareRow(g, c.kept, v.strips);
      f.block((done) => {
        if (v.strips > 1) {
          const block = v.strips * v.lanes;
          f.block((exit) => {
            f.get(count).i32(block).op("i32.lt_s").brIf(exit);
            f.loop((top) => {
              rowsAcross(c, null, v.strips);
              advance(g, c.kept, v.strips);
              f.get(count).i32(block).op("i32.sub").tee(count).i32(block).op("i32.ge_s").brIf(top);
            });
          });
          f.get(count).op("i32.eqz").brIf(done);
        }
        f.loop((top) => {
          clampLanes(g, c.kept, count);
          rowsAcross(c, count, 1);
          advance(g, c.kept, 1);
          f.get(count).i32(v.lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
        });
      });
    }
  });
  return m;
}

/** Computes a stage's results from its states: locals, numbers along rows and vectors across. */
function finishStage(c: RowsContext, stage: StagePlan, states: readonly number[]): void {
  const { f, plan } = c;
  const { outputs } = c.variant.way === "along" || c.variant.lanes === 1 ? stage.scalar : stage.vector;
  const values = outputs.map((o) => o.value);
  const g = new Codegen(
    f,
    c.endLanes,
    c.calls,
    {
      scalar: c.scalar,
      state: (slot) => f.get(states[slot]!),
      arg: (slot) => f.get(c.results[slot - plan.inputs.length]!),
    },
    values,
  );
  values.forEach((value, k) => {
    const result = c.results[stage.first + k]!;
    g.value(value).f.set(result);
    if (c.spread[0] === c.results[0]) return;
    f.get(result);
    new Codegen(f, c.variant.lanes, c.calls, { scalar: c.scalar }, []).splat(value.type).f.set(c.spread[stage.first + k]!);
  });
}

/** One row, in vectors along it. */
function rowAlong(c: RowsContext): void {
  const { f, plan, variant } = c;
  for (const [k, stage] of plan.stages.entries()) finishStage(c, stage, foldAlong(c, stage, k));
  const outputs = [...plan.outputs.entries()].filter(([, o]) => o.per === "element");
  if (outputs.length > 0 && c.loops !== null) {
    const { loops } = c;
    const values = outputs.map(([, o]) => o.value);
    let copy = 0;
    const g: Codegen = new Codegen(
      f,
      variant.lanes,
      c.calls,
      c.leaves(
        () => g,
        () => copy,
      ),
      values,
    );
    c.declareStills(g, values);
    const sinks = outputs.map(([k, o]) => c.sink(k, o.value));
    const used = [...new Set([...c.reads(values), ...outputs.map(([k]) => plan.along.indexOf(k))])].map((i) => c.row[i]!);
    const n = weight(values) + used.filter((s) => s.walk !== STILL).length;
    const unroll = used.some((s) => s.walk === STRIDED) ? 1 : n <= 10 ? 4 : n <= 40 ? 2 : 1;
    const count = f.local("i32");
    c.startRows();
    loops.emit(() => {
      startRow(f, used);
      f.get(loops.inner).set(count);
      prepareRow(g, used);
      innerLoop(g, used, sinks, count, unroll, (n) => {
        copy = n;
      });
    });
  }
  storePerRow(c, null);
}

/** As many rows as there are lanes in `copies` vectors, or (given the local `count`) fewer. */
function rowsAcross(c: RowsContext, count: number | null, copies: number): void {
  const { f, plan, variant } = c;
  for (const [k, stage] of plan.stages.entries()) {
    const states = foldAcross(c, stage, k, count, copies);
    for (c.copy = 0; c.copy < copies; c.copy++) finishStage(c, stage, states[c.copy]!);
    c.copy = 0;
  }
  const outputs = [...plan.outputs.entries()].filter(([, o]) => o.per === "element");
  if (outputs.length > 0 && c.loops !== null) {
    const { loops } = c;
    const values = outputs.map(([, o]) => o.value);
    const g: Codegen = new Codegen(
      f,
      variant.lanes,
      c.calls,
      c.leaves(
        () => g,
        () => 0,
      ),
      values,
    );
    const sinks = outputs.map(([k, o]) => c.sink(k, o.value));
    const left = f.local("i32");
    c.startRows();
    loops.emit(() => {
      startRow(f, c.row);
      f.get(loops.inner).set(left);
      f.loop((top) => {
        for (c.copy = 0; c.copy < copies; c.copy++) storeLanes(c, computeOutputs(g, sinks, c.copy), count);
        c.copy = 0;
        for (const s of c.row) f.bumpBy(s.pointer, s.stride);
        f.get(left).i32(1).op("i32.sub").tee(left).brIf(top);
      });
    });
  }
  for (c.copy = 0; c.copy < copies; c.copy++) storePerRow(c, count);
  c.copy = 0;
}

/** Stores the outputs that are one for each row. */
function storePerRow(c: RowsContext, count: number | null): void {
  const { f, plan } = c;
  const outputs = [...plan.outputs.entries()].filter(([, o]) => o.per === "row");
  if (outputs.length === 0) return;
  const values = outputs.map(([, o]) => o.value);
  const leaves: Leaves = { scalar: c.scalar, arg: (slot) => f.get(c.results[slot - plan.inputs.length]!) };
  const g = new Codegen(f, c.endLanes, c.calls, leaves, values);
  if (c.variant.way === "across") {
    const sinks = outputs.map(([k, o]) => ({ stream: c.kept[k]!, value: o.value }));
    storeLanes(c, computeOutputs(g, sinks, c.copy), count);
    return;
  }
  for (const [k, o] of outputs) {
    f.get(c.kept[k]!.pointer);
    g.value(o.value);
    storeScalar(g, o.dtype, o.value.type);
  }
}

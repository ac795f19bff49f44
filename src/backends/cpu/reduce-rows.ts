import type { ComputeType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { Accumulator } from "./accumulator.ts";
import { type Calls, Codegen, type Lanes, shapeOf, valueType } from "./codegen.ts";
import { argLeaves, weight } from "./lanes.ts";
import type { RecordReader } from "./launch.ts";
import { advance, clampLanes, declareStill, Loops, loadFrom, prepareRow, STILL, STRIDED, type Stream, startRow } from "./loops.ts";
import { operation, type Simple } from "./monoid.ts";
import type { FoldLoop, ReduceContext } from "./reduce-module.ts";
import { DoubleSum } from "./sums.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import type { Opcode } from "./wasm/opcodes.ts";

/** Elements before float32 accumulators are carried over: with four accumulators of four lanes each lane has taken 128. */
export const ROW_CHUNK = 2048;

/**
 * Vectors along the innermost reduced dimension. Several accumulators per component hide the latency of the operation; at the end of all
 * rows they and their lanes are combined into the state.
 */
export function foldRows(c: ReduceContext, record: RecordReader, inputs: readonly Stream[]): FoldLoop {
  const { f, plan, variant: v } = c;
  const simple = plan.simple!;
  const n = simple.length;
  const types = plan.lift.map((e) => e.type);
  const streams = plan.inputs.map((dtype, k) => c.stream(dtype, v.walks[k]!, v.reducedRank));
  // The nest has the position as its last operand, which nobody reads here.
  const still = c.stream(null, STILL, v.reducedRank);
  const loops = new Loops(f, record, v.reducedRank, [...streams, still]);
  const unroll = streams.some((s) => s.walk === STRIDED) ? 1 : weight(plan.lift) <= 8 ? 4 : 2;
  const accumulators = Array.from({ length: unroll }, () =>
    types.map((t, k) => new Accumulator(f, v.lanes, c.calls, simple[k]!, t, f.local("v128"))),
  );

  let copy = 0;
  const lift: Codegen = new Codegen(
    f,
    v.lanes,
    c.calls,
    { scalar: c.scalar, arg: (slot, type) => loadFrom(lift, streams[slot]!, type, copy) },
    plan.lift,
  );
  for (const a of argLeaves(plan.lift)) declareStill(lift, streams[a.slot]!, a.type);
  const element = types.map(() => f.local("v128"));
  /** Folds the vectors in `element` into one set of accumulators. */
  const accumulate = (into: readonly Accumulator[]): void => {
    into.forEach((a, k) => {
      a.add(element[k]!);
    });
  };
  const valid = f.local("v128");
  const liftInto = (): void => {
    lift.begin();
    plan.lift.forEach((e, k) => {
      lift.value(e).f.set(element[k]!);
    });
  };
  const count = f.local("i32");
  const double = plan.sums.map((sum, k) =>
    sum
      ? new DoubleSum(
          f,
          accumulators.map((set) => set[k]!.local),
          ROW_CHUNK,
        )
      : null,
  );
  const [first, ...others] = double.filter((d) => d !== null);

  const row = (length: number): void => {
    f.get(length).set(count);
    if (unroll > 1) {
      const block = unroll * v.lanes;
      f.block((exit) => {
        f.get(count).i32(block).op("i32.lt_s").brIf(exit);
        f.loop((top) => {
          for (copy = 0; copy < unroll; copy++) {
            liftInto();
            accumulate(accumulators[copy]!);
          }
          copy = 0;
          advance(lift, streams, unroll);
          f.get(count).i32(block).op("i32.sub").tee(count).i32(block).op("i32.ge_s").brIf(top);
        });
      });
    }
    f.block((done) => {
      f.get(count).op("i32.eqz").brIf(done);
      f.loop((top) => {
        clampLanes(lift, streams, count);
        liftInto();
        f.get(count)
          .i32(v.lanes)
          .op("i32.lt_s")
          .if(() => {
            lanesBelow(f, v.lanes, count, valid);
            accumulators[0]!.forEach((a, k) => {
              a.mask(element[k]!, valid);
            });
          });
        accumulate(accumulators[0]!);
        advance(lift, streams, 1);
        f.get(count).i32(v.lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
      });
    });
  };

  return (states) => {
    const state = states[0]!;
    for (const set of accumulators) {
      for (const a of set) a.beginEmpty();
    }
    inputs.forEach((s, k) => {
      f.get(s.pointer).set(streams[k]!.row);
    });
    for (const d of double) d?.begin();
    loops.emit(() => {
      startRow(f, streams);
      prepareRow(lift, streams);
      if (first === undefined) row(loops.inner);
      else first.chunks(loops.inner, row, others);
    });
    for (let k = 0; k < n; k++)
      finishComponent(
        c,
        simple[k]!,
        types[k]!,
        accumulators.map((set) => set[k]!),
        state[k]!,
        double[k]!,
      );
  };
}

/** Leaves in a local which lanes are below `count`. */
export function lanesBelow(f: FunctionBuilder, lanes: Lanes, count: number, into: number): void {
  if (lanes === 4) {
    f.get(f.hoist("v128", "lanes4", () => f.v128Bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])));
    f.get(count).op("i32x4.splat").op("i32x4.lt_s").set(into);
  } else {
    f.get(f.hoist("v128", "lanes2", () => f.v128Bytes([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])));
    f.get(count).op("i64.extend_i32_s").op("i64x2.splat").op("i64x2.lt_s").set(into);
  }
}

/** What the code of a fold needs of its function. */
export interface Region {
  readonly f: FunctionBuilder;
  readonly calls: Calls;
  readonly scalar: (slot: number, type: ComputeType) => void;
  readonly variant: { readonly lanes: Lanes };
}

/** Combines the accumulators of one component, then their lanes, into the state, which holds the starting value. */
export function finishComponent(
  c: Region,
  name: Simple,
  type: ComputeType,
  accumulators: readonly Accumulator[],
  into: number,
  double: DoubleSum | null,
): void {
  const { f, variant: v } = c;
  if (double !== null) {
    f.get(into);
    double.total();
    f.op("f64.add").set(into);
    return;
  }
  const fold: Expr = operation(name, type);
  for (const a of accumulators) a.end();
  const [first, ...others] = accumulators.map((a) => a.local) as [number, ...number[]];
  for (const other of others) {
    new Codegen(f, v.lanes, c.calls, { scalar: c.scalar, state: (slot) => f.get(slot === 0 ? first : other) }, [fold])
      .value(fold)
      .f.set(first);
  }
  const lane = f.local(valueType(type, 1));
  for (let k = 0; k < v.lanes; k++) {
    f.get(first).lane(`${shapeOf(type, v.lanes)}.extract_lane` as Opcode, k);
    if (type === "bool") {
      if (v.lanes === 2) f.op("i32.wrap_i64");
      f.i32(1).op("i32.and");
    }
    f.set(lane);
    new Codegen(f, 1, c.calls, { scalar: c.scalar, state: (slot) => f.get(slot === 0 ? into : lane) }, [fold]).value(fold).f.set(into);
  }
}

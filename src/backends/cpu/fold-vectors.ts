import type { ComputeType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { Accumulator } from "./accumulator.ts";
import { type Calls, Codegen, type Lanes, type Leaves, shapeOf, valueType } from "./codegen.ts";
import { weight } from "./lanes.ts";
import {
  advance,
  CHAIN,
  clampLanes,
  computeInStep,
  type Loops,
  outputsOf,
  prepareRow,
  type Sink,
  STRIDED,
  type Stream,
  startRow,
} from "./loops.ts";
import { operation, type Simple } from "./monoid.ts";
import { CHUNK, DoubleSum } from "./sums.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import type { Opcode } from "./wasm/opcodes.ts";

/** Vectors that are taken together. */
const UNROLL = 4;

/** What the code of a fold needs of its function. */
export interface Region {
  readonly f: FunctionBuilder;
  readonly calls: Calls;
  readonly scalar: (slot: number, type: ComputeType) => void;
  readonly variant: { readonly lanes: Lanes };
}

/** What is folded along a row, in vectors, and how to go along it. */
export interface VectorFold {
  readonly lift: readonly Expr[];
  /** The operation of each component. */
  readonly simple: readonly Simple[];
  /** Which components are float32 sums. */
  readonly sums: readonly boolean[];
  /** Values that are stored on the way. */
  readonly sinks: readonly Sink[];
  readonly loops: Loops;
  /** The operands that the values are made of, or stored in. */
  readonly streams: readonly Stream[];
  /** How a region reads them; `copy` gives the number of its vector. */
  leaves(g: () => Codegen, copy: () => number): Leaves;
  /** Declares what a region reads of operands that stand still. */
  declareStills(g: Codegen): void;
  /** Puts the operands at the start of the row. */
  start(): void;
}

/**
 * Folds a row into states (locals: numbers, which hold the starting values), in vectors along it. Several accumulators per component hide the latency
 * of the operation; at the end they and their lanes are combined.
 */
export function foldVectors(c: Region, fold: VectorFold, states: readonly number[]): void {
  const { f } = c;
  const { lanes } = c.variant;
  const { lift, simple, sinks, streams, loops } = fold;
  const types = lift.map((e) => e.type);
  const roots = [...sinks.map((s) => s.value), ...lift];
  const unroll = streams.some((s) => s.walk === STRIDED) ? 1 : UNROLL;
  const chain = weight(roots) >= CHAIN;
  // Other elements' chains hide the latency of the operation as well, and registers are few.
  const sets = chain || unroll === 1 ? 1 : Math.max(1, Math.floor(UNROLL / types.length));
  const accumulators = Array.from({ length: sets }, () =>
    types.map((t, k) => new Accumulator(f, lanes, c.calls, simple[k]!, t, f.local("v128"))),
  );
  const doubles = fold.sums.map((sum, k) => {
    if (!sum) return null;
    const locals = accumulators.map((set) => set[k]!.local);
    return new DoubleSum(f, locals, CHUNK * lanes * sets);
  });
  const [first, ...others] = doubles.filter((d) => d !== null);
  let copy = 0;
  const setCopy = (k: number): void => {
    copy = k;
  };
  const leaves = fold.leaves(
    () => g,
    () => copy,
  );
  const g: Codegen = new Codegen(f, lanes, c.calls, leaves, roots);
  fold.declareStills(g);
  const element = types.map(() => f.local("v128"));
  /** Computes what there is of a vector: the elements, and what is to be stored. */
  const finish = (region: Codegen): ((count: number | null) => void) => {
    const store = outputsOf(region, sinks, copy);
    lift.forEach((e, k) => {
      region.value(e).f.set(element[k]!);
    });
    return store;
  };
  const accumulate = (into: readonly Accumulator[]): void => {
    into.forEach((a, k) => {
      a.add(element[k]!);
    });
  };
  const block = (): void => {
    const regions = chain ? computeInStep(g, unroll, setCopy) : null;
    for (copy = 0; copy < unroll; copy++) {
      const store = finish(regions?.[copy] ?? g.begin());
      accumulate(accumulators[copy % sets]!);
      store(null);
    }
    copy = 0;
  };
  const count = f.local("i32");
  const valid = f.local("v128");
  const row = (length: number): void => {
    f.get(length).set(count);
    if (unroll > 1) {
      const size = unroll * lanes;
      f.block((exit) => {
        f.get(count).i32(size).op("i32.lt_s").brIf(exit);
        f.loop((top) => {
          block();
          advance(g, streams, unroll);
          f.get(count).i32(size).op("i32.sub").tee(count).i32(size).op("i32.ge_s").brIf(top);
        });
      });
    }
    f.block((done) => {
      f.get(count).op("i32.eqz").brIf(done);
      f.loop((top) => {
        clampLanes(g, streams, count);
        const store = finish(g.begin());
        f.get(count)
          .i32(lanes)
          .op("i32.lt_s")
          .if(
            () => {
              lanesBelow(f, lanes, count, valid);
              accumulators[0]!.forEach((a, k) => {
                a.mask(element[k]!, valid);
              });
              store(count);
            },
            () => store(null),
          );
        accumulate(accumulators[0]!);
        advance(g, streams, 1);
        f.get(count).i32(lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
      });
    });
  };
  for (const set of accumulators) for (const a of set) a.beginEmpty();
  for (const d of doubles) d?.begin();
  fold.start();
  loops.emit(() => {
    startRow(f, streams);
    prepareRow(g, streams);
    if (first === undefined) row(loops.inner);
    else first.chunks(loops.inner, row, others);
  });
  simple.forEach((name, k) => {
    const ends = accumulators.map((set) => set[k]!);
    finishComponent(c, name, types[k]!, ends, states[k]!, doubles[k]!);
  });
}

/** Leaves in a local which lanes are below `count`. */
function lanesBelow(f: FunctionBuilder, lanes: Lanes, count: number, into: number): void {
  if (lanes === 4) {
    f.get(f.hoist("v128", "lanes4", () => f.v128Bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])));
    f.get(count).op("i32x4.splat").op("i32x4.lt_s").set(into);
  } else {
    f.get(f.hoist("v128", "lanes2", () => f.v128Bytes([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])));
    f.get(count).op("i64.extend_i32_s").op("i64x2.splat").op("i64x2.lt_s").set(into);
  }
}

/** Combines the accumulators of one component, then their lanes, into the state, which holds the starting value. */
function finishComponent(
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

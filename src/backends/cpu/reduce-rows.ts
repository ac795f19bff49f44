import { foldVectors } from "./fold-vectors.ts";
import { argLeaves } from "./lanes.ts";
import type { RecordReader } from "./launch.ts";
import { declareStill, Loops, loadFrom, STILL, type Stream } from "./loops.ts";
import type { FoldLoop, ReduceContext } from "./reduce-module.ts";

/** Vectors along the innermost reduced dimension; what becomes of all rows is folded into the state. */
export function foldRows(c: ReduceContext, record: RecordReader, inputs: readonly Stream[]): FoldLoop {
  const { f, plan, variant: v } = c;
  const streams = plan.inputs.map((dtype, k) => c.stream(dtype, v.walks[k]!, v.reducedRank));
  // The nest has the position as its last operand, which nobody reads here.
  const still = c.stream(null, STILL, v.reducedRank);
  const loops = new Loops(f, record, v.reducedRank, [...streams, still]);
  return (states) =>
    foldVectors(
      c,
      {
        lift: plan.lift,
        simple: plan.simple!,
        sums: plan.sums,
        sinks: [],
        loops,
        streams,
        leaves: (g, copy) => ({ scalar: c.scalar, arg: (slot, type) => loadFrom(g(), streams[slot]!, type, copy()) }),
        declareStills: (g) => {
          for (const a of argLeaves(plan.lift)) declareStill(g, streams[a.slot]!, a.type);
        },
        start: () => {
          inputs.forEach((s, k) => {
            f.get(s.pointer).set(streams[k]!.row);
          });
        },
      },
      states[0]!,
    );
}

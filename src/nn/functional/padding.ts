import {
  paddingEmpty,
  paddingLength,
  paddingMode,
  paddingOdd,
  paddingRank,
  paddingReflect,
  paddingValue,
  paddingWraps,
} from "../../core/errors.ts";
import { tensor } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, functional } from "./define.ts";

/** Where the border comes from. */
export type PaddingMode = "constant" | "reflect" | "replicate" | "circular";
type EdgeMode = Exclude<PaddingMode, "constant">;

/** One padded dimension. */
interface Edge {
  readonly dim: number;
  readonly size: number;
  readonly before: number;
  readonly after: number;
}

const modulo = (a: number, n: number): number => ((a % n) + n) % n;

/** For every place of the padded dimension, the place of the input that it shows. */
const sources: Record<EdgeMode, (edge: Edge) => (place: number) => number> = {
  reflect:
    ({ size, before }) =>
    (place) => {
      const p = place - before;
      return p < 0 ? -p : p >= size ? 2 * (size - 1) - p : p;
    },
  replicate:
    ({ size, before }) =>
    (place) =>
      Math.min(Math.max(place - before, 0), size - 1),
  circular: ({ size, before, after }) => {
    // What negative amounts cut off does not come back at the other end.
    const first = Math.max(-before, 0);
    const length = size - first - Math.max(-after, 0);
    return (place) => first + modulo(place - Math.max(before, 0), length);
  },
};

function checkEdge(mode: EdgeMode, edge: Edge, x: Tensor): void {
  const { dim, size, before, after } = edge;
  if (mode === "reflect" && (before >= size || after >= size)) throw paddingReflect(before, after, dim, x.shape);
  if (mode !== "circular") return;
  if (before > size || after > size) throw paddingWraps();
  if (size + before + after < 0) throw paddingEmpty();
}

/** A border taken from the input itself. */
function padEdges(x: Tensor, amounts: readonly number[], mode: EdgeMode, value: number | null): Tensor {
  const source = sources[mode];
  if (source === undefined) throw paddingMode(mode);
  if (amounts.length % 2 !== 0) throw paddingOdd();
  if (amounts.length > 2 * x.ndim) throw paddingLength(amounts.length, x.ndim);
  if (value !== null && value !== 0) throw paddingValue(mode);
  const nd = amounts.length / 2;
  if (nd > 3 || (x.ndim !== nd + 1 && x.ndim !== nd + 2)) throw paddingRank();
  let y = x;
  for (let i = 0; i < nd; i++) {
    const [before, after] = [amounts[2 * i]!, amounts[2 * i + 1]!];
    const dim = x.ndim - 1 - i;
    const edge = { dim, size: x.shape[dim]!, before, after };
    checkEdge(mode, edge, x);
    if (before === 0 && after === 0) continue;
    const at = source(edge);
    const places = BigInt64Array.from({ length: edge.size + before + after }, (_, place) => BigInt(at(place)));
    y = y.indexSelect(dim, tensor(places, { device: x.device }));
  }
  return y === x ? x.clone() : y;
}

/**
 * A border around the last dimensions: `pad` lists (before, after) from the last dimension on; negative amounts crop. The border is `value`
 * (`"constant"`), or taken from the input: mirrored without the edge (`"reflect"`), its edge (`"replicate"`), or its other end (`"circular"`).
 * @example F.pad(x, [1, 1, 2, 2]) // one column on each side, two rows above and below
 */
export const pad: Functional<
  [input: Tensor, pad: readonly number[]],
  [mode: PaddingMode, value: number | null],
  { mode?: PaddingMode; value?: number | null },
  Tensor
> = functional(
  "pad",
  ["input", "pad", "mode", "value"],
  2,
  1,
  (input: Tensor, amounts: readonly number[], mode: PaddingMode = "constant", value: number | null = null) => {
    if (mode !== "constant") return padEdges(input, amounts, mode, value);
    return input.pad(amounts, value ?? 0);
  },
);

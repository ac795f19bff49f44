import type * as table from "../../src/ops/copying.ts";
import { call, every, float64, type InfosOf, info, Nd, type OpInfo, type Sample, t } from "./info.ts";

const same: readonly Sample[] = [call(t([3, 4])), call(t([])), call(t([2, 3, 4])), call(t([0])), call(t([17]))];
const filled = (value: number): OpInfo =>
  info((_: Nd, size: number[]) => Nd.from(size, () => value), [call(t([2]), [3, 4]), call(t([]), []), call(t([2, 2]), [0, 3])], {
    differentiable: false,
    dtypes: every,
  });

export const copying: InfosOf<typeof table> = {
  clone: info((x: Nd) => x, same, { keeps: [] }),
  contiguous: info((x: Nd) => x, same, { keeps: [], view: "maybe" }),
  convert: info((x: Nd) => x, [call(t([3, 4]), float64), call(t([]), float64), call(t([0]), float64)], {
    keeps: [],
    dtypes: every,
    result: () => float64,
  }),
  newZeros: filled(0),
  newOnes: filled(1),
  newFull: info((_: Nd, size: number[], value: number) => Nd.from(size, () => value), [call(t([2]), [3, 4], 1), call(t([]), [], 1)], {
    differentiable: false,
  }),
  newEmpty: { ...filled(0), undefinedValues: true },
};

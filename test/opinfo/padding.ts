import type * as table from "../../src/ops/padding.ts";
import { call, type InfosOf, info, Nd, t } from "./info.ts";

export const padding: InfosOf<typeof table> = {
  pad: info(
    (x: Nd, amounts: number[], value = 0) => {
      const side = (d: number, after: number): number => amounts[2 * (x.ndim - 1 - d) + after] ?? 0;
      return Nd.from(
        x.shape.map((n, d) => n + side(d, 0) + side(d, 1)),
        (i) => {
          const at = i.map((k, d) => k - side(d, 0));
          return at.every((k, d) => k >= 0 && k < x.shape[d]!) ? x.at(at) : value;
        },
      );
    },
    [
      call(t([5]), [2, 1]),
      call(t([3, 4]), [1, 2, 0, 1]),
      call(t([3, 4]), [1, 0], 7),
      call(t([5]), [-1, 2]),
      call(t([3, 4]), [-1, -1, 2, -1], 1),
      call(t([2, 3, 4]), [0, 0, 1, 1]),
      call(t([0, 2]), [0, 0, 1, 0], 3),
      call(t([3]), []),
      call(t([]), []),
    ],
    { keeps: [] },
  ),
};

import type * as table from "../../src/ops/triangle.ts";
import { call, type InfosOf, info, Nd, type OpInfo, t } from "./info.ts";

const side = (keeps: (distance: number, diagonal: number) => boolean): OpInfo =>
  info(
    (x: Nd, diagonal = 0) => Nd.from(x.shape, (i) => (keeps(i.at(-1)! - i.at(-2)!, diagonal) ? x.at(i) : 0)),
    [
      call(t([4, 4])),
      call(t([3, 5]), 1),
      call(t([5, 3]), -2),
      call(t([2, 3, 4]), 1),
      call(t([0, 3])),
      call(t([3, 3]), 9),
      call(t([3, 3]), -9),
    ],
    { keeps: [] },
  );
export const triangle: InfosOf<typeof table> = { tril: side((d, k) => d <= k), triu: side((d, k) => d >= k) };

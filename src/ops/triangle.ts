import { dimOutOfRange } from "../core/errors.ts";
import { constant, type Expr, ge, idiv, irem, le, select, sub } from "../kernel/expr.ts";
import { type MapLoop, mapLoop, type RuleInplace, rule, type Tensor } from "./define.ts";

type Triangle = RuleInplace<(diagonal?: number) => Tensor>;

/** Keeps the elements whose column minus row is on one side of the diagonal; scalars are rows, columns and the diagonal. */
const side = (keeps: (distance: Expr, diagonal: Expr) => Expr): MapLoop =>
  mapLoop(([x], scalar, position) => {
    const columns = scalar(1, "i64");
    const row = irem(idiv(position, columns), scalar(0, "i64"));
    return select(keeps(sub(irem(position, columns), row), scalar(2, "i64")), x!, constant(0, x!.type));
  });

const triangle = (loop: MapLoop, name: "tril" | "triu"): Triangle =>
  rule({
    params: ["diagonal"],
    inplace: true,
    run: (k, x: Tensor, diagonal = 0) => {
      if (x.ndim < 2) throw dimOutOfRange(-2, x.ndim);
      const [rows, columns] = x.shape.slice(-2) as [number, number];
      return k.map(loop, [x], x.dtype, [Math.max(rows, 1), Math.max(columns, 1), diagonal]);
    },
    save: (_, __, diagonal = 0) => ({ diagonal }),
    grad: ({ diagonal }: { diagonal: number }, [g]) => [g![name](diagonal)],
  });

/** The lower triangle of matrices, up to `diagonal` above the main one; zeros elsewhere. */
export const tril: Triangle = triangle(
  side((distance, diagonal) => le(distance, diagonal)),
  "tril",
);
/** The upper triangle of matrices, from `diagonal` above the main one; zeros elsewhere. */
export const triu: Triangle = triangle(
  side((distance, diagonal) => ge(distance, diagonal)),
  "triu",
);

import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { BlockCode } from "./block-code.ts";
import type { Lanes } from "./lanes.ts";
import { START_ELEMENTS, TILE_ROWS } from "./micro-kernel.ts";
import { pairPacker, pairParameters, stripPacker, stripParameters } from "./packing.ts";
import { call, locals } from "./parameters.ts";
import { sweepFunction, sweepParameters } from "./sweep-kernel.ts";
import { buildTiles, type TileArguments, type Tiles, tileColumns } from "./tiles.ts";

/**
 * Builds what tiles need, and returns what writes the loops around them into a block, for the steps from `kc` on: a block of b (at most nBlock columns
 * by kBlock steps) is packed in panels of a tile's width, and a block of a (mBlock rows by kBlock steps) in panels of a tile's height, so that the
 * micro-kernel reads both in order; a panel of b stays in the first-level cache while the rows of a pass by. Where b is not packed, a stretch of its
 * columns stays there.
 * Source: K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (2008).
 */
export function tileLoops(module: ModuleBuilder, lanes: Lanes): (code: BlockCode) => void {
  const tiles = buildTiles(module, lanes);
  const sweep = sweepFunction(module, lanes);
  const strip = stripPacker(module, lanes);
  const pair = pairPacker(module, lanes);
  return (code) => emitTiles(code, { tiles, sweep, strip, pair });
}

/** The functions that the loops call. */
interface Callees {
  readonly tiles: Tiles;
  readonly sweep: FunctionBuilder;
  readonly strip: FunctionBuilder;
  readonly pair: FunctionBuilder;
}

function emitTiles(code: BlockCode, { tiles, sweep, strip, pair }: Callees): void {
  const { f, lanes, jc, nn, kc, kk, ic, mm, i, j, start, d, dRows, dColumns, dRuns, field, isMethod, count, countOn, part, within } = code;
  const columns = tileColumns(lanes);
  const [width, direct, b, cPanel, dPanel, panelA, behind] = locals(f, 7, "i32") as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  /** Columns of the block of b that are packed. */
  const packedTo = f.local("i32");

  /**
   * Packs a panel of an operand: from row (or column) `at` of the block on, `limit` of which there are, as many as a tile has, side by side
   * in each step. Strips of one vector; the last one may take rows again that the one before it took.
   */
  const packPanel = (operand: "a" | "b", first: number, at: number, limit: number): void => {
    const perPanel = operand === "a" ? TILE_ROWS : columns;
    const strips = Math.ceil(perPanel / lanes.count);
    const [table, steps, runs, target] =
      operand === "a" ? (["aRows", "aSteps", "aRuns", "packedA"] as const) : (["bColumns", "bSteps", "bRuns", "packedB"] as const);
    const packStrip = (s: number): void => {
      const from = Math.min(s * lanes.count, perPanel - lanes.count);
      const pack = (): void =>
        call(f, strip, stripParameters, {
          source: () => field(operand),
          rows: () =>
            within(() => field(table), first, at)
              .i32(4 * from)
              .op("i32.add"),
          ks: () => within(() => field(steps), kc),
          k: () => f.get(kk),
          target: () => field(target).get(at).get(kk).op("i32.mul").i32(from).op("i32.add").i32(lanes.shift).op("i32.shl").op("i32.add"),
          step: () => f.i32(perPanel * lanes.size),
          width: () => f.get(limit).get(at).op("i32.sub").i32(from).op("i32.sub"),
          runs: () => field(runs),
        });
      pack();
      if (s + 1 < strips)
        f.get(limit)
          .get(at)
          .op("i32.sub")
          .i32((s + 1) * lanes.count)
          .op("i32.gt_s")
          .if(() => packStrip(s + 1));
    };
    packStrip(0);
  };
  /** Pushes whether the columns of a tile follow each other in memory. */
  const contiguous = (known: () => void, table: number): void => {
    known();
    f.if(
      () => f.i32(1),
      () => {
        f.i32(1);
        for (let l = 1; l < columns; l++) {
          f.get(table)
            .load("i32.load", 4 * l)
            .get(table)
            .load("i32.load")
            .op("i32.sub")
            .i32(l * lanes.size)
            .op("i32.eq");
          f.get(width).i32(l).op("i32.le_s").op("i32.or").op("i32.and");
        }
      },
      "i32",
    );
  };

  /** Arguments of tiles for the rows from `i` on. */
  const tileArguments: TileArguments = {
    a: () => f.get(panelA),
    b: () => f.get(b),
    k: () => f.get(kk),
    c: () => field("c"),
    cRows: () => within(() => field("cRows"), ic, i),
    d: () => f.get(d),
    dRows: () => within(() => f.get(dRows), ic, i),
    start: () => f.get(start),
    rows: () => f.get(mm).get(i).op("i32.sub"),
    width: () => f.get(width),
    cColumns: () => f.get(cPanel),
    dColumns: () => f.get(dPanel),
    tile: () => field("tile"),
    tileRows: () => field("tileRows"),
  };
  const emitPanelTiles = (): void => {
    f.i32(0).set(i);
    field("packedA").set(panelA);
    f.get(direct).if(
      () =>
        tiles.panel(f, {
          ...tileArguments,
          c: () => field("c").get(cPanel).load("i32.load").op("i32.add"),
          d: () => f.get(d).get(dPanel).load("i32.load").op("i32.add"),
        }),
      () =>
        count(
          i,
          () => f.get(mm),
          () => f.i32(TILE_ROWS),
          () => {
            tiles.edge(f, tileArguments);
            f.get(panelA)
              .get(kk)
              .i32(TILE_ROWS * lanes.size)
              .op("i32.mul")
              .op("i32.add")
              .set(panelA);
          },
        ),
    );
  };

  /** Packs the panel of b at `j`, or that and the one behind it, when the first rows come by, for all the others. */
  const packB = (): void => {
    f.get(j)
      .get(packedTo)
      .op("i32.ge_s")
      .if(() => {
        f.get(j).i32(columns).op("i32.add").set(packedTo);
        f.get(width)
          .i32(2 * columns)
          .op("i32.ge_s")
          .if(
            () =>
              call(f, pair, pairParameters, {
                source: () => field("b"),
                columns: () => within(() => field("bColumns"), jc, j),
                ks: () => within(() => field("bSteps"), kc),
                k: () => f.get(kk),
                target: () => field("packedB").get(j).get(kk).op("i32.mul").i32(lanes.shift).op("i32.shl").op("i32.add"),
                panel: () =>
                  f
                    .get(kk)
                    .i32(columns * lanes.size)
                    .op("i32.mul"),
              }),
            () => f.i32(0),
            "i32",
          );
        f.if(
          () => f.bump(packedTo, columns),
          () => packPanel("b", jc, j, nn),
        );
      });
  };

  const emitPanel = (): void => {
    f.get(nn).get(j).op("i32.sub").set(width);
    packB();
    field("packedB").get(j).get(kk).op("i32.mul").i32(lanes.shift).op("i32.shl").op("i32.add").set(b);
    within(() => field("cColumns"), jc, j).set(cPanel);
    within(() => f.get(dColumns), jc, j).set(dPanel);
    // Whether tiles can be read and written as vectors: whole ones, side by side.
    f.get(width)
      .i32(columns)
      .op("i32.ge_s")
      .get(width)
      .i32(lanes.count)
      .op("i32.eq")
      .op("i32.or")
      .if(
        () => {
          contiguous(() => field("cRuns"), cPanel);
          f.get(start)
            .i32(START_ELEMENTS)
            .op("i32.eq")
            .if(
              () => contiguous(() => f.get(dRuns), dPanel),
              () => f.i32(1),
              "i32",
            );
          f.op("i32.and");
        },
        () => f.i32(0),
        "i32",
      )
      .set(direct);
    emitPanelTiles();
  };

  /** All whole vectors of columns, a stretch at a time; moves `j` behind them. */
  const emitSweeps = (): void => {
    f.get(nn).i32(-lanes.count).op("i32.and").set(behind);
    countOn(
      j,
      () => f.get(behind),
      () => f.get(width),
      () => {
        f.get(behind).get(j).op("i32.sub").tee(width);
        field("stretch").get(width);
        field("stretch").op("i32.lt_s").op("select").set(width);
        call(f, sweep, sweepParameters, {
          a: () => field("packedA"),
          b: () => field("b"),
          bColumns: () => within(() => field("bColumns"), jc, j),
          bSteps: () => within(() => field("bSteps"), kc),
          k: () => f.get(kk),
          c: () => field("c"),
          cRows: () => within(() => field("cRows"), ic),
          cColumns: () => within(() => field("cColumns"), jc, j),
          d: () => f.get(d),
          dRows: () => within(() => f.get(dRows), ic),
          dColumns: () => within(() => f.get(dColumns), jc, j),
          start: () => f.get(start),
          rows: () => f.get(mm),
          n: () => f.get(width),
        });
      },
    );
  };

  f.i32(0).set(packedTo);
  count(
    ic,
    () => field("m"),
    () => field("mBlock"),
    () => {
      part("m", ic, "mBlock", mm);
      count(
        i,
        () => f.get(mm),
        () => f.i32(TILE_ROWS),
        () => packPanel("a", ic, i, mm),
      );
      f.i32(0).set(j);
      isMethod("swept").if(emitSweeps);
      countOn(
        j,
        () => f.get(nn),
        () => f.i32(columns),
        emitPanel,
      );
    },
  );
}

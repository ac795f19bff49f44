import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { DOT_TILE_ROWS, dotKernels, dotParameters } from "./dot-kernel.ts";
import { type Lanes, type LaneType, lanesOf } from "./lanes.ts";
import { START_ELEMENTS, TILE_ROWS } from "./micro-kernel.ts";
import { pairPacker, pairParameters, stripPacker, stripParameters } from "./packing.ts";
import { call, locals } from "./parameters.ts";
import { streamKernel, streamParameters } from "./stream-kernel.ts";
import { sweepFunction, sweepParameters } from "./sweep-kernel.ts";
import { buildTiles, type TileArguments, tileColumns } from "./tiles.ts";

/**
 * The parameters of a block of the output, as i32 words in memory. A block is m rows by n columns, summed over k steps; it is the unit of
 * work that can be given to a thread, with a workspace of its own.
 */
const fields = [
  "m",
  "n",
  "k",
  "method",
  // Base addresses. `d` is what the sum starts from, in the way `start` says.
  "a",
  "b",
  "c",
  "d",
  "start",
  // Tables of byte offsets: of a's rows and steps of k, b's steps of k and columns, c's and d's rows and columns.
  "aRows",
  "aSteps",
  "bSteps",
  "bColumns",
  "cRows",
  "cColumns",
  "dRows",
  "dColumns",
  // The workspace: packed a, packed b, one tile and the table of its rows.
  "packedA",
  "packedB",
  "tile",
  "tileRows",
  // Block sizes, in elements.
  "mBlock",
  "nBlock",
  "kBlock",
  "stretch",
  // Whether k lies in runs of whole vectors in a, in b; whether the columns of whole tiles lie side by side in c, in d.
  "aRuns",
  "bRuns",
  "cRuns",
  "dRuns",
] as const;
export type Field = (typeof fields)[number];
/** The word of each field. */
export const word: Readonly<Record<Field, number>> = Object.fromEntries(fields.map((name, i) => [name, i])) as Record<Field, number>;
/** How many words there are. */
export const FIELDS: number = fields.length;

/**
 * What a block may do: tiles with b packed ("packed") or read as it lies, a stretch of columns at a time ("swept"), dot products ("dot"), or
 * one row with b streaming by ("stream").
 */
export const methods = ["packed", "swept", "dot", "stream"] as const;
export type Method = (typeof methods)[number];

const compiled = new Map<string, WasmFunction>();

/** The function `block(parameters)` of a type, compiled once. */
export function blockFunction(type: LaneType, relaxed: boolean): WasmFunction {
  const key = relaxed ? `relaxed ${type}` : type;
  let block = compiled.get(key);
  if (block === undefined) {
    const module = newModule();
    emitBlock(module, lanesOf(type, relaxed));
    block = instantiate(module, "block");
    compiled.set(key, block);
  }
  return block;
}

/**
 * The loops around the kernels. Tiles: a block of b (at most nBlock columns by kBlock steps) is packed in panels of a tile's width, and a
 * block of a (mBlock rows by kBlock steps) in panels of a tile's height, so that the micro-kernel reads both in order; a panel of b stays
 * in the first-level cache while the rows of a pass by.
 * Source: K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (2008).
 */
function emitBlock(module: ModuleBuilder, lanes: Lanes): void {
  const tiles = buildTiles(module, lanes);
  const dots = dotKernels(module, lanes);
  const stream = streamKernel(module, lanes);
  const sweep = sweepFunction(module, lanes);
  const strip = stripPacker(module, lanes);
  const pair = pairPacker(module, lanes);
  const columns = tileColumns(lanes);

  const f = module.func("block", ["i32"]);
  const field = (name: Field): FunctionBuilder => f.get(0).load("i32.load", 4 * word[name]);
  const [jc, nn, kc, kk, ic, mm, i, j] = locals(f, 8, "i32") as [number, number, number, number, number, number, number, number];
  const [start, d, dRows, dColumns, dRuns, method] = locals(f, 6, "i32") as [number, number, number, number, number, number];
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

  const isMethod = (name: Method): FunctionBuilder => f.get(method).i32(methods.indexOf(name)).op("i32.eq");
  /** for (; counter < limit; counter += by) */
  const countOn = (counter: number, limit: () => void, by: () => void, body: () => void): void => {
    f.block((done) =>
      f.loop((top) => {
        f.get(counter);
        limit();
        f.op("i32.ge_s").brIf(done);
        body();
        f.get(counter);
        by();
        f.op("i32.add").set(counter).br(top);
      }),
    );
  };
  /** for (counter = 0; counter < limit; counter += by) */
  const count = (counter: number, limit: () => void, by: () => void, body: () => void): void => {
    f.i32(0).set(counter);
    countOn(counter, limit, by, body);
  };
  /** result = min(what is left of `limit` after `counter`, `block`) */
  const part = (limit: Field, counter: number, block: Field, result: number): void => {
    field(limit).get(counter).op("i32.sub").tee(result);
    field(block).get(result);
    field(block).op("i32.lt_s").op("select").set(result);
  };
  /** Pushes the address of a table's entry: `first` entries, and `more`, are before it. */
  const within = (table: () => void, first: number, more?: number): FunctionBuilder => {
    table();
    f.get(first);
    if (more !== undefined) f.get(more).op("i32.add");
    return f.i32(2).op("i32.shl").op("i32.add");
  };
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

  /** Pushes a base address plus an entry of a table. */
  const column = (base: Field, table: Field): FunctionBuilder => {
    field(base);
    return within(() => field(table), jc)
      .load("i32.load")
      .op("i32.add");
  };
  const emitStream = (): void =>
    call(f, stream, streamParameters, {
      a: () => field("a"),
      aSteps: () => field("aSteps"),
      b: () => column("b", "bColumns"),
      bSteps: () => field("bSteps"),
      k: () => field("k"),
      c: () => column("c", "cColumns"),
      d: () => column("d", "dColumns"),
      n: () => f.get(nn),
      start: () => field("start"),
    });

  const emitDots = (): void => {
    const row = (kernel: FunctionBuilder): void =>
      call(f, kernel, dotParameters, {
        a: () => field("a"),
        aRows: () => within(() => field("aRows"), i),
        aSteps: () => within(() => field("aSteps"), kc),
        b: () => field("b"),
        bColumns: () => within(() => field("bColumns"), jc),
        bSteps: () => within(() => field("bSteps"), kc),
        k: () => f.get(kk),
        c: () => field("c"),
        cRows: () => within(() => field("cRows"), i),
        cColumns: () => within(() => field("cColumns"), jc),
        d: () => f.get(d),
        dRows: () => within(() => f.get(dRows), i),
        dColumns: () => within(() => f.get(dColumns), jc),
        n: () => f.get(nn),
        start: () => f.get(start),
      });
    const byRows = (r: number): void => {
      if (r === 0) row(dots[0]!);
      else
        field("m")
          .get(i)
          .op("i32.sub")
          .i32(r)
          .op("i32.gt_s")
          .if(
            () => row(dots[r]!),
            () => byRows(r - 1),
          );
    };
    count(
      i,
      () => field("m"),
      () => f.i32(DOT_TILE_ROWS),
      () => byRows(DOT_TILE_ROWS - 1),
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

  const emitTiles = (): void => {
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
  };

  field("method").set(method);
  count(
    jc,
    () => field("n"),
    () => field("nBlock"),
    () => {
      part("n", jc, "nBlock", nn);
      isMethod("stream").if(emitStream, () => {
        field("start").set(start);
        field("d").set(d);
        field("dRows").set(dRows);
        field("dColumns").set(dColumns);
        field("dRuns").set(dRuns);
        f.i32(0).set(kc);
        // Once even for k = 0, where the sum is its start.
        f.loop((nextK) => {
          part("k", kc, "kBlock", kk);
          isMethod("dot").if(emitDots, emitTiles);
          // Later steps of k add to what is there.
          f.i32(START_ELEMENTS).set(start);
          field("c").set(d);
          field("cRows").set(dRows);
          field("cColumns").set(dColumns);
          field("cRuns").set(dRuns);
          f.get(kc).get(kk).op("i32.add").tee(kc);
          field("k").op("i32.lt_s").brIf(nextK);
        });
      });
    },
  );
}

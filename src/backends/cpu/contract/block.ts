import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { dotKernels } from "./dot-kernel.ts";
import { type Lanes, lanesOf, type LaneType } from "./lanes.ts";
import { START_ELEMENTS, TILE_ROWS, type Way, ways } from "./micro-kernel.ts";
import { stripPacker } from "./packing.ts";
import { streamKernel } from "./stream-kernel.ts";
import { buildTiles, tileColumns } from "./tiles.ts";

/**
 * The parameters of a block of the output, as i32 words in memory. A block is m rows by n columns, summed over k steps; it is the unit of work
 * that can be given to a thread, with a workspace of its own.
 */
export const fields = [
  "m", "n", "k", "method",
  // Base addresses. `d` is what the sum starts from, in the way `start` says.
  "a", "b", "c", "d", "start",
  // Tables of byte offsets: of a's rows and steps of k, b's steps of k and columns, c's and d's rows and columns.
  "aRows", "aSteps", "bSteps", "bColumns", "cRows", "cColumns", "dRows", "dColumns",
  // The workspace: packed a, packed b, one tile and the table of its rows.
  "packedA", "packedB", "tile", "tileRows",
  // Block sizes, in elements.
  "mBlock", "nBlock", "kBlock",
  // Whether k lies in runs of whole vectors in a, in b; whether the columns of whole tiles lie side by side in c, in d.
  "aRuns", "bRuns", "cRuns", "dRuns",
] as const;
export type Field = (typeof fields)[number];
/** The word of each field. */
export const word: Readonly<Record<Field, number>> = Object.fromEntries(fields.map((name, i) => [name, i])) as Record<Field, number>;

/** What a block may do: tiles with b packed or read as it lies, dot products, or one row with b streaming by. */
export type Method = Way | "dot" | "stream";
export const methods: readonly Method[] = [...ways, "dot", "stream"];

const compiled = new Map<string, WasmFunction>();

/** The function `block(parameters)` for a type. */
export function blockFunction(type: LaneType, relaxed: boolean): WasmFunction {
  const key = relaxed ? `relaxed ${type}` : type;
  let run = compiled.get(key);
  if (run === undefined) {
    const module = newModule();
    emitBlock(module, lanesOf(type, relaxed));
    run = instantiate(module, "block");
    compiled.set(key, run);
  }
  return run;
}

/**
 * The loops around the kernels. Tiles: a block of b (at most nBlock columns by kBlock steps) is packed in panels of a tile's width, and a block
 * of a (mBlock rows by kBlock steps) in panels of a tile's height, so that the micro-kernel reads both in order; a panel of b stays in the
 * first-level cache while the rows of a pass by.
 * Source: K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (2008).
 */
function emitBlock(module: ModuleBuilder, lanes: Lanes): void {
  const tiles = buildTiles(module, lanes);
  const dots = dotKernels(module, lanes);
  const stream = streamKernel(module, lanes);
  const strip = stripPacker(module, lanes);
  const columns = tileColumns(lanes);
  const shift = lanes.size === 4 ? 2 : 3;

  const f = module.func("block", ["i32"]);
  const field = (name: Field): FunctionBuilder => f.get(0).load("i32.load", 4 * word[name]);
  const local = (): number => f.local("i32");
  const [jc, nn, kc, kk, ic, mm] = [local(), local(), local(), local(), local(), local()];
  const [i, j, width, direct, method] = [local(), local(), local(), local(), local()];
  const [start, d, dRows, dColumns, dRuns] = [local(), local(), local(), local(), local()];
  const [b, b2, steps, cPanel, dPanel, panelA] = [local(), local(), local(), local(), local(), local()];

  const isMethod = (name: Method): FunctionBuilder => f.get(method).i32(methods.indexOf(name)).op("i32.eq");
  /** for (counter = 0; counter < limit; counter += by) */
  const count = (counter: number, limit: () => void, by: () => void, body: () => void): void => {
    f.i32(0).set(counter);
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
  /** result = min(what is left of `limit` after `counter`, `block`) */
  const part = (limit: Field, counter: number, block: Field, result: number): void => {
    field(limit).get(counter).op("i32.sub").tee(result);
    field(block).get(result);
    field(block).op("i32.lt_s").op("select").set(result);
  };
  /** Adds the entries before index `local` of a table. */
  const skip = (index: number): FunctionBuilder => f.get(index).i32(2).op("i32.shl").op("i32.add");
  /** Packs one vector's rows of an operand: `perPanel` of them lie side by side in each step. */
  const packStrip = (operand: "a" | "b", first: number, at: number, limit: number, perPanel: number): void => {
    const [base, table, ks, runs, target] = operand === "a"
      ? (["a", "aRows", "aSteps", "aRuns", "packedA"] as const)
      : (["b", "bColumns", "bSteps", "bRuns", "packedB"] as const);
    field(base);
    field(table);
    skip(first);
    skip(at);
    field(ks);
    skip(kc).get(kk);
    field(target).get(at).i32(-perPanel).op("i32.and").get(kk).op("i32.mul");
    f.get(at).i32(perPanel - 1).op("i32.and").op("i32.add").i32(shift).op("i32.shl").op("i32.add");
    f.i32(perPanel << shift).get(limit).get(at).op("i32.sub");
    field(runs).call(strip.index);
  };
  /** Whether the offsets of the panel's columns follow each other. */
  const contiguous = (table: number): void => {
    f.i32(1);
    for (let l = 1; l < columns; l++) {
      f.get(table).load("i32.load", 4 * l).get(table).load("i32.load").op("i32.sub").i32(l * lanes.size).op("i32.eq");
      f.get(width).i32(l).op("i32.le_s").op("i32.or").op("i32.and");
    }
  };
  const nextK = (loop: number): void => {
    // Later steps of k add to what is there.
    f.i32(START_ELEMENTS).set(start);
    field("c").set(d);
    field("cRows").set(dRows);
    field("cColumns").set(dColumns);
    field("cRuns").set(dRuns);
    f.get(kc).get(kk).op("i32.add").tee(kc);
    field("k").op("i32.lt_s").brIf(loop);
  };

  const emitStream = (): void => {
    const column = (base: Field, table: Field): void => {
      field(base);
      field(table);
      skip(jc).load("i32.load").op("i32.add");
    };
    field("a");
    field("aSteps");
    column("b", "bColumns");
    field("bSteps");
    field("k");
    column("c", "cColumns");
    column("d", "dColumns");
    f.get(nn);
    field("start").call(stream.index);
  };

  const emitDots = (): void => {
    const row = (kernel: FunctionBuilder): void => {
      field("a");
      field("aRows");
      skip(i);
      field("aSteps");
      skip(kc);
      field("b");
      field("bColumns");
      skip(jc);
      field("bSteps");
      skip(kc).get(kk);
      field("c");
      field("cRows");
      skip(i);
      field("cColumns");
      skip(jc).get(d).get(dRows);
      skip(i).get(dColumns);
      skip(jc).get(nn).get(start).call(kernel.index);
    };
    const byRows = (r: number): void => {
      if (r === 0) row(dots[0]!);
      else {
        field("m").get(i).op("i32.sub").i32(r).op("i32.gt_s").if(() => row(dots[r]!), () => byRows(r - 1));
      }
    };
    count(i, () => field("m"), () => f.i32(TILE_ROWS), () => byRows(TILE_ROWS - 1));
  };

  const emitPanel = (): void => {
    f.get(nn).get(j).op("i32.sub").set(width);
    field("bSteps");
    skip(kc).set(steps);
    isMethod("packed").if(
      () => {
        f.get(ic).op("i32.eqz").if(() => {
          packStrip("b", jc, j, nn, columns);
          f.get(width).i32(lanes.count).op("i32.gt_s").if(() => {
            f.get(j).i32(lanes.count).op("i32.add").set(b2);
            packStrip("b", jc, b2, nn, columns);
          });
        });
        field("packedB").get(j).get(kk).op("i32.mul").i32(shift).op("i32.shl").op("i32.add").set(b);
      },
      () => {
        field("bColumns");
        skip(jc);
        skip(j).set(b2);
        field("b").get(b2).load("i32.load").op("i32.add").set(b);
        // A panel of one vector has no second one.
        f.get(width).i32(lanes.count).op("i32.gt_s").if(
          () => {
            field("b").get(b2).load("i32.load", 4 * lanes.count).op("i32.add").set(b2);
          },
          () => f.get(b).set(b2),
        );
      },
    );
    field("cColumns");
    skip(jc);
    skip(j).set(cPanel);
    f.get(dColumns);
    skip(jc);
    skip(j).set(dPanel);
    // Whether tiles can be written as vectors: whole ones, side by side.
    f.get(width).i32(columns).op("i32.ge_s").get(width).i32(lanes.count).op("i32.eq").op("i32.or").if(
      () => {
        field("cRuns").if(() => f.i32(1), () => contiguous(cPanel), "i32");
        f.get(start).i32(START_ELEMENTS).op("i32.eq").if(
          () => f.get(dRuns).if(() => f.i32(1), () => contiguous(dPanel), "i32"),
          () => f.i32(1),
          "i32",
        );
        f.op("i32.and");
      },
      () => f.i32(0),
      "i32",
    ).set(direct);
    field("packedA").set(panelA);
    count(i, () => f.get(mm), () => f.i32(TILE_ROWS), emitTile);
  };

  const emitTile = (): void => {
    const tile = (offsets: boolean): void => {
      const base = (push: () => void, panel: number): void => {
        push();
        if (offsets) f.get(panel).load("i32.load").op("i32.add");
      };
      f.get(panelA).get(b).get(b2).get(steps).get(kk);
      base(() => field("c"), cPanel);
      field("cRows");
      skip(ic);
      skip(i);
      base(() => f.get(d), dPanel);
      f.get(dRows);
      skip(ic);
      skip(i).get(start);
    };
    const rows = (): FunctionBuilder => f.get(mm).get(i).op("i32.sub");
    f.get(direct).if(
      () => {
        f.get(width).i32(columns).op("i32.ge_s");
        rows().i32(TILE_ROWS).op("i32.ge_s").op("i32.and").if(
          () => {
            const byWay = (way: number): void => {
              const call = (): void => {
                tile(true);
                f.call(tiles.full[way]!.index);
              };
              if (way === 0) call();
              else f.get(method).i32(way).op("i32.eq").if(call, () => byWay(way - 1));
            };
            byWay(ways.length - 1);
          },
          () => {
            tile(true);
            rows().get(width).get(method).call(tiles.any.index);
          },
        );
      },
      () => {
        tile(false);
        rows().get(width).get(method).get(cPanel).get(dPanel);
        field("tile");
        field("tileRows").call(tiles.edge.index);
      },
    );
    f.get(panelA).get(kk).i32(shift + Math.log2(TILE_ROWS)).op("i32.shl").op("i32.add").set(panelA);
  };

  const emitTiles = (): void =>
    void count(ic, () => field("m"), () => field("mBlock"), () => {
      part("m", ic, "mBlock", mm);
      count(i, () => f.get(mm), () => f.i32(lanes.count), () => packStrip("a", ic, i, mm, TILE_ROWS));
      count(j, () => f.get(nn), () => f.i32(columns), emitPanel);
    });

  field("method").set(method);
  count(jc, () => field("n"), () => field("nBlock"), () => {
    part("n", jc, "nBlock", nn);
    isMethod("stream").if(emitStream, () => {
      field("start").set(start);
      field("d").set(d);
      field("dRows").set(dRows);
      field("dColumns").set(dColumns);
      field("dRuns").set(dRuns);
      f.i32(0).set(kc);
      // Once even for k = 0, where the sum is its start.
      f.loop((loop) => {
        part("k", kc, "kBlock", kk);
        isMethod("dot").if(emitDots, emitTiles);
        nextK(loop);
      });
    });
  });
}

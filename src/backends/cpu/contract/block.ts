import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { BlockCode } from "./block-code.ts";
import type { Field } from "./block-parameters.ts";
import { DOT_TILE_ROWS, dotKernels, dotParameters } from "./dot-kernel.ts";
import { type Lanes, type LaneType, lanesOf } from "./lanes.ts";
import { START_ELEMENTS } from "./micro-kernel.ts";
import { call } from "./parameters.ts";
import { streamKernel, streamParameters } from "./stream-kernel.ts";
import { tileLoops } from "./tile-loops.ts";

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

/** The loops around the kernels: over the columns, then over the steps of k. */
function emitBlock(module: ModuleBuilder, lanes: Lanes): void {
  const emitTiles = tileLoops(module, lanes);
  const dots = dotKernels(module, lanes);
  const stream = streamKernel(module, lanes);
  const code = new BlockCode(module, lanes);
  const { f, jc, nn, kc, kk, i, start, d, dRows, dColumns, dRuns, method, field, isMethod, count, part, within } = code;

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
          isMethod("dot").if(emitDots, () => emitTiles(code));
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

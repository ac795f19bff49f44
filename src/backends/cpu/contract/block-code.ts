import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { type Field, type Method, methods, word } from "./block-parameters.ts";
import type { Lanes } from "./lanes.ts";

/** The function `block` while it is written: its parameters, the locals of its loops, and the loops themselves. */
export class BlockCode {
  readonly f: FunctionBuilder;
  readonly lanes: Lanes;
  /** The first column, step and row of the part that is computed, and how many there are of each; a row and a column in that part. */
  readonly jc: number;
  readonly nn: number;
  readonly kc: number;
  readonly kk: number;
  readonly ic: number;
  readonly mm: number;
  readonly i: number;
  readonly j: number;
  /** What the sum over the part's steps starts from. */
  readonly start: number;
  readonly d: number;
  readonly dRows: number;
  readonly dColumns: number;
  readonly dRuns: number;
  readonly method: number;

  constructor(module: ModuleBuilder, lanes: Lanes) {
    const f = module.func("block", ["i32"]);
    this.f = f;
    this.lanes = lanes;
    const local = (): number => f.local("i32");
    [this.jc, this.nn, this.kc, this.kk] = [local(), local(), local(), local()];
    [this.ic, this.mm, this.i, this.j] = [local(), local(), local(), local()];
    [this.start, this.d, this.dRows, this.dColumns, this.dRuns] = [local(), local(), local(), local(), local()];
    this.method = local();
  }

  /** Pushes a parameter. */
  readonly field = (name: Field): FunctionBuilder => this.f.get(0).load("i32.load", 4 * word[name]);
  readonly isMethod = (name: Method): FunctionBuilder => this.f.get(this.method).i32(methods.indexOf(name)).op("i32.eq");

  /** for (; counter < limit; counter += by) */
  readonly countOn = (counter: number, limit: () => void, by: () => void, body: () => void): void => {
    this.f.block((done) =>
      this.f.loop((top) => {
        this.f.get(counter);
        limit();
        this.f.op("i32.ge_s").brIf(done);
        body();
        this.f.get(counter);
        by();
        this.f.op("i32.add").set(counter).br(top);
      }),
    );
  };

  /** for (counter = 0; counter < limit; counter += by) */
  readonly count = (counter: number, limit: () => void, by: () => void, body: () => void): void => {
    this.f.i32(0).set(counter);
    this.countOn(counter, limit, by, body);
  };

  /** result = min(what is left of `limit` after `counter`, `block`) */
  readonly part = (limit: Field, counter: number, block: Field, result: number): void => {
    this.field(limit).get(counter).op("i32.sub").tee(result);
    this.field(block).get(result);
    this.field(block).op("i32.lt_s").op("select").set(result);
  };

  /** Pushes the address of a table's entry: `first` entries, and `more`, are before it. */
  readonly within = (table: () => void, first: number, more?: number): FunctionBuilder => {
    table();
    this.f.get(first);
    if (more !== undefined) this.f.get(more).op("i32.add");
    return this.f.i32(2).op("i32.shl").op("i32.add");
  };
}

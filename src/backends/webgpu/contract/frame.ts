import type { ComputeType, DType } from "../../../core/dtype.ts";
import type { Expr } from "../../../kernel/expr.ts";
import type { Bindings, Operand } from "../bindings.ts";
import { type ScalarType, scalarTypeOf } from "../format.ts";
import { writeNest } from "../map.ts";
import type { Recorder } from "../recorder.ts";
import { type Access, Shader } from "../shader.ts";
import { declareScalars, writeScalars } from "../words.ts";
import { A, B, type Group, OUT, type Problem } from "./problem.ts";

/**
 * What a dispatch computes: outputs from factors; partial sums of a part of k each, into scratch; or outputs from partial sums. The last two
 * together are one contraction whose k is split.
 */
export type Stage = "whole" | "partial" | "combine";

/** What is fixed about a kernel: dtypes and epilogue. */
export interface Meaning {
  readonly compute: ComputeType;
  /** Of the operands in the order of problem.ts. */
  readonly dtypes: readonly DType[];
  /** Over state(0) and args, lowered. */
  readonly value: Expr;
  readonly scalars: readonly (ComputeType | null)[];
  /** The dtype of partial sums. */
  readonly sums: DType;
}

/** Operands bound in a stage. SUMS stands for the scratch. */
export const SUMS = -1;
export function operandsOf(stage: Stage, count: number): readonly number[] {
  const extras = Array.from({ length: count - 3 }, (_, k) => 3 + k);
  return stage === "whole" ? [OUT, A, B, ...extras] : stage === "partial" ? [SUMS, A, B] : [OUT, SUMS, ...extras];
}

/** Names of places that walk a group: the operand, the variable, and where it starts. */
export interface Walker {
  readonly operand: number;
  readonly name: string;
  readonly start: string;
}

interface Loop {
  readonly size: string;
  /** By operand. */
  readonly steps: ReadonlyMap<number, string>;
}

/** A shader of a contraction: the names of its parameters, and the parts that all variants share. */
export class Frame {
  readonly shader: Shader;
  readonly meaning: Meaning;
  readonly stage: Stage;
  /** WGSL's type of sums. */
  readonly type: ScalarType;
  readonly batches: string;
  readonly rows: string;
  readonly columns: string;
  readonly depth: string;
  /** How many parts k has, and how long each is. */
  readonly parts: string;
  readonly part: string;
  readonly #offsets: readonly string[];
  readonly #loops: ReadonlyMap<Group, readonly Loop[]>;
  readonly #bound: readonly number[];
  readonly #finish: string;
  readonly #extras: readonly number[];

  /** `accesses`: of the operands of the stage, in their order. */
  constructor(problem: Problem, meaning: Meaning, stage: Stage, accesses: readonly Access[], bindings: Bindings, window: number) {
    const { dtypes } = meaning;
    this.meaning = meaning;
    this.stage = stage;
    this.#bound = operandsOf(stage, dtypes.length);
    const operands = this.#bound.map((k, i) => ({ dtype: k === SUMS ? meaning.sums : dtypes[k]!, access: accesses[i]! }));
    const s = new Shader(operands, bindings, window);
    this.shader = s;
    this.type = scalarTypeOf(meaning.compute);
    this.batches = s.word();
    this.rows = s.word();
    this.columns = s.word();
    this.depth = s.word();
    this.parts = s.word();
    this.part = s.word();
    this.#offsets = dtypes.map(() => s.word());
    const loops = new Map<Group, Loop[]>();
    for (const g of [problem.batch, problem.m, problem.n, problem.k]) {
      const loop = (): Loop => ({ size: s.word(), steps: new Map(g.operands.map((k) => [k, s.word()])) });
      loops.set(g, Array.from({ length: g.nest.rank }, loop));
    }
    this.#loops = loops;
    this.#extras = stage === "partial" ? [] : dtypes.flatMap((_, k) => (k > B ? [k] : []));
    this.#finish = stage === "partial" ? "" : this.#declareFinish();
  }

  /** Writes what the constructor names. */
  static write(
    recorder: Recorder,
    problem: Problem,
    { scalars: types }: Meaning,
    operands: readonly Operand[],
    scalars: readonly (number | bigint)[] | undefined,
    parts: number,
    part: number,
  ): void {
    const { batch, m, n, k } = problem;
    const width = (g: Group): number => g.nest.rank * (1 + g.nest.width);
    let w = recorder.parameters(7 + operands.length + width(batch) + width(m) + width(n) + width(k) + types.length) + 1;
    const { u32 } = recorder;
    u32[w++] = problem.batches;
    u32[w++] = problem.rows;
    u32[w++] = problem.columns;
    u32[w++] = problem.depth;
    u32[w++] = parts;
    u32[w++] = part;
    for (let i = 0; i < operands.length; i++) u32[w++] = operands[i]!.layout.offset;
    w = writeNest(recorder, w, batch.nest);
    w = writeNest(recorder, w, m.nest);
    w = writeNest(recorder, w, n.nest);
    w = writeNest(recorder, w, k.nest);
    writeScalars(recorder, w, types, scalars);
  }

  /** The place of an operand among the bound ones. */
  slot(operand: number): number {
    return this.#bound.indexOf(operand);
  }

  offset(operand: number): string {
    return this.#offsets[operand]!;
  }

  /** Statements that declare walkers at the element `index` of a group. Those of operands that the group does not move stay at their starts. */
  walk(group: Group, index: string, walkers: readonly Walker[], id: string): string {
    const loops = this.#loops.get(group)!;
    const lines = walkers.map((w) => `var ${w.name} = ${w.start};`);
    const moved = walkers.filter((w) => group.operands.includes(w.operand));
    if (moved.length === 0) return lines.join("\n");
    lines.push(`let ${id}_0 = ${index};`);
    let rest = `${id}_0`;
    for (let d = loops.length - 1; d >= 0; d--) {
      const { size, steps } = loops[d]!;
      if (d > 0) {
        lines.push(`let ${id}_q${d} = ${rest} / ${size}; let ${id}_c${d} = ${rest} - ${id}_q${d} * ${size};`);
        rest = `${id}_q${d}`;
      }
      const at = d > 0 ? `${id}_c${d}` : rest;
      for (const w of moved) lines.push(`${w.name} += ${at} * ${steps.get(w.operand)!};`);
    }
    return lines.join("\n");
  }

  /** Size and steps of the innermost loop of a group. */
  inner(group: Group): { readonly size: string; step(operand: number): string } {
    const { size, steps } = this.#loops.get(group)!.at(-1)!;
    return { size, step: (operand) => steps.get(operand)! };
  }

  /** Operands that a store walks: the output and those of the epilogue. */
  get stored(): readonly number[] {
    return [OUT, ...this.#extras];
  }

  /** A statement that finishes the sum `sum` and stores it. `place` gives the places of the output and the epilogue's operands. */
  store(sum: string, place: (operand: number) => string): string {
    const args = this.#extras.map((k) => this.shader.load(this.slot(k), place(k)));
    return this.shader.store(this.slot(OUT), place(OUT), `${this.#finish}(${[sum, ...args].join(", ")})`);
  }

  /** A partial sum. */
  loadSum(place: string): string {
    return this.shader.load(this.slot(SUMS), place);
  }

  /** A statement that stores a partial sum. */
  storeSum(sum: string, place: string): string {
    return this.shader.store(this.slot(SUMS), place, sum);
  }

  /** Declares the epilogue as a function of the sum and the elements of its operands. */
  #declareFinish(): string {
    const s = this.shader;
    const scalar = declareScalars(s, this.meaning.scalars);
    const types: ScalarType[] = [];
    for (const k of this.#extras) types[k - 1] = s.type(this.slot(k));
    const body = s.body({ state: () => "sum", arg: (slot) => `e${slot + 1}`, argTypes: types, scalar });
    const result = body.value(this.meaning.value);
    const parameters = [`sum: ${this.type}`, ...this.#extras.map((k) => `e${k}: ${types[k - 1]}`)].join(", ");
    s.declarations.push(`fn finish(${parameters}) -> ${s.type(this.slot(OUT))} {\n${body.lines.join("\n")}\nreturn ${result};\n}`);
    return "finish";
  }
}

import { element, LANES, quad, type Reading, times } from "./factor.ts";
import type { Frame, Walker } from "./frame.ts";
import { A, B, type Group, type Problem } from "./problem.ts";
import { storeTile } from "./store.ts";

/**
 * A tile of bm x bn outputs that a workgroup computes together, bk steps of k at a time through workgroup memory; each invocation has tm x tn of
 * the outputs in registers.
 */
export interface TileVariant {
  readonly kind: "tile";
  readonly bm: number;
  readonly bn: number;
  readonly bk: number;
  readonly tm: number;
  readonly tn: number;
}

export const threadsOf = ({ bm, bn, tm, tn }: TileVariant): number => (bm / tm) * (bn / tn);

/** Bytes of workgroup memory: a part of each factor, and where the steps of k are. */
export const workgroupBytes = ({ bm, bn, bk }: TileVariant): number => 4 * bk * (bm + bn) + 2 * 8 * bk;

/**
 * How one factor's part gets to workgroup memory, where it lies as [step of k][quad of lines]. Each invocation has units of its own: one step
 * of four lines, or, where the factor is read along k, four steps of four lines, which it turns around. Its lines are the same in every part.
 */
class Stager {
  readonly #frame: Frame;
  readonly #factor: number;
  readonly #group: Group;
  readonly #reading: Reading;
  readonly #name: string;
  readonly #quads: number;
  readonly #bk: number;
  readonly #threads: number;
  readonly #units: number;
  readonly #lane: string;

  constructor(frame: Frame, factor: number, group: Group, reading: Reading, name: string, lines: number, bk: number, threads: number) {
    this.#frame = frame;
    this.#factor = factor;
    this.#group = group;
    this.#reading = reading;
    this.#name = name;
    this.#quads = lines / 4;
    this.#bk = bk;
    this.#threads = threads;
    this.#units = this.#quads * (reading === "alongK" ? bk / 4 : bk);
    // Where half of the invocations have a unit, the other factor's are the other half's.
    this.#lane = factor === B && 2 * this.#units <= threads ? `(lid ^ ${threads / 2}u)` : "lid";
  }

  /** How many times each invocation goes, and whether all of them do. */
  get #rounds(): number {
    return Math.ceil(this.#units / this.#threads);
  }

  /** The quad of lines of an invocation's unit, and its step (or quad of steps). */
  #unit(round: number): { readonly lines: string; readonly step: string } {
    const u = round === 0 ? this.#lane : `(lid + ${round * this.#threads}u)`;
    // Along k neighbours read what follows; across lines too.
    if (this.#reading === "alongK") return { lines: `(${u} / ${this.#bk / 4}u)`, step: `(${u} % ${this.#bk / 4}u)` };
    return { lines: `(${u} % ${this.#quads}u)`, step: `(${u} / ${this.#quads}u)` };
  }

  /** Whether the lines of every round are those of the first. */
  get #sameLines(): boolean {
    return this.#reading !== "alongK" && this.#threads % this.#quads === 0;
  }

  get declaration(): string {
    return `var<workgroup> ${this.#name}s: array<vec4<${this.#frame.type}>, ${this.#quads * this.#bk}>;`;
  }

  /** Declares the places of the lines. `first` is the number of the tile's first one, of `total`. Lines beyond the last repeat it. */
  places(first: string, total: string): string {
    const rounds = this.#sameLines ? 1 : this.#rounds;
    const each = this.#reading === "acrossLines" ? 1 : 4;
    return times(rounds, (r) =>
      times(each, (i) => {
        const line = `min(${first} + ${this.#unit(r).lines} * 4u + ${i}u, ${total} - ${each === 1 ? 4 : 1}u)`;
        const walker: Walker = { operand: this.#factor, name: `${this.#name}p${r}_${i}`, start: `f${this.#factor}` };
        return this.#frame.walk(this.#group, line, [walker], `${this.#name}l${r}_${i}`);
      }).join("\n  "),
    ).join("\n  ");
  }

  /** Statements that move a part: `valid(step)` tells whether a step of the part is one of the sum, `at(step)` where it is. */
  stage(valid: (step: string) => string, at: (step: string) => string, tail: boolean): string {
    return times(this.#rounds, (r) => {
      const whole = (r + 1) * this.#threads <= this.#units;
      const text = this.#reading === "alongK" ? this.#turned(r, valid, at, tail) : this.#straight(r, valid, at);
      return whole ? `{ ${text} }` : `if (${this.#lane} + ${r * this.#threads}u < ${this.#units}u) { ${text} }`;
    }).join("\n    ");
  }

  #straight(round: number, valid: (step: string) => string, at: (step: string) => string): string {
    const name = this.#name;
    const frame = this.#frame;
    const { lines, step } = this.#unit(round);
    const p = `${name}p${this.#sameLines ? 0 : round}_`;
    const value =
      this.#reading === "acrossLines"
        ? quad(frame, this.#factor, `${p}0 + o`)
        : `vec4<${frame.type}>(${times(4, (i) => element(frame, this.#factor, `${p}${i} + o`)).join(", ")})`;
    return `let step = ${step}; var v = vec4<${frame.type}>();
      if (${valid("step")}) { let o = ${at("step")}; v = ${value}; }
      ${name}s[step * ${this.#quads}u + ${lines}] = v;`;
  }

  #turned(round: number, valid: (step: string) => string, at: (step: string) => string, tail: boolean): string {
    const name = this.#name;
    const frame = this.#frame;
    const type = `vec4<${frame.type}>`;
    const { lines, step } = this.#unit(round);
    const p = `${name}p${round}_`;
    // Four steps at a time, and one by one only at the end of the sum.
    const single = (i: number, c: number): string => `v${i}.${LANES[c]} = ${element(frame, this.#factor, `${p}${i} + o`)};`;
    return `let step = ${step} * 4u; ${times(4, (i) => `var v${i} = ${type}();`).join(" ")}
      if (${valid("step + 3u")}) { let o = ${at("step")}; ${times(4, (i) => `v${i} = ${quad(frame, this.#factor, `${p}${i} + o`)};`).join(" ")} }
      ${tail ? `else {\n        ${times(3, (c) => `if (${valid(`step + ${c}u`)}) { let o = ${at(`step + ${c}u`)}; ${times(4, (i) => single(i, c)).join(" ")} }`).join("\n        ")}\n      }` : ""}
      let to = step * ${this.#quads}u + ${lines};
      ${LANES.map((l, c) => `${name}s[to + ${c * this.#quads}u] = ${type}(${times(4, (i) => `v${i}.${l}`).join(", ")});`).join(" ")}`;
  }
}

/** The main function. `tail`: whether the number of steps along k may be no multiple of 4. */
export function tileText(
  frame: Frame,
  problem: Problem,
  variant: TileVariant,
  readings: readonly [Reading, Reading],
  tail: boolean,
): string {
  const { bm, bn, bk, tm, tn } = variant;
  const { type, shader } = frame;
  const threads = threadsOf(variant);
  const a = new Stager(frame, A, problem.m, readings[0], "x", bm, bk, threads);
  const b = new Stager(frame, B, problem.n, readings[1], "y", bn, bk, threads);
  shader.declarations.push(a.declaration, b.declaration);
  const rank = problem.k.nest.rank;
  // Where k is several loops, the places of a part's steps are found once per workgroup, while the part before is staged.
  const table = rank > 1;
  if (table) shader.declarations.push(`var<workgroup> steps: array<vec2<u32>, ${2 * bk}>;`);
  const inner = frame.inner(problem.k);
  const valid = (step: string): string => `k + ${step} < end`;
  const at =
    (factor: number) =>
    (step: string): string =>
      table ? `steps[half + ${step}].${factor === A ? "x" : "y"}` : `(k + ${step}) * ${inner.step(factor)}`;
  const findSteps = (k: string, half: string): string =>
    table
      ? `if (lid < ${bk}u) {
      ${frame.walk(
        problem.k,
        `min(${k} + lid, ${frame.depth} - 1u)`,
        [
          { operand: A, name: "ka", start: "0u" },
          { operand: B, name: "kb", start: "0u" },
        ],
        "kk",
      )}
      steps[${half} + lid] = vec2<u32>(ka, kb);
    }`
      : "";
  const across = bn / tn;
  // An invocation's lines are quads (or one part of a quad) spread evenly over the tile, so that neighbours read neighbouring quads.
  const spread =
    (t: string, size: number, each: number) =>
    (i: string): string =>
      each >= 4 ? `${t} * 4u + (${i} >> 2u) * ${size / (each / 4)}u + (${i} & 3u)` : `${t} * ${each}u + ${i}`;
  const row = spread("ty", bm, tm);
  const column = spread("tx", bn, tn);
  const fetch = (name: string, t: string, size: number, each: number): string =>
    each >= 4
      ? times(each / 4, (q) => `let ${name}${q} = ${name}s[kk * ${size / 4}u + ${t} + ${q * (size / each)}u];`).join(" ")
      : `let ${name}0 = ${name}s[kk * ${size / 4}u + (${t} * ${each}u) / 4u]; ${times(each, (i) => `let ${name}e${i} = ${name}0[(${t} * ${each}u + ${i}u) & 3u];`).join(" ")}`;
  const x = (i: number): string => (tm >= 4 ? `x${i >> 2}.${LANES[i & 3]}` : `xe${i}`);
  const wide = tn >= 4;
  const vectors = wide ? tn / 4 : tn;
  const sums = times(tm * vectors, (k) => `s${Math.floor(k / vectors)}_${k % vectors}`);
  const factors = [A, B].map((operand): Walker => ({ operand, name: `f${operand}`, start: frame.offset(operand) }));
  return `
let tx = lid % ${across}u; let ty = lid / ${across}u;
let across = (${frame.columns} + ${bn - 1}u) / ${bn}u;
let down = (${frame.rows} + ${bm - 1}u) / ${bm}u;
let tiles = across * down * ${frame.batches} * ${frame.parts};
for (var t = wid; t < tiles; t += wgs) {
  let t1 = t / across; let column = (t - t1 * across) * ${bn}u;
  let t2 = t1 / down; let row = (t1 - t2 * down) * ${bm}u;
  let part = t2 / ${frame.batches}; let batch = t2 - part * ${frame.batches};
  ${frame.walk(problem.batch, "batch", factors, "of")}
  ${a.places("row", frame.rows)}
  ${b.places("column", frame.columns)}
  ${sums.map((s) => `var ${s} = ${wide ? `vec4<${type}>` : type}();`).join(" ")}
  let begin = part * ${frame.part};
  let end = min(begin + ${frame.part}, ${frame.depth});
  ${table ? `var half = 0u;\n  ${findSteps("begin", "half")}\n  workgroupBarrier();` : ""}
  for (var k = begin; k < end; k += ${bk}u) {
    ${a.stage(valid, at(A), tail)}
    ${b.stage(valid, at(B), tail)}
    ${table ? `half = ${bk}u - half;\n    ${findSteps(`k + ${bk}u`, "half")}` : ""}
    workgroupBarrier();
    for (var kk = 0u; kk < ${bk}u; kk++) {
      ${fetch("x", "ty", bm, tm)}
      ${fetch("y", "tx", bn, tn)}
      ${times(tm, (i) => times(vectors, (j) => `s${i}_${j} += ${x(i)} * ${wide ? `y${j}` : `ye${j}`};`).join(" ")).join("\n      ")}
    }
    workgroupBarrier();
  }
  ${storeTile(frame, problem, { rows: tm, columns: tn, row: (i) => `row + ${row(i)}`, column: (j) => `column + ${column(j)}`, sums })}
}`;
}

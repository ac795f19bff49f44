import { element, LANES, quad, type Reading, times } from "./factor.ts";
import type { Frame, Walker } from "./frame.ts";
import { A, B, type Group, type Problem } from "./problem.ts";
import { storeTile } from "./store.ts";

/** A tile of outputs that one invocation computes in registers, straight from storage: no workgroup memory, no barriers. */
export interface DirectVariant {
  readonly kind: "direct";
  readonly tm: number;
  readonly tn: number;
  readonly threads: number;
}

/** One factor's lines in a tile: how they are named, placed and read. */
class Lines {
  readonly #frame: Frame;
  readonly #factor: number;
  readonly #group: Group;
  readonly #reading: Reading;
  readonly #name: string;
  readonly #count: number;

  constructor(frame: Frame, factor: number, group: Group, reading: Reading, name: string, count: number) {
    this.#frame = frame;
    this.#factor = factor;
    this.#group = group;
    this.#reading = reading;
    this.#name = name;
    this.#count = count;
  }

  /** Declares where the lines start: `first` is the number of the first one, of `total`. Lines beyond the last repeat it. */
  places(first: string, total: string): string {
    const width = this.#reading === "acrossLines" ? 4 : 1;
    const line = (i: number): string => `min(${first} + ${i * width}u, ${total} - ${width}u)`;
    return times(this.#count / width, (i) => {
      const walker: Walker = { operand: this.#factor, name: `${this.#name}p${i}`, start: `f${this.#factor}` };
      return this.#frame.walk(this.#group, line(i), [walker], `${this.#name}l${i}`);
    }).join("\n  ");
  }

  /** Reads the elements of `steps` places of k, from the place `at` on, whose steps are `step`. */
  read(at: string, step: string, steps: number): string {
    const name = this.#name;
    const frame = this.#frame;
    if (this.#reading === "alongK" && steps === 4) {
      return times(this.#count, (i) => `let ${name}${i} = ${quad(frame, this.#factor, `${name}p${i} + ${at}`)};`).join(" ");
    }
    const read = this.#reading === "acrossLines" ? quad : element;
    const lines = this.#count / (this.#reading === "acrossLines" ? 4 : 1);
    return times(steps, (c) => {
      const k = c === 0 ? at : `${at} + ${c}u * ${step}`;
      return times(lines, (i) => `let ${name}${i}_${c} = ${read(frame, this.#factor, `${name}p${i} + ${k}`)};`).join(" ");
    }).join("\n    ");
  }

  /** The element of line `i` at step `c` of `steps`. */
  at(i: number, c: number, steps: number): string {
    if (this.#reading === "alongK" && steps === 4) return `${this.#name}${i}.${LANES[c]}`;
    return this.#reading === "acrossLines" ? `${this.#name}${i >> 2}_${c}.${LANES[i & 3]}` : `${this.#name}${i}_${c}`;
  }

  /** The elements of lines 4q to 4q + 3. */
  quadAt(q: number, c: number, steps: number): string {
    if (this.#reading === "acrossLines") return `${this.#name}${q}_${c}`;
    return `vec4<${this.#frame.type}>(${times(4, (j) => this.at(4 * q + j, c, steps)).join(", ")})`;
  }
}

/** The main function. `tail`: whether the number of steps along k may be no multiple of 4. */
export function directText(
  frame: Frame,
  problem: Problem,
  { tm, tn, threads }: DirectVariant,
  readings: readonly [Reading, Reading],
  tail: boolean,
): string {
  const { type } = frame;
  const inner = frame.inner(problem.k);
  const a = new Lines(frame, A, problem.m, readings[0], "x", tm);
  const b = new Lines(frame, B, problem.n, readings[1], "y", tn);
  const wide = tn % 4 === 0;
  const across = wide ? tn / 4 : tn;
  const steps = readings.includes("alongK") ? 4 : 1;
  const body = (n: number): string => `
    ${a.read("pa", inner.step(A), n)}
    ${b.read("pb", inner.step(B), n)}
    ${times(n, (c) =>
      times(tm, (i) =>
        times(across, (j) => `s${i}_${j} += ${a.at(i, c, n)} * ${wide ? b.quadAt(j, c, n) : b.at(j, c, n)};`).join(" "),
      ).join("\n    "),
    ).join("\n    ")}
    pa += ${n}u * ${inner.step(A)}; pb += ${n}u * ${inner.step(B)};`;
  const loops = [
    ...(steps === 4 ? [`for (; ki + 4u <= stop; ki += 4u) {${body(4)}\n    }`] : []),
    ...(steps === 1 || tail ? [`for (; ki < stop; ki++) {${body(1)}\n    }`] : []),
  ];
  const factors = [A, B].map((operand): Walker => ({ operand, name: `f${operand}`, start: frame.offset(operand) }));
  const alongK = [A, B].map((operand): Walker => ({ operand, name: `k${operand}`, start: "0u" }));
  const sums = times(tm * across, (k) => `s${Math.floor(k / across)}_${k % across}`);
  return `
let across = (${frame.columns} + ${tn - 1}u) / ${tn}u;
let down = (${frame.rows} + ${tm - 1}u) / ${tm}u;
let tiles = across * down * ${frame.batches} * ${frame.parts};
for (var t = gid; t < tiles; t += wgs * ${threads}u) {
  let t1 = t / across; let column = (t - t1 * across) * ${tn}u;
  let t2 = t1 / down; let row = (t1 - t2 * down) * ${tm}u;
  let part = t2 / ${frame.batches}; let batch = t2 - part * ${frame.batches};
  ${frame.walk(problem.batch, "batch", factors, "of")}
  ${a.places("row", frame.rows)}
  ${b.places("column", frame.columns)}
  ${sums.map((s) => `var ${s} = ${wide ? `vec4<${type}>` : type}();`).join(" ")}
  var k = part * ${frame.part};
  let end = min(k + ${frame.part}, ${frame.depth});
  while (k < end) {
    var ki = k % ${inner.size};
    ${frame.walk(problem.k, `(k - ki)`, alongK, "ok")}
    let stop = min(${inner.size}, ki + (end - k));
    k += stop - ki;
    var pa = k${A} + ki * ${inner.step(A)}; var pb = k${B} + ki * ${inner.step(B)};
    ${loops.join("\n    ")}
  }
  ${storeTile(frame, problem, { rows: tm, columns: tn, row: (i) => `row + ${i}`, column: (j) => `column + ${j}`, sums })}
}`;
}

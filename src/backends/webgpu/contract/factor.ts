import type { Operand } from "../bindings.ts";
import type { ScalarType } from "../format.ts";
import type { Frame } from "./frame.ts";
import type { Group, Problem } from "./problem.ts";

/**
 * How a factor is read: element by element, or four at a time along k, or four at a time along its lines (rows of a, columns of b). Four at a
 * time takes a step of 1 there and every other step a multiple of 4, so that all of the reads are aligned.
 */
export type Reading = "one" | "alongK" | "acrossLines";

/** The best way to read a factor. `lines`: the group of its rows or columns. */
export function readingOf(problem: Problem, factor: number, lines: Group, operands: readonly Operand[]): Reading {
  if (operands[factor]!.layout.offset % 4 !== 0) return "one";
  if (steadyElsewhere(problem, factor, lines) && lines.nest.sizes[lines.nest.rank - 1]! % 4 === 0) return "acrossLines";
  const { k } = problem;
  const length = k.nest.sizes[k.nest.rank - 1]!;
  return steadyElsewhere(problem, factor, k) && (k.nest.rank === 1 ? length >= 4 : length % 4 === 0) ? "alongK" : "one";
}

/** Whether a factor's elements follow each other in the innermost loop of `along`, and all of its other steps are multiples of 4. */
function steadyElsewhere(problem: Problem, factor: number, along: Group): boolean {
  for (const g of [problem.batch, problem.m, problem.n, problem.k]) {
    const c = g.operands.indexOf(factor);
    if (c < 0) continue;
    const { rank, width, strides } = g.nest;
    for (let d = 0; d < rank; d++) {
      const step = strides[d * width + c]!;
      if (g === along && d === rank - 1 ? step !== 1 : step % 4 !== 0) return false;
    }
  }
  return true;
}

export const LANES: readonly string[] = ["x", "y", "z", "w"];

/** The numbers from 0 to n - 1, mapped. */
export const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** One element of a factor at a place, in the type of sums. */
export const element = (frame: Frame, factor: number, at: string): string =>
  converted(frame, factor, frame.shader.load(frame.slot(factor), at), frame.type);

/** Four elements from an aligned place on, as vec4 of the type of sums. */
export const quad = (frame: Frame, factor: number, at: string): string =>
  converted(frame, factor, frame.shader.load4(frame.slot(factor), at), `vec4<${frame.type}>`);

function converted(frame: Frame, factor: number, x: string, to: string): string {
  const from: ScalarType = frame.shader.type(frame.slot(factor));
  if (from === frame.type) return x;
  return from === "bool" ? `select(${to}(), ${to}(1), ${x})` : `${to}(${x})`;
}

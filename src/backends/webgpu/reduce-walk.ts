import { declareNest, type Place } from "./map.ts";
import { type Shader, wordAt } from "./shader.ts";

/** So many elements are combined one after the other before they count as one, where rounding errors would grow; four times as many in four chains. */
export const RUN = 256;

/** How an operand moves from one reduced element to the next: by its step, or side by side and aligned in fours, or not at all. */
export type Step = "step" | "wide" | "still";

/** The reduced elements of one kept element, as words of parameters. */
export interface Walk {
  /** Of each input. Where one is wide, none takes steps and the nest has one loop. */
  readonly steps: readonly Step[];
  /** Declares places of an element's operands from its row-major number. */
  readonly nest: (index: string, places: readonly Place[]) => string;
  /** The size of the innermost loop, and the inputs' steps in it. */
  readonly size: string;
  readonly inner: readonly string[];
  readonly load: (k: number, index: string) => string;
  readonly load4: (k: number, index: string) => string;
  /** Where sixteen elements are loaded at a time: each kept element, and each chunk, begins at a multiple of 16. */
  readonly load16: ((k: number, index: string) => string) | null;
}

/** Names the words that `writeNest` writes. */
export function declareWalk(s: Shader, rank: number, steps: readonly Step[], first: number, sixteens: boolean): Walk {
  const width = steps.length;
  const last = s.words + (rank - 1) * (1 + width);
  return {
    steps,
    nest: declareNest(s, rank, width),
    size: wordAt(last),
    inner: steps.map((_, k) => wordAt(last + 1 + k)),
    load: (k, index) => s.load(first + k, index),
    load4: (k, index) => s.load4(first + k, index),
    load16: sixteens ? (k, index) => s.load16(first + k, index) : null,
  };
}

const lanes = ["x", "y", "z", "w"];
const bases = (walk: Walk): string => walk.steps.map((_, k) => `b${k}`).join(", ");
const baseParameters = (walk: Walk): string => walk.steps.map((_, k) => `b${k}: u32`).join(", ");

/**
 * Declares `walk(start, end, b0, b1, ...) -> State`: combines the elements from `start` up to `end`, of which there is at least one, in order (`wide`
 * walks of commutative monoids excepted). `b0`, ... are the places at which the kept element's operands begin. Returns the function's name.
 */
export function declareInOrder(s: Shader, walk: Walk, commutative: boolean, deep: boolean): string {
  const wide = walk.steps.includes("wide");
  s.declarations.push(wide ? wideWalk(walk, commutative) : steppingWalk(walk));
  return deep ? declareRuns(s, walk, wide && commutative ? 4 * RUN : RUN) : "walk";
}

/** Declares `at(j) -> i32`: the position of the walk's element j, whose first is at `position`. */
export function declarePositions(s: Shader, position: string): void {
  s.declarations.push(`fn at(j: u32) -> i32 { return i32(j + ${position}); }`);
}

/** Combines runs of elements first, then their results. */
function declareRuns(s: Shader, walk: Walk, run: number): string {
  s.declarations.push(`fn walk_runs(start: u32, end: u32, ${baseParameters(walk)}) -> State {
  var y: State;
  for (var j = start; j < end; j += ${run}u) {
    let part = walk(j, min(end, j + ${run}u), ${bases(walk)});
    if (j == start) { y = part; } else { y = combine(y, part); }
  }
  return y;
}`);
  return "walk_runs";
}

function steppingWalk(walk: Walk): string {
  const { steps, inner } = walk;
  const elements = (ahead: number): string =>
    steps.map((_, k) => walk.load(k, ahead === 0 ? `q${k}` : `q${k} + ${ahead}u * s${k}`)).join(", ");
  const advance = (by: number): string => steps.map((_, k) => `q${k} += ${by === 1 ? "" : `${by}u * `}s${k};`).join(" ");
  const places = (name: string): Place[] => steps.map((_, k) => ({ name: `${name}${k}`, start: `b${k}` }));
  return `fn walk(start: u32, end: u32, ${baseParameters(walk)}) -> State {
  let size = ${walk.size};
  ${steps.map((_, k) => `let s${k} = ${inner[k]};`).join(" ")}
  ${walk.nest("start", places("q"))}
  var y = lift(${elements(0)}, at(start));
  ${advance(1)}
  var j = start + 1u;
  var stop = min(end, start - start % size + size);
  loop {
    for (; j + 3u < stop; j += 4u) {
      ${[0, 1, 2, 3].map((a) => `y = fold(y, ${elements(a)}, at(j + ${a}u));`).join("\n      ")}
      ${advance(4)}
    }
    for (; j < stop; j++) {
      y = fold(y, ${elements(0)}, at(j));
      ${advance(1)}
    }
    if (j >= end) { break; }
    ${walk.nest("j", places("r"))}
    ${steps.map((_, k) => `q${k} = r${k};`).join(" ")}
    stop = min(end, j + size);
  }
  return y;
}`;
}

/** Four elements at a time: `start` is a multiple of four, and so are the bases of operands that move. */
function wideWalk(walk: Walk, commutative: boolean): string {
  const { steps } = walk;
  const one = (j: string): string => steps.map((step, k) => (step === "still" ? `x${k}` : walk.load(k, `b${k} + ${j}`))).join(", ");
  const lane = (a: number): string => steps.map((step, k) => (step === "still" ? `x${k}` : `v${k}.${lanes[a]}`)).join(", ");
  const fours = (j: string): string =>
    steps.flatMap((step, k) => (step === "still" ? [] : [`let v${k} = ${walk.load4(k, `b${k} + ${j}`)};`])).join(" ");
  const still = steps.flatMap((step, k) => (step === "still" ? [`let x${k} = ${walk.load(k, `b${k}`)};`] : []));
  const chain = (a: number): string => (commutative ? `y${a}` : "y0");
  const begin = [0, 1, 2, 3].map((a) =>
    commutative || a === 0 ? `var y${a} = lift(${lane(a)}, at(start + ${a}u));` : `y0 = fold(y0, ${lane(a)}, at(start + ${a}u));`,
  );
  const next = [0, 1, 2, 3].map((a) => `${chain(a)} = fold(${chain(a)}, ${lane(a)}, at(j + ${a}u));`);
  const { load16 } = walk;
  const sixteen = (): string => {
    const loads = steps.map((step, k) => (step === "still" ? "" : `let m${k} = ${load16!(k, `b${k} + j`)};`));
    const part = (c: number, a: number): string =>
      steps.map((step, k) => (step === "still" ? `x${k}` : `m${k}[${c}].${lanes[a]}`)).join(", ");
    const folds = [0, 1, 2, 3].flatMap((c) =>
      [0, 1, 2, 3].map((a) => `${chain(a)} = fold(${chain(a)}, ${part(c, a)}, at(j + ${4 * c + a}u));`),
    );
    return `for (; (j & 15u) != 0u && j + 3u < end; j += 4u) {
      ${fours("j")}
      ${next.join("\n      ")}
    }
    for (; j + 15u < end; j += 16u) {
      ${[...loads, ...folds].join("\n      ")}
    }`;
  };
  return `fn walk(start: u32, end: u32, ${baseParameters(walk)}) -> State {
  ${still.join("\n  ")}
  var y: State;
  var j = start;
  if (end - start < 4u) {
    y = lift(${one("start")}, at(start));
    j += 1u;
  } else {
    ${fours("start")}
    ${begin.join("\n    ")}
    j += 4u;
    ${load16 === null ? "" : sixteen()}
    for (; j + 3u < end; j += 4u) {
      ${fours("j")}
      ${next.join("\n      ")}
    }
    y = ${commutative ? "combine(combine(y0, y1), combine(y2, y3))" : "y0"};
  }
  for (; j < end; j++) { y = fold(y, ${one("j")}, at(j)); }
  return y;
}`;
}

/**
 * Declares `stride(start, end, b0, ...) -> State`, which combines every `each`-th element, or every `each`-th four where the walk is wide, so that
 * neighbouring invocations read neighbouring elements. For commutative monoids.
 */
export function declareStrided(s: Shader, walk: Walk, rank: number, each: number, deep: boolean): string {
  const { steps } = walk;
  const wide = steps.includes("wide");
  const unit = wide ? 4 : 1;
  const still = steps.flatMap((step, k) => (step === "still" ? [`let x${k} = ${walk.load(k, `b${k}`)};`] : []));
  const one = (j: string): string => steps.map((step, k) => (step === "still" ? `x${k}` : walk.load(k, `b${k} + ${j}`))).join(", ");
  const lane = (a: number): string => steps.map((step, k) => (step === "still" ? `x${k}` : `v${k}.${lanes[a]}`)).join(", ");
  const fours = steps.flatMap((step, k) => (step === "still" ? [] : [`let v${k} = ${walk.load4(k, `b${k} + j`)};`])).join(" ");
  const places = steps.map((_, k) => ({ name: `q${k}`, start: `b${k}` }));
  const locate = wide
    ? ""
    : rank === 1
      ? places.map((q, k) => `let ${q.name} = b${k} + j * ${walk.inner[k]};`).join(" ")
      : walk.nest("j", places);
  const stepped = steps.map((_, k) => walk.load(k, `q${k}`)).join(", ");
  const part = wide
    ? `var part: State;
    if (j + 3u < end) {
      ${fours}
      part = combine(combine(lift(${lane(0)}, at(j)), lift(${lane(1)}, at(j + 1u))), combine(lift(${lane(2)}, at(j + 2u)), lift(${lane(3)}, at(j + 3u))));
    } else {
      part = lift(${one("j")}, at(j));
      for (var i = j + 1u; i < end; i++) { part = fold(part, ${one("i")}, at(i)); }
    }`
    : `${locate}
    let part = lift(${stepped}, at(j));`;
  // Where rounding errors would grow, runs are combined on their own.
  const run = `count += 1u;
    if (count == 64u) {
      if (whole) { z = combine(z, y); } else { z = y; whole = true; }
      have = false;
      count = 0u;
    }`;
  s.declarations.push(`fn stride(start: u32, end: u32, ${baseParameters(walk)}) -> State {
  ${wide ? still.join("\n  ") : ""}
  var y: State;
  var z: State;
  var have = false;
  var whole = false;
  var count = 0u;
  for (var j = start; j < end; j += ${each * unit}u) {
    ${part}
    if (have) { y = combine(y, part); } else { y = part; have = true; }
    ${deep ? run : ""}
  }
  if (have && whole) { return combine(z, y); }
  if (whole) { return z; }
  return y;
}`);
  return "stride";
}

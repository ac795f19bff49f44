import type { ComputeType, DType } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import { cast, type Expr, leaves, state, substitute } from "../../kernel/expr.ts";
import type { KernelOf, LaunchArgs, RowOutput } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { type ScalarType, scalarTypeOf } from "./format.ts";
import { declareNest, writeNest } from "./map.ts";
import type { Pipeline } from "./recorder.ts";
import { format, Shader } from "./shader.ts";
import { declareScalars, scalarTypes, writeScalars } from "./words.ts";

/** So many elements are combined one after the other before they count as one, where rounding errors would grow. */
const RUN = 256;

interface Stage {
  readonly types: readonly ScalarType[];
  readonly init: readonly Expr[];
  readonly combine: readonly Expr[];
  /** An element folded into the state. */
  readonly fold: readonly Expr[];
  readonly results: readonly Expr[];
  /** The number of its first result. */
  readonly first: number;
}

/** How many invocations share a row, and how many a workgroup has. */
interface Share {
  readonly lanes: number;
  readonly workgroup: number;
}

/** All stages of a rows kernel in one dispatch: the invocations of a row combine what each of them found, and all go on with the results. */
export class RowsPass {
  readonly #context: Context;
  /** Of all operands, outputs first. */
  readonly #dtypes: readonly DType[];
  readonly #outputs: readonly RowOutput[];
  /** The operands with elements along the rows, by their place among all. */
  readonly #along: readonly number[];
  readonly #stages: readonly Stage[];
  readonly #results: readonly ScalarType[];
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #kept: LoopNest;
  readonly #row: LoopNest;
  readonly #variants = new Map<string, Pipeline>();

  constructor(context: Context, kernel: KernelOf<"rows">) {
    this.#context = context;
    this.#dtypes = [...kernel.outputs.map((o) => o.dtype), ...kernel.inputs];
    this.#outputs = kernel.outputs.map(({ per, dtype, value }) => {
      const same = scalarTypeOf(value.type) === format(dtype).type;
      return { per, dtype, value: lower(same ? value : cast(value, dtype)) };
    });
    this.#along = this.#dtypes.flatMap((_, k) => (kernel.outputs[k]?.per === "row" ? [] : [k]));
    this.#results = kernel.stages.flatMap((s) => s.results.map((e) => scalarTypeOf(e.type)));
    let first = 0;
    this.#stages = kernel.stages.map((s): Stage => {
      const n = s.init.length;
      const combine = s.combine.map(lower);
      const right = new Map<Expr, Expr>(s.lift.map((e, k) => [state(n + k, e.type), lower(e)]));
      first += s.results.length;
      return {
        types: s.init.map((e) => scalarTypeOf(e.type)),
        init: s.init.map(lower),
        combine,
        fold: combine.map((e) => substitute(e, new Map(right))),
        results: s.results.map(lower),
        first: first - s.results.length,
      };
    });
    const roots = [...this.#stages.flatMap((s) => [...s.init, ...s.fold, ...s.results]), ...this.#outputs.map((o) => o.value)];
    this.#scalars = scalarTypes(roots);
    this.#kept = new LoopNest(this.#dtypes.length);
    this.#row = new LoopNest(this.#along.length);
  }

  /** `operands`: outputs, then inputs. */
  run(operands: readonly Operand[], args: LaunchArgs, rows: number, elements: number): void {
    const { recorder, window } = this.#context;
    const bindings = planBindings(operands, window);
    const kept = this.#layKept(operands, args.kept!);
    const row = this.#layRow(operands, args.kept!);
    const share = this.#share(elements);
    const key = `${share.lanes}/${share.workgroup}/${kept.rank}/${row.rank}|${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#pipeline(share, kept.rank, row.rank, bindings);
      this.#variants.set(key, pipeline);
    }
    const words = 2 + operands.length + kept.rank * (1 + kept.width) + row.rank * (1 + row.width) + this.#scalars.length;
    let w = recorder.parameters(words) + 1;
    recorder.u32[w++] = rows;
    recorder.u32[w++] = elements;
    for (let k = 0; k < operands.length; k++) recorder.u32[w++] = operands[k]!.layout.offset;
    w = writeNest(recorder, w, kept);
    w = writeNest(recorder, w, row);
    writeScalars(recorder, w, this.#scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.groups(rows, share.workgroup / share.lanes));
  }

  /** An adapter that runs on the CPU has an invocation for each row: barriers cost it more than they bring. */
  #share(elements: number): Share {
    const { features, limits } = this.#context;
    if (features.software) return { lanes: 1, workgroup: 16 };
    const workgroup = Math.min(256, limits.maxComputeInvocationsPerWorkgroup);
    let lanes = workgroup;
    while (lanes > 1 && lanes >= 2 * elements) lanes /= 2;
    return { lanes, workgroup };
  }

  #layKept(operands: readonly Operand[], split: number): LoopNest {
    const nest = this.#kept.clear();
    const { shape } = operands[this.#outputs.length]!.layout;
    for (let d = 0; d < split; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
    }
    return nest.sort().merge(zeros);
  }

  #layRow(operands: readonly Operand[], split: number): LoopNest {
    const nest = this.#row.clear();
    const { shape } = operands[this.#outputs.length]!.layout;
    for (let d = split; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      this.#along.forEach((k, i) => {
        nest.set(i, operands[k]!.layout.strides[d]!);
      });
    }
    return nest.sort().merge(zeros);
  }

  #pipeline({ lanes, workgroup }: Share, keptRank: number, rowRank: number, bindings: Bindings): Pipeline {
    const nOut = this.#outputs.length;
    const operands = this.#dtypes.map((dtype, k) => ({ dtype, access: k < nOut ? ("shared" as const) : ("element" as const) }));
    const s = new Shader(operands, bindings, this.#context.window);
    const [rows, elements] = [s.word(), s.word()];
    const places = this.#dtypes.map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const kept = declareNest(s, keptRank, this.#kept.width);
    const row = declareNest(s, rowRank, this.#row.width);
    const scalar = declareScalars(s, this.#scalars);
    const argTypes = [...this.#dtypes.slice(nOut).map((d) => format(d).type), ...this.#results];
    const inputs = argTypes.length - this.#results.length;
    const argument = (slot: number): string => (slot < inputs ? `x${slot}` : `r${slot - inputs}`);
    /** Statements that compute expressions, and the names of their values. */
    const compute = (roots: readonly Expr[], prefix: string, component: (slot: number) => string): { lines: string; values: string[] } => {
      const body = s.body({ arg: argument, argTypes, scalar, state: component }, prefix);
      const values = roots.map((e) => body.value(e));
      return { lines: body.lines.join("\n"), values };
    };
    /** A loop over this invocation's elements of the row. `q0`, ...: the places of an element. */
    const each = (roots: readonly Expr[], statements: string): string => `for (var j = lane; j < m; j += ${lanes}u) {
  ${row(
    "j",
    this.#along.map((k, i) => ({ name: `q${i}`, start: `p${k}` })),
  )}
  ${[...leaves(roots, "arg").keys()]
    .filter((slot) => slot < inputs)
    .map((slot) => `let x${slot} = ${s.load(nOut + slot, `q${this.#along.indexOf(nOut + slot)}`)};`)
    .join(" ")}
  ${statements}
}`;
    const stages = this.#stages.map((stage, k) => {
      const struct = `State${k}`;
      const component = (slot: number): string => (slot < stage.types.length ? `y.c${slot}` : `z.c${slot - stage.types.length}`);
      s.declarations.push(`struct ${struct} { ${stage.types.map((t, c) => `c${c}: ${t}`).join(", ")} }`);
      const both = compute(stage.combine, "b", component);
      s.declarations.push(
        `fn combine${k}(y: ${struct}, z: ${struct}) -> ${struct} {\n${both.lines}\nreturn ${struct}(${both.values.join(", ")});\n}`,
      );
      const init = compute(stage.init, `i${k}_`, component);
      const fold = compute(stage.fold, "f", component);
      const results = compute(stage.results, `e${k}_`, component);
      const names = stage.results.map((_, j) => `r${stage.first + j}`);
      return `${names.map((name, j) => `var ${name}: ${this.#results[stage.first + j]};`).join(" ")}
{
  ${init.lines}
  let empty = ${struct}(${init.values.join(", ")});
  var y = empty;
  var whole = empty;
  var count = 0u;
  ${each(
    stage.fold,
    `${fold.lines}
  y = ${struct}(${fold.values.join(", ")});
  count += 1u;
  if (count == ${RUN}u) { whole = combine${k}(whole, y); y = empty; count = 0u; }`,
  )}
  y = combine${k}(whole, y);
  ${lanes === 1 ? "" : declareGathering(s, k, lanes, workgroup)}
  ${results.lines}
  ${names.map((name, j) => `${name} = ${results.values[j]};`).join(" ")}
}`;
    });
    const element = this.#outputs.flatMap((o, k) => (o.per === "element" ? [{ ...o, k }] : []));
    const perRow = this.#outputs.flatMap((o, k) => (o.per === "row" ? [{ ...o, k }] : []));
    const last = (list: readonly (RowOutput & { k: number })[], prefix: string, place: (k: number) => string): string => {
      const { lines, values } = compute(
        list.map((o) => o.value),
        prefix,
        () => "",
      );
      return `${lines}\n${list.map((o, j) => s.store(o.k, place(o.k), values[j]!)).join("\n")}`;
    };
    const elementValues = element.map((o) => o.value);
    const perGroup = workgroup / lanes;
    const main = `
let n = ${rows};
let m = ${elements};
let lane = lid % ${lanes}u;
for (var g = wid * ${perGroup}u; g < n; g += wgs * ${perGroup}u) {
  let live = g + lid / ${lanes}u < n;
  let t = min(g + lid / ${lanes}u, n - 1u);
  ${kept("t", places)}
  ${stages.join("\n")}
  if (live) {
    ${
      element.length === 0
        ? ""
        : each(
            elementValues,
            last(element, "v", (k) => `q${this.#along.indexOf(k)}`),
          )
    }
    ${perRow.length === 0 ? "" : `if (lane == 0u) { ${last(perRow, "w", (k) => `p${k}`)} }`}
  }
}`;
    return this.#context.recorder.pipeline(s.text(workgroup, main), bindings.blocks.length);
  }
}

/** Statements that combine the states `y` of the invocations of a row into that of each of them. They contain barriers. */
function declareGathering(s: Shader, k: number, lanes: number, workgroup: number): string {
  s.declarations.push(`var<workgroup> states${k}: array<State${k}, ${workgroup}>;`);
  const steps: string[] = [`states${k}[lid] = y;`];
  for (let by = lanes / 2; by >= 1; by /= 2) {
    steps.push(`workgroupBarrier();\nif (lane < ${by}u) { y = combine${k}(y, states${k}[lid + ${by}u]); states${k}[lid] = y; }`);
  }
  // The last barrier keeps the next row's states out until all have read this one's.
  steps.push(`workgroupBarrier();\ny = states${k}[lid - lane];\nworkgroupBarrier();`);
  return steps.join("\n");
}

const zeros: readonly number[] = Array.from({ length: 64 }, () => 0);

import { type ElementFormatter, elementFormatter } from "./element-formatter.ts";
import { getPrintoptions, type PrintOptions } from "./options.ts";
import { reprTuple } from "./python.ts";

/** What printing needs to know of a tensor. */
export interface Printable {
  /** "float32", "int64", "bool", "uint8", "float16", "bfloat16" and so on. */
  readonly dtypeName: string;
  readonly shape: readonly number[];
  /** The element at row-major logical position `i`: a number for floats and small ints, a bigint (or number) for int64, a boolean for bool. */
  at(i: number): number | bigint | boolean;
  /** Printed as `device='...'` unless it is "cpu" or absent. */
  readonly device?: string;
  readonly requiresGrad?: boolean;
  /** The name of the node that made it, such as "AddBackward0". */
  readonly gradFn?: string | null;
  /** Whether it is a Parameter, whose text starts with a line that says so. */
  readonly parameter?: boolean;
  /** The dtype that goes without saying for floats; "float32" where absent. */
  readonly defaultDtypeName?: string;
}

const PREFIX = "tensor(";

/** Stands for the elements that a summary leaves out. */
const GAP = -1;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** The indices of a dimension that are printed, in order, with {@link GAP} where a summary leaves some out. */
function shownIndices(size: number, isRow: boolean, summarize: boolean, edgeitems: number): number[] {
  if (!summarize || size <= 2 * edgeitems) return range(0, size);
  // PyTorch cuts the end off a row with Python's slice [-edgeitems:], and [-0:] is all of it.
  const tail = isRow && edgeitems === 0 ? size : edgeitems;
  return [...range(0, edgeitems), GAP, ...range(size - tail, size)];
}

/** The body of a tensor's text, written dimension by dimension. */
class Writer {
  readonly tensor: Printable;
  readonly options: PrintOptions;
  /** Per dimension: the printed indices, and how many elements one step of it passes over. */
  readonly shown: readonly number[][];
  readonly steps: readonly number[];
  readonly formatter: ElementFormatter;

  constructor(tensor: Printable, options: PrintOptions) {
    const { shape } = tensor;
    const count = shape.reduce((product, size) => product * size, 1);
    const summarize = count > options.threshold;
    this.tensor = tensor;
    this.options = options;
    this.shown = shape.map((size, dim) => shownIndices(size, dim === shape.length - 1, summarize, options.edgeitems));
    this.steps = shape.map((_, dim) => shape.slice(dim + 1).reduce((product, size) => product * size, 1));
    this.formatter = elementFormatter(tensor.dtypeName, this.values(0, 0, []), options);
  }

  /** Appends the printed elements to `into`, in order: the formatter's sample. */
  private values(dim: number, offset: number, into: (number | bigint | boolean)[]): (number | bigint | boolean)[] {
    const shown = this.shown[dim];
    if (shown === undefined) into.push(this.tensor.at(offset));
    else for (const i of shown) if (i !== GAP) this.values(dim + 1, offset + i * (this.steps[dim] ?? 1), into);
    return into;
  }

  /** The text of the part from dimension `dim` on that starts at element `offset`, with its opening bracket in column `indent`. */
  write(dim: number, offset: number, indent: number): string {
    const shown = this.shown[dim];
    const step = this.steps[dim] ?? 1;
    if (shown === undefined) return this.formatter.format(this.tensor.at(offset));
    if (dim === this.shown.length - 1) return this.writeRow(shown, offset, indent);
    const parts = shown.map((i) => (i === GAP ? "..." : this.write(dim + 1, offset + i * step, indent + 1)));
    // One blank line more between the parts for each dimension they have beyond a row.
    const newlines = "\n".repeat(this.shown.length - dim - 1);
    return `[${parts.join(`,${newlines}${" ".repeat(indent + 1)}`)}]`;
  }

  private writeRow(shown: readonly number[], offset: number, indent: number): string {
    const texts = shown.map((i) => (i === GAP ? " ..." : this.formatter.format(this.tensor.at(offset + i))));
    // Every element is taken for as wide as the formatter's width, and a comma and a space.
    const perLine = Math.max(1, Math.floor((this.options.linewidth - indent) / (this.formatter.width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < texts.length; i += perLine) lines.push(texts.slice(i, i + perLine).join(", "));
    return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
  }
}

/** Appends `device=...` and the like, each on the last line if it fits there and on a new one otherwise. */
function withSuffixes(text: string, suffixes: readonly string[], linewidth: number): string {
  let out = text;
  // Two more than the last line has, as PyTorch counts.
  let column = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    if (column + suffix.length + 2 > linewidth) {
      out += `,\n${" ".repeat(PREFIX.length)}${suffix}`;
      column = PREFIX.length + suffix.length;
    } else {
      out += `, ${suffix}`;
      column += suffix.length + 2;
    }
  }
  return `${out})`;
}

function assemble(tensor: Omit<Printable, "at">, body: string, what: { size: boolean; dtype: boolean }, linewidth: number): string {
  const suffixes: string[] = [];
  if (tensor.device !== undefined && tensor.device !== "cpu") suffixes.push(`device='${tensor.device}'`);
  if (what.size) suffixes.push(`size=${reprTuple(tensor.shape)}`);
  if (what.dtype) suffixes.push(`dtype=torch.${tensor.dtypeName}`);
  if (tensor.gradFn !== undefined && tensor.gradFn !== null) suffixes.push(`grad_fn=<${tensor.gradFn}>`);
  else if (tensor.requiresGrad) suffixes.push("requires_grad=True");
  const text = withSuffixes(PREFIX + body, suffixes, linewidth);
  return tensor.parameter ? `Parameter containing:\n${text}` : text;
}

/**
 * A tensor's text, `repr(tensor)` of PyTorch to the byte, under the options of `setPrintoptions`.
 *
 * Floats are written in one style for the whole tensor: whole numbers as `1.`, others with `precision` digits, and with an exponent
 * where they differ by more than a factor of 1000 or lie above 1e8 or (not all whole) below 1e-4. A tensor of more than `threshold`
 * elements shows `edgeitems` at each end of each dimension.
 *
 * @example
 * formatTensor({ dtypeName: "float32", shape: [2], at: (i) => i + 0.5 }); // "tensor([0.5000, 1.5000])"
 */
export function formatTensor(tensor: Printable): string {
  const options = getPrintoptions();
  const { dtypeName, shape, defaultDtypeName = "float32" } = tensor;
  if (shape.includes(0)) {
    // No element tells the dtype here, so int64 and bool are named too; and the size, unless it is (0,).
    return assemble(tensor, "[]", { size: shape.length !== 1, dtype: dtypeName !== defaultDtypeName }, options.linewidth);
  }
  const body = new Writer(tensor, options).write(0, 0, PREFIX.length);
  const plain = dtypeName === defaultDtypeName || dtypeName === "int64" || dtypeName === "bool";
  return assemble(tensor, body, { size: false, dtype: !plain }, options.linewidth);
}

/**
 * The text of a tensor whose values are not at hand (PyTorch's meta device, or one whose memory only the device can read).
 *
 * @example
 * formatTensorWithoutValues({ dtypeName: "float32", shape: [2, 3], device: "meta" }); // "tensor(..., device='meta', size=(2, 3))"
 */
export function formatTensorWithoutValues(tensor: Omit<Printable, "at">): string {
  const { dtypeName, defaultDtypeName = "float32" } = tensor;
  return assemble(tensor, "...", { size: true, dtype: dtypeName !== defaultDtypeName }, getPrintoptions().linewidth);
}

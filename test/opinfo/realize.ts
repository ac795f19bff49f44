import { numberFromBfloat16, numberFromFloat16 } from "../../src/core/half.ts";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import * as table from "../../src/ops/index.ts";
import { type Arg, type Data, type DType, draw, Nd, Operand, type OpInfo, type Sample, type Shape } from "./info.ts";

/** How the elements of an operand lie in memory. */
export const layouts = ["contiguous", "transposed", "stepped", "offset", "expanded"] as const;
export type LayoutName = (typeof layouts)[number];

/** What lies between the elements: a result that shows it has read too much, and one that changes it has written too much. */
export const filler = (dtype: DType): number => (dtype.isFloatingPoint ? Number.NaN : dtype.category === "bool" ? 1 : 77);

/** A tensor of given values as some layout has them. */
export interface Realized {
  readonly tensor: Tensor;
  readonly values: Nd;
  /** What lies between and around the elements. */
  readonly gaps: readonly Tensor[];
}

const fromNd = (x: Nd, dtype: DType, device: string): Tensor =>
  torch
    .tensor(
      x.data.map((v) => (dtype.name === "int64" ? BigInt(v) : v)),
      { dtype, device },
    )
    .view(x.shape);

/** A tensor of the values in a layout; where the layout repeats elements, the values are changed so that it can. */
export function realize(x: Nd, dtype: DType, layout: LayoutName, device: string): Realized {
  const order = x.shape.map((_, d) => x.ndim - 1 - d);
  const last = x.ndim - 1;
  switch (x.ndim === 0 && layout !== "offset" ? "contiguous" : layout) {
    case "transposed": {
      return { tensor: fromNd(x.permute(order), dtype, device).permute(order), values: x, gaps: [] };
    }
    case "stepped": {
      const wide = Nd.from(x.shape.with(last, x.shape[last]! * 2), (i) =>
        i[last]! % 2 === 0 ? x.at(i.with(last, i[last]! / 2)) : filler(dtype),
      );
      const storage = fromNd(wide, dtype, device);
      return { tensor: storage.slice(last, 0, null, 2), values: x, gaps: [storage.slice(last, 1, null, 2)] };
    }
    case "offset": {
      const around = new Array<number>(5).fill(filler(dtype));
      const storage = fromNd(new Nd([x.numel + 10], [...around, ...x.data, ...around]), dtype, device);
      return {
        tensor: storage.narrow(0, 5, x.numel).view(x.shape),
        values: x,
        gaps: [storage.narrow(0, 0, 5), storage.narrow(0, x.numel + 5, 5)],
      };
    }
    case "expanded": {
      if (x.shape[0] === 0) break;
      const values = new Nd(x.shape, Nd.from(x.shape, ([, ...rest]) => x.at([0, ...rest])).data, x.dtype);
      const row = fromNd(
        Nd.from([1, ...x.shape.slice(1)], (i) => x.at(i.with(0, 0))),
        dtype,
        device,
      );
      return { tensor: row.expand(x.shape), values, gaps: [] };
    }
  }
  return { tensor: fromNd(x, dtype, device), values: x, gaps: [] };
}

/** A sample with its operands made: the arguments for the library, and for the formula. */
export interface Call {
  readonly args: readonly unknown[];
  readonly plain: readonly unknown[];
  readonly operands: readonly Realized[];
  /** For each of `operands`: whether it has the dtype of the sample, so that a gradient can flow to it. */
  readonly free: readonly boolean[];
}

/** Makes the operands of a sample; the first has the layout, the others those that follow in the list. */
export function prepare(info: OpInfo, sample: Sample, dtype: DType, layout: LayoutName, device: string, data: Data): Call {
  const operands: Realized[] = [];
  const free: boolean[] = [];
  const make = (a: Operand): Realized => {
    const own = layout === "contiguous" || a.plain ? "contiguous" : layouts[(layouts.indexOf(layout) + operands.length) % layouts.length]!;
    const made = realize(draw(a, dtype, info.domain, data), a.dtype ?? dtype, own, device);
    operands.push(made);
    free.push(a.dtype === null && dtype.isFloatingPoint);
    return made;
  };
  const args: unknown[] = [];
  const plain: unknown[] = [];
  for (const a of sample.args as readonly Arg[]) {
    if (a instanceof Operand) {
      const made = make(a);
      args.push(made.tensor);
      plain.push(made.values);
    } else if (Array.isArray(a) && a.some((e) => e instanceof Operand)) {
      const made = (a as readonly Operand[]).map(make);
      args.push(made.map((m) => m.tensor));
      plain.push(made.map((m) => m.values));
    } else {
      args.push(a);
      plain.push(a);
    }
  }
  return { args, plain, operands, free };
}

export type OpName = keyof typeof table;
/** What the tests need of an entry. */
interface Entry {
  (...args: unknown[]): unknown;
  readonly kind: string;
  readonly method?: false;
  readonly inplace?: true;
  readonly params?: readonly (string | { readonly name: string })[];
  readonly arity?: number;
  readonly variadic?: true;
}
export const entryOf = (name: string): Entry => (table as unknown as Record<string, Entry>)[name]!;

type Methods = Record<string, (...args: unknown[]) => unknown>;
/** Calls a method by name, or the free function of an op that has no method. */
export function invoke(name: string, args: readonly unknown[]): unknown {
  const op = entryOf(name.replace(/_$/, ""));
  if (op.method === false) return op(...args);
  return (args[0] as Methods)[name]!(...args.slice(1));
}
export const tensorsOf = (result: unknown): Tensor[] => (result instanceof torch.Tensor ? [result] : [...(result as readonly Tensor[])]);

/** The elements in row-major order, as numbers. */
export async function numbers(x: Tensor): Promise<number[]> {
  const data = await x.detach().toTypedArray();
  const { name } = x.dtype;
  const decode = name === "float16" ? numberFromFloat16 : name === "bfloat16" ? numberFromBfloat16 : Number;
  return Array.from(data as ArrayLike<number>, (v) => decode(v));
}
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, d) => n === b[d]);

/** Text of a call, for messages. */
export function describeCall(name: string, sample: Sample, dtype: DType, layout: string): string {
  const text = (a: Arg): string => {
    if (a instanceof Operand) return `[${a.shape}]`;
    if (Array.isArray(a)) return `(${a.map(text).join(", ")})`;
    return typeof a === "object" && a !== null ? JSON.stringify(a) : String(a);
  };
  return `${name}(${sample.args.map(text).join(", ")}) of ${dtype.name}, ${layout}`;
}

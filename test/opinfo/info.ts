import type { DType } from "../../src/core/dtype.ts";
import { bfloat16, bool, dtypes, float16, float32, float64, int8, int16, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { Data } from "../backends/case.ts";
import { Nd, rounded, type Shape, zip } from "./nd.ts";

export type { DType, Shape };
export { bfloat16, bool, dtypes, float16, float32, float64, int8, int16, int32, int64, uint8 };

/** Groups of dtypes that ops take or refuse. */
export const floats: readonly DType[] = [float32, float64, float16, bfloat16];
export const integers: readonly DType[] = [int64, int32, int16, int8, uint8];
export const numeric: readonly DType[] = [...floats, ...integers];
export const every: readonly DType[] = [...numeric, bool];

/** Where the elements of a sample come from. Floats: any number between the bounds; integers: any whole one. */
export interface Domain {
  readonly low: number;
  readonly high: number;
  /** Leaves out what is closer to 0 than this: for divisors. */
  readonly apart?: number;
}
export const between = (low: number, high: number, apart: number = 0): Domain => ({ low, high, apart });
const ordinary = between(-3, 3);

/** A tensor among the arguments of a sample. */
export class Operand {
  readonly shape: Shape;
  /** Elements as they are; else they are drawn from the domain. */
  readonly values: readonly number[] | null;
  readonly domain: Domain | null;
  /** A dtype of its own, whatever dtype the sample is run with: indices, masks. It gets no gradient then. */
  readonly dtype: DType | null;
  /** Always contiguous: where another layout would repeat elements that have to differ. */
  readonly plain: boolean;
  constructor(shape: Shape, options: { values?: readonly number[]; domain?: Domain; dtype?: DType; plain?: true } = {}) {
    this.shape = shape;
    this.values = options.values ?? null;
    this.domain = options.domain ?? null;
    this.dtype = options.dtype ?? null;
    this.plain = options.plain ?? false;
  }
}
/** A tensor of the sample's dtype, drawn from a domain. */
export const t = (shape: Shape, domain?: Domain): Operand => new Operand(shape, domain === undefined ? {} : { domain });
/** A tensor of stated values. */
export const given = (shape: Shape, values: readonly number[]): Operand => new Operand(shape, { values });
/** An int64 tensor of indices. */
export const index = (shape: Shape, values: readonly number[]): Operand => new Operand(shape, { values, dtype: int64, plain: true });
/** A tensor of truth values. */
export const mask = (shape: Shape): Operand => new Operand(shape, { dtype: bool, domain: between(0, 1) });

export type Arg =
  | Operand
  | readonly Operand[]
  | readonly number[]
  | number
  | boolean
  | string
  | null
  | undefined
  | DType
  | Readonly<Record<string, unknown>>;

/** One call: the arguments by position, the tensor itself first. */
export interface Sample {
  readonly args: readonly Arg[];
  /** What backward keeps in this call, where it is not what the op keeps otherwise. */
  readonly keeps?: Keeps;
  /** Not differentiated: at these values, or for its size. */
  readonly still?: true;
  /** Only with these dtypes. */
  readonly dtypes?: readonly DType[];
}
export const call = (...args: readonly Arg[]): Sample => ({ args });

/** What backward keeps: the result, and operands by their place among the tensors of the call. */
export type Keeps = readonly ("result" | number)[];

/** A formula on plain arrays: operands come as `Nd`, everything else as it is in the call. */
// biome-ignore lint/suspicious/noExplicitAny: each formula states its own arguments
export type Reference = (...args: any[]) => Nd | readonly Nd[];

/** What tests know of one op. */
export interface OpInfo {
  readonly samples: readonly Sample[];
  /** What it computes, written without the library. Null: only shape and dtype are compared. */
  readonly reference: Reference;
  /** dtypes that it takes. */
  readonly dtypes: readonly DType[];
  /** dtypes that it refuses, and part of the sentence. */
  readonly refuses?: readonly (readonly [readonly DType[], string | RegExp])[];
  /** The dtype of the (first) result. */
  readonly result?: (d: DType) => DType;
  /** dtypes of all results, where there are several different ones. */
  readonly results?: (d: DType) => readonly DType[];
  readonly domain?: Domain;
  /** How far float results may be from the formula, in units of the last place. */
  readonly ulp?: number;
  /** Results smaller than this are measured as if they were this large: where terms cancel. */
  readonly floor?: number;
  /** Either of two zeros is right: of 0 and -0, devices may take the first or the second. */
  readonly eitherZero?: true;
  /** A kernel rounds once; an op of several kernels rounds half floats after each. */
  readonly halfUlp?: number;
  /** Equal elements have no derivative: they compete. */
  readonly distinct?: true;
  /** Whether the result can require a gradient. */
  readonly differentiable: boolean;
  readonly keeps?: Keeps;
  /** Second derivatives are checked too unless this says why not. */
  readonly firstOnly?: string;
  /** The results share the storage of the first operand (`maybe`: in some layouts). */
  readonly view?: boolean | "maybe";
  /** The sentence with which it refuses layouts that no strides can show in the new shape. */
  readonly refusesLayouts?: string;
  /** The values are whatever was in memory. */
  readonly undefinedValues?: true;
}

/** Infos for all the ops that a module of the table exports: tsc lists those that are missing. */
export type InfosOf<Table> = {
  readonly [K in keyof Table as K extends `_${string}`
    ? never
    : Table[K] extends { readonly kind: string; opName: string }
      ? K
      : never]: OpInfo;
};

// ---- samples of pointwise ops

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
/** Floats at which formulas go wrong. */
export const special: readonly number[] = [0, -0, 1, -1, 0.5, -0.5, 2.5, -2.5, 3, -7, 88, -88, 1e-4, inf, -inf, nan];
const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));

const shapes: readonly Shape[] = [[5], [], [1], [17], [3, 4], [2, 3, 4], [0], [2, 0, 3]];
const shapePairs: readonly (readonly [Shape, Shape])[] = [
  [[5], [5]],
  [[3, 4], [4]],
  [
    [3, 1],
    [1, 4],
  ],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[], [3]],
  [[3], []],
  [[], []],
  [[17], [17]],
  [[0], [1]],
  [
    [2, 3, 4],
    [2, 3, 4],
  ],
];

type Rest = Partial<OpInfo>;
export interface PointwiseRest extends Rest {
  /** Leaves out the special floats (NaN, infinities, signed zeros). */
  readonly tame?: true;
  /** Further samples. */
  readonly more?: readonly Sample[];
  /** The domain of the second operand. */
  readonly second?: Domain;
}
const defaults = { dtypes: every, ulp: 2, differentiable: true } as const;

/** An op of one operand: `f` of a number. */
export function unary(f: (x: number, ...params: number[]) => number, { tame, more = [], ...rest }: PointwiseRest = {}): OpInfo {
  const values: readonly Sample[] = tame ? [] : [{ args: [given([special.length], special)], still: true, dtypes: [float32, float64] }];
  return {
    ...defaults,
    reference: (x: Nd, ...params: number[]) => x.map((v) => f(v, ...params)),
    samples: [...shapes.map((s) => call(t(s))), ...values, ...more],
    ...rest,
  };
}

/** An op of two operands: `f` of two numbers. */
export function binary(f: (a: number, b: number) => number, { tame, more = [], second, ...rest }: PointwiseRest = {}): OpInfo {
  const n = [pairs.length];
  const values: readonly Sample[] = tame
    ? []
    : [
        {
          args: [
            given(
              n,
              pairs.map((p) => p[0]),
            ),
            given(
              n,
              pairs.map((p) => p[1]),
            ),
          ],
          still: true,
          dtypes: [float32, float64],
        },
      ];
  return {
    ...defaults,
    reference: (a: Nd, b: Nd | number) => zip(f, a, b),
    samples: [...shapePairs.map(([a, b]) => call(t(a), t(b, second))), ...values, ...more],
    ...rest,
  };
}
/** A sample with a number as the second operand. */
export const withNumber = (x: number, shape: Shape = [2, 3]): Sample => ({ args: [t(shape), x], dtypes: x < 0 ? signed : numeric });
/** Without bools, which a number turns into integers, and for numbers below 0 without bytes, in which they wrap. */
const signed = numeric.filter((d) => d !== uint8);

export const info = (reference: Reference, samples: readonly Sample[], rest: Rest = {}): OpInfo => ({
  ...defaults,
  reference,
  samples,
  ...rest,
});

// ---- drawing

/** The elements of an operand for a dtype. */
export function draw(operand: Operand, dtype: DType, domain: Domain | undefined, data: Data): Nd {
  const own = operand.dtype ?? dtype;
  if (operand.values !== null)
    return new Nd(
      operand.shape,
      operand.values.map((x) => rounded(x, own)),
      own,
    );
  const { low, high, apart = 0 } = operand.domain ?? domain ?? ordinary;
  return new Nd(operand.shape, Nd.from(operand.shape, () => one(data, own, low, high, apart)).data, own);
}

function one(data: Data, dtype: DType, low: number, high: number, apart: number): number {
  if (dtype === bool) return apart > 0 ? 1 : data.int(0, 2);
  if (dtype.isFloatingPoint) {
    for (;;) {
      const x = rounded(data.between(low, high), dtype);
      if (x >= low && x <= high && Math.abs(x) >= apart) return x;
    }
  }
  const from = Math.max(Math.ceil(low), dtype === uint8 ? 0 : -128);
  const to = Math.min(Math.floor(high), 127);
  for (;;) {
    const x = data.int(from, Math.max(to, from) + 1);
    if (apart === 0 || x !== 0) return x;
  }
}

export { Data, Nd };

import type { DType } from "../../src/core/dtype.ts";
import { extent, type Layout } from "../../src/core/layout.ts";
import type { Kernel, LaunchArgs } from "../../src/kernel/kernel.ts";
import type { Spec, Value } from "./operands.ts";

/** What not every kind of device can promise. Runs that depend on it say so; see backends.ts. */
export type Need =
  /** Float to integer conversions out of range as on x86. */
  | "x86 casts"
  /** The last of the elements that a scatter without `combine` writes to one place stays. */
  | "ordered scatter"
  /** An index out of range throws from `run`. */
  | "faults at once"
  /** Random numbers are PyTorch's on the CPU. */
  | "mersenne twister";

/** How far floats may be from the reference; integers and bools are exact. */
export interface Tolerance {
  /** In units of the last place of the output's dtype. */
  readonly ulp: number;
  /** Results smaller than this are measured as if they were this large: for sums in which terms cancel. */
  readonly floor?: number;
  /** Whether 0 and -0 are different. */
  readonly signedZero?: boolean;
}

/** One run of a kernel. */
export interface Run {
  readonly name: string;
  readonly inputs: readonly Spec[];
  readonly outputs: readonly Spec[];
  readonly args?: LaunchArgs;
  /** Parameters of a distribution; each backend gets a new generator of one seed. */
  readonly random?: readonly (number | bigint)[];
  /** The run ends in this fault, and writes nothing. */
  readonly fault?: { readonly value: number; readonly which: number };
  /** Output k is the operand `inPlace[k]` of the inputs. */
  readonly inPlace?: readonly number[];
  readonly tolerance?: Tolerance;
  readonly needs?: Need;
}

/** A kernel with its runs: one test. */
export interface Case {
  readonly name: string;
  readonly kernel: Kernel;
  readonly runs: readonly Run[];
}

/** Pseudo-random test data (T. Ettinger's mulberry32), the same on every run. */
export class Data {
  #state: number;
  constructor(seed: number = 1) {
    this.#state = seed;
  }
  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }
  int(low: number, high: number): number {
    return Math.floor(this.between(low, high));
  }
  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length)]!;
  }
}

/** Makes the value of one element. */
export type Sample = (data: Data) => Value;

const inf = Number.POSITIVE_INFINITY;

const floatSpecials = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -7, 1e-3, 0.1, 1e10, -1e10, 16777217, 2 ** -126, inf, -inf, Number.NaN];
const intSpecials = [0, 1, -1, 2, -2, 3, 7, -7, 31, 100, -100, 127, -128, 12345678, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)];
const wideSpecials = [2n ** 40n, -(2n ** 40n) - 1n, 2n ** 53n + 1n, 2n ** 60n + 2n ** 36n + 1n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)];

/** Values of a dtype at which operations are likely to go wrong. */
export function specials(dtype: DType): readonly Value[] {
  switch (dtype.name) {
    case "bool":
      return [0, 1];
    case "uint8":
      return [0, 1, 2, 3, 7, 100, 127, 128, 200, 255];
    case "int8":
      return intSpecials.filter((x) => x >= -128 && x <= 127);
    case "int16":
      return [...intSpecials.filter((x) => Math.abs(x) < 1000), 32767, -32768];
    case "int32":
      return intSpecials;
    case "int64":
      return [...intSpecials.map(BigInt), ...wideSpecials];
    case "float64":
      return [...floatSpecials, 1e300, -1e300, 1 + 2 ** -52];
    case "float16":
      return [...floatSpecials.filter((x) => Math.abs(x) < 1e5 || !Number.isFinite(x)), 65504, 2 ** -24];
    default:
      return [...floatSpecials, 3e38, -3e38];
  }
}

/** Small whole numbers and specials, or floats of ordinary size and specials. */
export const anything = (dtype: DType): Sample => {
  const list = specials(dtype);
  return (data) => {
    if (data.next() < 0.3) return data.pick(list);
    if (dtype.category === "float") return data.between(-10, 10);
    if (dtype.category === "bool") return data.int(0, 2);
    const n = dtype.name === "uint8" ? data.int(0, 256) : data.int(-100, 100);
    return dtype.name === "int64" ? BigInt(n) : n;
  };
};

/** Elements beyond the reach of a layout. A kernel that writes one of them is found out. */
const guard = 3;

/** An operand with every element of its storage filled, gaps and all: as many as the layout reaches, or `reach`. */
export function filled(dtype: DType, layout: Layout, sample: Sample, data: Data, reach: number = extent(layout)): Spec {
  const n = Math.max(reach, layout.offset) + guard;
  return { dtype, layout, storage: Array.from({ length: n }, () => sample(data)) };
}

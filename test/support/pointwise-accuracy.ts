/** How far the pointwise ops of one operand are from their formulas in double precision, on any device. */
import * as torch from "../../src/index.ts";
import type { Pointwise } from "../../src/ops/define.ts";
import * as table from "../../src/ops/index.ts";
import { infos } from "../opinfo/index.ts";
import { float32, float64, Nd, type OpInfo } from "../opinfo/info.ts";
import { around, spread, ulpError } from "./f32.ts";

const LARGEST = 3.4028234663852886e38;
const SMALLEST = 2 ** -126;
const { POSITIVE_INFINITY: INF } = Number;

/** An op of one operand, and what is promised of it for float32. */
export interface AccuracyCase {
  readonly name: string;
  /** The arguments for which the promise holds, NaN and infinities aside. */
  readonly low: number;
  readonly high: number;
  /** The greatest error in ulp. */
  readonly ulps: number;
  /** Where arguments lie dense, beside 0, 1 and the ends of the domain. */
  readonly points: readonly number[];
  readonly exact: (values: readonly number[]) => readonly number[];
  /** Of two zeros, either is right. */
  readonly eitherZero: boolean;
}

/** Where the domain is not all floats. */
const domains: Readonly<Record<string, readonly [number, number]>> = {
  sin: [-1e4, 1e4],
  cos: [-1e4, 1e4],
  tan: [-1e4, 1e4],
  asin: [-1, 1],
  acos: [-1, 1],
  acosh: [1, LARGEST],
  atanh: [-1, 1],
  log: [0, LARGEST],
  log2: [0, LARGEST],
  log10: [0, LARGEST],
  log1p: [-1, LARGEST],
  sqrt: [0, LARGEST],
  rsqrt: [0, LARGEST],
  // Below, exp(-x) has no float32, and PyTorch's sigmoid gives 0.
  sigmoid: [-88, LARGEST],
  silu: [-88, LARGEST],
};
/** The ops that are promised within 2 ulp; the others are within 4. */
const TWO = new Set(["exp", "log", "tanh", "sigmoid", "sqrt", "sin", "cos"]);
const quarters = [1, 2, 3, 4, 5, 22, 355, 3183, 6366].map((k) => (k * Math.PI) / 4);
const points: Readonly<Record<string, readonly number[]>> = {
  exp: [88.7228, -87.3365, -103.9721, 0.34657, -0.34657],
  exp2: [128, -126, -149, 0.5, -0.5],
  expm1: [88.7228, -17.3, 0.34657, -0.34657],
  sin: quarters,
  cos: quarters,
  tan: quarters,
  tanh: [0.98, 9, 10],
  sinh: [88.72, 89.4159],
  cosh: [88.72, 89.4159],
  erf: [0.92, 2, 3.92],
  sigmoid: [-16.6357, 1.1, -1.1],
  silu: [-16.6357, 1.1, -1.1],
};

/** Ops of the table that are pointwise and have one operand; `square` is a formula of another op, and pointwise all the same. */
export const unaryOps: readonly string[] = Object.entries(table)
  .filter(([name, op]) => name === "square" || (op.kind === "pointwise" && (op as Pointwise).arity === 1))
  .map(([name]) => name)
  .filter((name) => !name.startsWith("_"))
  .sort();

const infoOf = (name: string): OpInfo => (infos as Readonly<Record<string, OpInfo>>)[name]!;
/** Those that take no floats: their results are integers, and exact. */
export const integerOps: readonly string[] = unaryOps.filter((name) => !infoOf(name).dtypes.includes(float32));

export const accuracyCases: readonly AccuracyCase[] = unaryOps
  .filter((name) => !integerOps.includes(name))
  .map((name) => {
    const info = infoOf(name);
    const [low, high] = domains[name] ?? [-LARGEST, LARGEST];
    return {
      name,
      low,
      high,
      ulps: TWO.has(name) ? 2 : 4,
      points: points[name] ?? [],
      exact: (values) => (info.reference(new Nd([values.length], values, float64)) as Nd).data,
      eitherZero: info.eitherZero === true,
    };
  });

/** Numbers at which formulas and compilers go wrong. Subnormal ones are the last. */
export const specialValues: readonly number[] = [
  ...[0, -0, 1, -1, INF, -INF, Number.NaN, LARGEST, -LARGEST, SMALLEST, -SMALLEST],
  ...[2 ** -149, -(2 ** -149), SMALLEST - 2 ** -149, 2 ** -149 - SMALLEST],
];

const isSubnormal = (x: number): boolean => x !== 0 && Math.abs(x) < SMALLEST;

/** The arguments of a case: spread over its domain by their bits, and dense around points. */
function samples(c: AccuracyCase, n: number): number[] {
  const ends = [0, 1, -1, c.low, c.high, ...c.points];
  const all = [...spread(c.low, c.high, n), ...ends.flatMap((p) => [...around(Math.fround(p), Math.ceil(n / 100))])];
  return all.filter((x) => x >= c.low && x <= c.high);
}

/** What an op gives for float32 on a device. */
async function compute(name: string, values: readonly number[], device: string): Promise<number[]> {
  const x = await torch.tensor(Float32Array.from(values)).to(device);
  const op = (torch as unknown as Readonly<Record<string, (x: torch.Tensor) => torch.Tensor>>)[name]!;
  return Array.from(await op(x).toTypedArray(), Number);
}

/** What was found of an op on a device. */
export interface Accuracy {
  /** The greatest error on normal numbers with a normal result, in ulp, and where it is. */
  readonly ulps: number;
  readonly at: number;
  /** The same where the argument or the result is subnormal; Infinity also where a zero stands in its place. */
  readonly subnormal: number;
  /** What differs at special values that are no subnormal numbers, as text. */
  readonly wrong: readonly string[];
}

/** The error of one result; of two zeros and of two NaNs none. */
function errorOf(c: AccuracyCase, actual: number, exact: number): number {
  if (c.eitherZero && actual === 0 && exact === 0) return 0;
  return ulpError(actual, exact);
}

/** Runs an op on some `n` arguments and at the special values. */
export async function measure(c: AccuracyCase, device: string, n: number): Promise<Accuracy> {
  const inside = samples(c, n);
  // Beyond their bounds sin, cos and tan promise nothing of numbers, but infinities have to give NaN.
  const bounded = Math.max(c.high, -c.low) === 1e4;
  const special = specialValues.filter((x) => !bounded || !Number.isFinite(x) || Math.abs(x) <= 1e4);
  const values = [...inside, ...special];
  const [actual, exact] = [await compute(c.name, values, device), c.exact(values)];
  let [ulps, at, subnormal] = [0, 0, 0];
  const wrong: string[] = [];
  values.forEach((x, i) => {
    const error = errorOf(c, actual[i]!, exact[i]!);
    if (isSubnormal(x) || (Math.abs(exact[i]!) < SMALLEST && exact[i] !== 0)) {
      subnormal = Math.max(subnormal, error);
    } else if (i >= inside.length) {
      if (!(error <= c.ulps)) wrong.push(`${show(x)}: ${show(actual[i]!)}, not ${show(Math.fround(exact[i]!))}`);
    } else if (error > ulps) [ulps, at] = [error, x];
  });
  return { ulps, at, subnormal, wrong };
}

/** A number as a person writes it, with the sign of zero. */
export const show = (x: number): string =>
  Object.is(x, -0)
    ? "-0"
    : Math.abs(x) === LARGEST
      ? `${x < 0 ? "-" : ""}largest`
      : Math.abs(x) >= 1e6 && Number.isFinite(x)
        ? x.toExponential()
        : String(Number(x.toPrecision(8)));

import { bool, type ComputeType, type DType, dtypes } from "../../../src/core/dtype.ts";
import { Layout, permute, slice } from "../../../src/core/layout.ts";
import { arg, cast, type Expr } from "../../../src/kernel/expr.ts";
import type { MapKernel } from "../../../src/kernel/kernel.ts";
import { anything, type Case, Data, filled, type Run, specials } from "../case.ts";
import { type Spec, spec, type Value } from "../operands.ts";

const zeros = (dtype: DType, n: number): Spec => spec(dtype, new Array(n).fill(0));

/** Whether x86 converts a float to every kind of integer without saying "out of range". */
const fits = (v: Value, dtype: DType): boolean => {
  const n = Number(v);
  if (dtype.category !== "int") return true;
  const size = 2 ** (8 * dtype.itemsize - 1);
  return dtype.name === "uint8" ? n > -1 && n < 256 : n > -size - 1 && n < size;
};

const outOfRange: readonly number[] = [
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  200,
  300,
  -1,
  -200,
  40000,
  70000,
  65541,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32 + 5,
  3e9,
  1e18,
  2 ** 63,
  -(2 ** 63),
  1e19,
  1e30,
];

function conversion(name: string, from: DType, to: DType, value: Expr, limit: DType): Case {
  const kernel: MapKernel = { kind: "map", inputs: [from], outputs: [{ dtype: to, value }], compiled: [] };
  const data = new Data(from.id * 16 + to.id);
  const exact = { ulp: 0 };
  const inRange = from.isFloatingPoint ? specials(from).filter((v) => fits(v, limit) && Number.isFinite(v)) : specials(from);
  const sample = (d: Data): Value => {
    const v = anything(from)(d);
    return from.isFloatingPoint && !(fits(v, limit) && Number.isFinite(v)) ? 1.75 : v;
  };
  const layouts: [Layout, Layout][] = [
    [Layout.contiguous([53], 1), Layout.contiguous([53])],
    [permute(Layout.contiguous([7, 5]), [1, 0]), Layout.contiguous([5, 7])],
    [Layout.contiguous([9]), slice(Layout.contiguous([19]), 0, 1, 9, 2)],
    [new Layout([4, 3], [0, 1], 2), Layout.contiguous([4, 3])],
  ];
  const runs: Run[] = [
    { name: "specials", inputs: [spec(from, inRange)], outputs: [zeros(to, inRange.length)], tolerance: exact },
    ...layouts.map(([a, b]) => ({
      name: `strides ${a.strides} to ${b.strides}`,
      inputs: [filled(from, a, sample, data)],
      outputs: [filled(to, b, anything(to), data)],
      tolerance: exact,
    })),
  ];
  if (from.isFloatingPoint && limit.category !== "float") {
    runs.push({ name: "out of range", inputs: [spec(from, outOfRange)], outputs: [zeros(to, outOfRange.length)], needs: "x86 casts" });
  } else if (from.isFloatingPoint) {
    runs.push({ name: "infinities and NaN", inputs: [spec(from, outOfRange.slice(0, 3))], outputs: [zeros(to, 3)], tolerance: exact });
  }
  return { name, kernel, runs };
}

const computeTypes: readonly ComputeType[] = ["f32", "f64", "i32", "i64", "bool"];
const widest = (type: ComputeType): DType => dtypes.find((d) => d.compute === type && (d.itemsize >= 4 || d === bool))!;

export const castCases = (): Case[] => [
  ...dtypes.flatMap((from) =>
    dtypes.map((to) => conversion(`cast ${from.name} to ${to.name}`, from, to, cast(arg(0, from.compute), to), to)),
  ),
  ...dtypes.flatMap((from) =>
    computeTypes.map((type) => conversion(`load ${from.name} as ${type}`, from, widest(type), arg(0, type), widest(type))),
  ),
];

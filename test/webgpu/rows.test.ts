/** Rows kernels as on a GPU: the invocations of a workgroup share a row. */
import { beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backends/webgpu/backend.ts";
import { float64 } from "../../src/core/dtype.ts";
import { rowsCases } from "../backends/cases/rows.ts";
import { backendWith, complaints } from "./on-backend.ts";

let backend: WebGpuBackend;
beforeAll(async () => {
  backend = await backendWith();
  Object.assign(backend.context, { features: { ...backend.context.features, software: false } });
});

const names = ["rows", "channels", "long rows", "many short rows"];
const programs = ["infinities", "under a mask", "mean, deviation and normalisation float", "ratio", "int32"];
const cases = rowsCases().filter(({ name, kernel, runs }) => {
  const dtypes = [...kernel.inputs, ...runs[0]!.outputs.map((o) => o.dtype)];
  return programs.some((p) => name.includes(p)) && dtypes.every((d) => d !== float64);
});

describe("rows shared by a workgroup", () => {
  test.for(cases.map((c) => [c.name, c] as const))("%s", async ([, { kernel, runs }]) => {
    for (const run of runs) if (names.includes(run.name)) expect(await complaints(backend, kernel, run)).toEqual([]);
  });
});

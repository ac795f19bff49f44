import { afterEach } from "vitest";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import { extent, indices, Layout } from "../../src/core/layout.ts";
import { decode, type Operand, type Spec, upload, type Value } from "./operands.ts";

/** Operands on the CPU for tests that read them at once. They are released after each test. */
export const backend: CpuBackend = new CpuBackend();
const made: Operand[] = [];
afterEach(() => {
  for (const x of made.splice(0)) backend.release(x.storage.block);
});

export function put(s: Spec): Operand {
  const x = upload(backend, s);
  made.push(x);
  return x;
}

/** The first `n` elements of an operand's storage. */
export const storage = (x: Operand, n: number): Value[] => decode(x.dtype, backend.readSync(x.storage.block, x.dtype, 0, n));

/** The elements that an operand shows, in row-major order. */
export function values(x: Operand): Value[] {
  const all = storage(x, extent(x.layout));
  return [...indices(x.layout)].map((k) => all[k]!);
}

export const contiguous = (shape: readonly number[], offset: number = 0): Layout => Layout.contiguous(shape, offset);

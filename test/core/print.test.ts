import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { type PrintOptions, setPrintoptions } from "../../src/core/print/options.ts";
import { formatSpec, reprFloat, reprList, reprReturnType, reprSize } from "../../src/core/print/python.ts";
import { formatTensor, type Printable } from "../../src/core/print/tensor.ts";

interface Descriptor {
  readonly d: string;
  readonly s: readonly number[];
  readonly o: number;
  readonly st?: readonly number[];
  readonly so?: number;
}

interface Case {
  readonly id: string;
  readonly t: number;
  readonly tensors: readonly Descriptor[];
  readonly repr: string;
  readonly expr: string;
  readonly text: string;
  readonly requires_grad?: boolean;
  readonly grad_fn?: string | null;
  readonly parameter?: boolean;
  readonly options?: Partial<Omit<PrintOptions, "sciMode">> & { profile?: "default" | "short" | "full"; sci_mode?: boolean };
}

function readGroup(name: string): { cases: readonly Case[]; blob: DataView } {
  const file = (ending: string): Buffer => readFileSync(new URL(`../golden/printing/${name}.${ending}`, import.meta.url));
  const { cases } = JSON.parse(file("json").toString()) as { cases: readonly Case[] };
  const bytes = file("bin");
  return { cases, blob: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

type Reader = { name: string; bytes: number; read: (blob: DataView, at: number) => number | bigint | boolean };

const READERS: Record<string, Reader> = {
  f32: { name: "float32", bytes: 4, read: (b, at) => b.getFloat32(at, true) },
  f64: { name: "float64", bytes: 8, read: (b, at) => b.getFloat64(at, true) },
  f16: { name: "float16", bytes: 2, read: (b, at) => halfToNumber(b.getUint16(at, true)) },
  bf16: {
    name: "bfloat16",
    bytes: 2,
    read: (b, at) => new Float32Array(Uint32Array.of(b.getUint16(at, true) << 16).buffer)[0] ?? Number.NaN,
  },
  i64: { name: "int64", bytes: 8, read: (b, at) => b.getBigInt64(at, true) },
  i32: { name: "int32", bytes: 4, read: (b, at) => b.getInt32(at, true) },
  i16: { name: "int16", bytes: 2, read: (b, at) => b.getInt16(at, true) },
  i8: { name: "int8", bytes: 1, read: (b, at) => b.getInt8(at) },
  u8: { name: "uint8", bytes: 1, read: (b, at) => b.getUint8(at) },
  bool: { name: "bool", bytes: 1, read: (b, at) => b.getUint8(at) !== 0 },
};

function printable(c: Case, blob: DataView): Printable {
  const descriptor = c.tensors[c.t];
  const reader = READERS[descriptor?.d ?? ""];
  if (!descriptor || !reader) throw new Error(`${c.id} has no readable tensor`);
  const { s: shape, st: strides, so: start = 0, o } = descriptor;
  /** Where row-major element `i` lies in the storage. */
  const place = (i: number): number => {
    if (!strides) return i;
    let at = start;
    for (let dim = shape.length - 1, rest = i; dim >= 0; dim--) {
      const size = shape[dim] ?? 1;
      at += (rest % size) * (strides[dim] ?? 0);
      rest = Math.floor(rest / size);
    }
    return at;
  };
  return {
    dtypeName: reader.name,
    shape,
    at: (i) => reader.read(blob, o + place(i) * reader.bytes),
    requiresGrad: c.requires_grad ?? false,
    gradFn: c.grad_fn ?? null,
    parameter: c.parameter ?? false,
  };
}

beforeEach(() => setPrintoptions({ profile: "default" }));

describe("printing as recorded from PyTorch", () => {
  const repr = readGroup("repr");
  test.each(repr.cases.map((c) => [`${c.id}: ${c.expr}`, c] as const))("%s", (_, c) => {
    expect(formatTensor(printable(c, repr.blob))).toBe(c.repr);
  });

  const options = readGroup("options");
  test.each(options.cases.map((c) => [c.id, c] as const))("%s", (_, c) => {
    const { sci_mode: sciMode, ...rest } = c.options ?? {};
    setPrintoptions({ ...rest, ...(sciMode === undefined ? {} : { sciMode }) });
    expect(formatTensor(printable(c, options.blob))).toBe(c.repr);
  });

  // The expressions of the group `values` that need nothing but text; the others belong to modules and optimizers.
  const texts: Record<string, () => string> = {
    "repr(torch.Size([2, 3]))": () => reprSize([2, 3]),
    "repr(torch.Size([]))": () => reprSize([]),
    "f'{torch.tensor(1.23456789):.3f}'": () => formatSpec(Math.fround(1.23456789), ".3f"),
    "str(torch.tensor(0.1).item())": () => reprFloat(Math.fround(0.1)),
    "repr(torch.tensor([1.5, 2.5]).tolist())": () => reprList([1.5, 2.5], reprFloat),
    "repr(torch.max(torch.tensor([[1., 2.]]), 1))": () =>
      reprReturnType("max", [
        ["values", formatTensor({ dtypeName: "float32", shape: [1], at: () => 2 })],
        ["indices", formatTensor({ dtypeName: "int64", shape: [1], at: () => 1n })],
      ]),
  };
  const values = new Map(readGroup("values").cases.map((c) => [c.expr, c.text]));
  test.each(Object.entries(texts))("%s", (expr, text) => {
    expect(text()).toBe(values.get(expr));
  });
});

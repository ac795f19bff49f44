import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { FileError, io, type Tensor } from "../../src/index.ts";

const golden = new URL("../golden/serialization/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "torchlet-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Case {
  readonly id: string;
  readonly file: string;
  readonly kind?: "refuse";
  readonly object?: Readonly<Record<string, number>>;
  readonly tensors: readonly { readonly d: string; readonly s: readonly number[]; readonly o: number }[];
}
const { cases } = JSON.parse(readFileSync(new URL("safetensors.json", golden), "utf8")) as { cases: Case[] };
const blob = new Uint8Array(readFileSync(new URL("safetensors.bin", golden)));
const byShortName: Record<string, torch.DType> = {
  f32: torch.float32,
  f64: torch.float64,
  i64: torch.int64,
  i32: torch.int32,
  i16: torch.int16,
  i8: torch.int8,
  u8: torch.uint8,
  bool: torch.bool,
  f16: torch.float16,
  bf16: torch.bfloat16,
};

const bytesOf = (x: Tensor): number[] => {
  const { buffer, byteOffset, byteLength } = x.toTypedArraySync();
  return Array.from(new Uint8Array(buffer, byteOffset, byteLength));
};
const contents = (tensors: Readonly<Record<string, Tensor>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, [x.dtype.name, x.shape, bytesOf(x)]]));

/** The FileError that reading raises; nothing may be left allocated. */
function refusal(bytes: Uint8Array): string {
  const { pool } = torch.device("cpu");
  const blocks = pool.all.allocation.current;
  try {
    io.decodeSafetensors(bytes, "weights.safetensors");
  } catch (e) {
    expect(e).toBeInstanceOf(FileError);
    expect(pool.all.allocation.current).toBe(blocks);
    return (e as FileError).message;
  }
  throw new Error("the file was read");
}

describe("files of PyTorch's tensors", () => {
  it.each(cases.filter((c) => c.kind === undefined).map((c) => [c.id, c] as const))("%s", async (_, { file, object, tensors }) => {
    const wanted = Object.entries(object!).map(([name, k]) => {
      const { d, s, o } = tensors[k]!;
      const dtype = byShortName[d]!;
      const size = s.reduce((a, b) => a * b, 1) * dtype.itemsize;
      return [name, [dtype.name, s, Array.from(blob.subarray(o, o + size))]] as const;
    });
    const got = await io.loadSafetensors(new URL(`files/${file}`, golden));
    expect(contents(got)).toEqual(Object.fromEntries(wanted));
  });
  it.each(cases.filter((c) => c.kind === "refuse").map((c) => [c.id, c] as const))("%s is refused by name", async (_, { file }) => {
    await expect(io.loadSafetensors(new URL(`files/${file}`, golden))).rejects.toThrow(FileError);
    await expect(io.loadSafetensors(new URL(`files/${file}`, golden))).rejects.toThrow(file);
  });
});

const dtypes = [
  torch.bool,
  torch.uint8,
  torch.int8,
  torch.int16,
  torch.int32,
  torch.int64,
  torch.float16,
  torch.bfloat16,
  torch.float32,
  torch.float64,
];
const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(3), { maxLength: 3 }), seed: fc.nat(200), turned: fc.boolean() })
  .map(({ dtype, shape, seed, turned }) => {
    const n = shape.reduce((a, b) => a * b, 1);
    const x = torch
      .arange(seed, seed + n)
      .sub(50)
      .to(dtype)
      .view(shape);
    return turned ? x.permute(shape.map((_, i) => shape.length - 1 - i)) : x;
  });
const anyDict = fc.dictionary(
  fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "0.weight", "length")),
  anyTensor,
  { maxKeys: 5 },
);

describe("round trips", () => {
  it("keep every dtype, shape and name", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyDict.filter((d) => !("__metadata__" in d)),
        async (tensors) => {
          const bytes = await io.encodeSafetensors(tensors);
          expect(contents(io.decodeSafetensors(bytes))).toEqual(contents(tensors));
          expect(io.readSafetensorsHeader(bytes).dataStart % 8).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("go through files, with metadata, from maps and URLs, and leave nothing beside the file", async () => {
    const path = join(folder, "a.safetensors");
    const url = pathToFileURL(join(folder, "b.safetensors"));
    const tensors = { w: torch.randn(3, 4), n: torch.tensor([1n]) };
    await io.saveSafetensors(path, tensors, { epoch: "3", ключ: "значение" });
    await io.saveSafetensors(url, new Map(Object.entries(tensors)));
    expect(contents(await io.loadSafetensors(path))).toEqual(contents(tensors));
    expect(contents(await io.loadSafetensors(url))).toEqual(contents(tensors));
    const bytes = new Uint8Array(readFileSync(path));
    expect(contents(await io.loadSafetensors(new Blob([bytes])))).toEqual(contents(tensors));
    expect(contents(await io.loadSafetensors(bytes.buffer))).toEqual(contents(tensors));
    expect((await io.readSafetensors(path)).metadata).toEqual({ epoch: "3", ключ: "значение" });
    expect(readdirSync(folder).sort()).toEqual(["a.safetensors", "b.safetensors"]);
  });

  it("can end on another device", async () => {
    const bytes = await io.encodeSafetensors({ x: torch.tensor([1, 2]) });
    const { x } = io.decodeSafetensors(bytes, "x", { device: "reference" });
    expect([x!.device.type, x!.tolistSync()]).toEqual(["reference", [1, 2]]);
  });
});

describe("what cannot be written or read is refused", () => {
  it("names of the format's own and values that are no tensors", async () => {
    await expect(io.encodeSafetensors({ __metadata__: torch.ones(1) })).rejects.toThrow("a tensor cannot be named __metadata__");
    await expect(io.encodeSafetensors({ step: 3 as never })).rejects.toThrow('safetensors files hold tensors only, but "step" is int');
  });
  it("files that are not there, or cannot be", async () => {
    await expect(io.loadSafetensors(join(folder, "none"))).rejects.toThrow(/none cannot be read: ENOENT/);
    await expect(io.saveSafetensors(join(folder, "no", "where"), {})).rejects.toThrow(/where cannot be written: ENOENT/);
  });
  it("an old file stays when writing fails", async () => {
    const path = join(folder, "kept.safetensors");
    writeFileSync(path, "old");
    await expect(io.saveSafetensors(path, { bad: null as never })).rejects.toThrow();
    expect(readFileSync(path, "utf8")).toBe("old");
  });
});

/** A file of a header and that many bytes of data. */
function fileOf(header: unknown, size: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}
const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

describe("broken files", () => {
  const broken: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(0), /^weights.safetensors is no safetensors file: it has 0 bytes$/],
    ["no header", new Uint8Array(8), /header that cannot be read/],
    ["a header beyond the file", fileOf({}, 0).with(0, 3), /cut off or no safetensors file: a header of 3 bytes in a file of 10/],
    ["a header of 2^63 bytes", fileOf({}, 0).with(7, 128), /header of 9223372036854775810 bytes/],
    ["no JSON", fileOf("{x}", 0), /header that cannot be read/],
    ["no UTF-8", fileOf({}, 0).with(8, 0xff), /header that cannot be read/],
    ["a list", fileOf([], 0), /header that is no JSON object/],
    ["metadata that are numbers", fileOf({ __metadata__: { a: 1 } }, 0), /metadata that are not text/],
    ["metadata that are a list", fileOf({ __metadata__: [] }, 0), /metadata that are not text/],
    ["an entry that is null", fileOf({ a: null }, 0), /says nothing of tensor "a"/],
    [
      "a dtype of another kind",
      fileOf({ a: { ...f32(0, 4), dtype: "U16" } }, 4),
      /tensor "a" of dtype "U16", which is not one of BOOL, U8/,
    ],
    ["a dtype that is a number", fileOf({ a: { ...f32(0, 4), dtype: 1 } }, 4), /of dtype 1/],
    ["a negative size", fileOf({ a: f32(0, 4, [-1]) }, 4), /without a proper shape/],
    ["half a size", fileOf({ a: f32(0, 4, [0.5]) }, 4), /without a proper shape/],
    ["a shape that is text", fileOf({ a: f32(0, 4, "1") }, 4), /without a proper shape/],
    ["sizes whose product overflows", fileOf({ a: f32(0, 0, [2 ** 40, 2 ** 40]) }, 0), /needs 4835703278458516698824704/],
    ["offsets the wrong way round", fileOf({ a: f32(4, 0, [1]) }, 4), /without proper data_offsets/],
    ["one offset", fileOf({ a: { ...f32(0, 4), data_offsets: [0] } }, 4), /without proper data_offsets/],
    ["fewer bytes than the shape needs", fileOf({ a: f32(0, 4, [2]) }, 4), /tensor "a" of 4 bytes, though F32 \[2\] needs 8/],
    ["a gap", fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /tensor "b" at byte 8 of the data, where 4 is expected/],
    ["an overlap", fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /tensor "b" at byte 4 of the data, where 8 is expected/],
    ["a gap before the first", fileOf({ a: f32(4, 8) }, 8), /at byte 4 of the data, where 0 is expected/],
    ["missing data", fileOf({ a: f32(0, 8) }, 7), /has 7 bytes of data, though its tensors have 8/],
    ["more data than tensors", fileOf({ a: f32(0, 8) }, 9), /has 9 bytes of data, though its tensors have 8/],
    [
      "a bool of 2",
      fileOf({ a: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } }, 1).fill(2, -1),
      /tensor "a" of dtype BOOL with bytes other than 0 and 1/,
    ],
  ];
  it.each(broken)("%s", (_, bytes, message) => expect(refusal(bytes)).toMatch(message));

  it("may be cut off anywhere", async () => {
    const bytes = await io.encodeSafetensors({ a: torch.ones(2, 3), b: torch.tensor([true]), c: torch.zeros(2, { dtype: torch.float16 }) });
    for (let n = 0; n < bytes.length; n++) expect(refusal(bytes.subarray(0, n))).toMatch(/^weights.safetensors /);
  });

  it("with any byte changed are refused with a FileError, or read as whole tensors", async () => {
    const bytes = await io.encodeSafetensors(
      { a: torch.ones(2, 3), b: torch.tensor([true]), c: torch.zeros(4, { dtype: torch.int8 }) },
      { by: "me" },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = bytes.slice();
        for (const [i, value] of changes) changed[i] = value;
        try {
          const got = io.decodeSafetensors(changed, "x");
          for (const t of Object.values(got)) expect(bytesOf(t).length).toBe(t.numel() * t.elementSize());
        } catch (e) {
          expect(e).toBeInstanceOf(FileError);
          expect((e as Error).message).toMatch(/^x /);
        }
      }),
      { numRuns: 500 },
    );
  });
});

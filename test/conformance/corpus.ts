/** Reads a corpus of recorded cases: `manifest.json`, and per group an index (`<name>.json`) and a blob of tensors (`<name>.bin`). */
import type { CorpusFiles } from "./files.ts";
import { ELLIPSIS, PyFloat, PySlice, PyTuple } from "./python/values.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Manifest {
  readonly schema: number;
  readonly torch: string;
  readonly cases: number;
  readonly sections: Readonly<Record<string, readonly { readonly name: string; readonly cases: number; readonly tensors: number }[]>>;
}

/** `d` dtype, `s` shape, `o` byte offset; `st` strides, `so` storage offset and `n` stored elements where not contiguous; `rg` requires_grad. */
interface Descriptor {
  readonly d: ShortDType;
  readonly s: readonly number[];
  readonly o: number;
  readonly st?: readonly number[];
  readonly so?: number;
  readonly n?: number;
  readonly rg?: boolean;
}

export interface CaseRecord {
  readonly id: string;
  readonly tensors: readonly Descriptor[];
  readonly [field: string]: unknown;
}

type ShortDType = "f32" | "f64" | "i64" | "i32" | "i16" | "i8" | "u8" | "bool" | "f16" | "bf16";
export type StorageArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array | Uint16Array;
type StorageConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => StorageArray;

const DTYPES: Readonly<Record<ShortDType, readonly [string, StorageConstructor]>> = {
  f32: ["float32", Float32Array],
  f64: ["float64", Float64Array],
  i64: ["int64", BigInt64Array],
  i32: ["int32", Int32Array],
  i16: ["int16", Int16Array],
  i8: ["int8", Int8Array],
  u8: ["uint8", Uint8Array],
  bool: ["bool", Uint8Array],
  f16: ["float16", Uint16Array], // raw bits
  bf16: ["bfloat16", Uint16Array],
};

/** A tensor as it is recorded: its storage, and where in it the elements lie. */
export interface StoredTensor {
  /** Its number in the case. */
  readonly index: number;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly contiguous: boolean;
  readonly requiresGrad: boolean;
  readonly storage: StorageArray;
}

export class Corpus {
  readonly files: CorpusFiles;
  readonly manifest: Manifest;

  private constructor(files: CorpusFiles, manifest: Manifest) {
    this.files = files;
    this.manifest = manifest;
  }

  static async open(files: CorpusFiles): Promise<Corpus> {
    const manifest = JSON.parse(await files.text("manifest.json")) as Manifest;
    if (manifest.schema !== 1) throw new Error(`${files.name}: schema ${manifest.schema} is not known here`);
    return new Corpus(files, manifest);
  }

  async group(section: string, name: string): Promise<Group> {
    const index = JSON.parse(await this.files.text(`${section}/${name}.json`)) as GroupIndex;
    return new Group(this.files, section, name, index, await this.files.bytes(`${section}/${String(index["blob"])}`));
  }

  /** All cases of a section. */
  async cases(section: string): Promise<Case[]> {
    const groups = await Promise.all((this.manifest.sections[section] ?? []).map(({ name }) => this.group(section, name)));
    return groups.flatMap(({ cases }) => cases);
  }
}

type GroupIndex = JsonObject & { readonly cases: readonly CaseRecord[] };

/** The cases of one index. */
export class Group {
  readonly section: string;
  readonly name: string;
  readonly index: JsonObject;
  readonly cases: readonly Case[];
  readonly #files: CorpusFiles;

  constructor(files: CorpusFiles, section: string, name: string, index: GroupIndex, blob: ArrayBuffer) {
    this.#files = files;
    this.section = section;
    this.name = name;
    this.index = index;
    this.cases = index.cases.map((record) => new Case(this, record, blob));
  }

  /** A file that cases of this section name. */
  async file(name: string): Promise<Uint8Array> {
    return new Uint8Array(await this.#files.bytes(`${this.section}/files/${name}`));
  }

  /** A text field of the index, or undefined. */
  text(field: string): string | undefined {
    const value = this.index[field];
    return typeof value === "string" ? value : undefined;
  }
}

/** One recorded case. */
export class Case {
  readonly group: Group;
  readonly record: CaseRecord;
  readonly #blob: ArrayBufferLike;

  constructor(group: Group, record: CaseRecord, blob: ArrayBufferLike) {
    this.group = group;
    this.record = record;
    this.#blob = blob;
  }

  get id(): string {
    return this.record.id;
  }

  /** A field of the case, with the type that the schema gives it. */
  field<T>(name: string): T | undefined {
    return this.record[name] as T | undefined;
  }

  /** A field of the case, or of its group where the case has none. */
  inherited(name: string): string | undefined {
    const own = this.record[name];
    return typeof own === "string" ? own : this.group.text(name);
  }

  tensor(index: number): StoredTensor {
    const d = this.record.tensors[index];
    if (!d) throw new Error(`${this.id}: no tensor ${index}`);
    const [dtype, Storage] = DTYPES[d.d];
    const count = d.n ?? product(d.s);
    return {
      index,
      dtype,
      shape: d.s,
      strides: d.st ?? contiguousStrides(d.s),
      offset: d.so ?? 0,
      contiguous: d.st === undefined,
      requiresGrad: d.rg === true,
      storage: new Storage(this.#blob, d.o, count),
    };
  }

  /** The elements of tensor `index`. */
  elements(index: number): StorageArray {
    return elements(this.tensor(index));
  }

  /** The dtypes that the case's own tensors have: what a device must know to run it. */
  get dtypes(): ReadonlySet<string> {
    return new Set(this.record.tensors.map((d) => DTYPES[d.d][0]));
  }
}

/** What a recorded value refers to outside of itself. */
export interface Resolver {
  tensor(index: number): unknown;
  dtype(name: string): unknown;
  readonly device: string;
}

/** A recorded value as a Python value. */
export function decode(value: Json, resolver: Resolver): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return BigInt(value);
  if (isList(value)) return value.map((item) => decode(item, resolver));
  const one = (key: string): Json => value[key] ?? null;
  if ("$t" in value) return resolver.tensor(one("$t") as number);
  if ("$f" in value) return new PyFloat(floatOf(one("$f")));
  if ("$i" in value) return BigInt(one("$i") as string);
  if ("$tuple" in value) return new PyTuple((one("$tuple") as readonly Json[]).map((item) => decode(item, resolver)));
  if ("$slice" in value) {
    const [start, stop, step] = (one("$slice") as readonly Json[]).map((item) => decode(item, resolver));
    return new PySlice(start, stop, step);
  }
  if ("$ellipsis" in value) return ELLIPSIS;
  if ("$dtype" in value) return resolver.dtype(one("$dtype") as string);
  if ("$device" in value) return resolver.device;
  if ("$memory_format" in value) return one("$memory_format");
  return decodeEntries(("$dict" in value ? one("$dict") : value) as JsonObject, resolver);
}

/** The entries of a JSON object as a dict, in their order. */
export function decodeEntries(value: JsonObject, resolver: Resolver): Map<string, unknown> {
  return new Map(Object.entries(value).map(([key, item]) => [key, decode(item, resolver)]));
}

/** The number of a recorded float: JSON has no infinities. */
export function floatOf(value: Json): number {
  return Number(String(value).replace("inf", "Infinity"));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

export function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function contiguousStrides(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length);
  let size = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = size;
    size *= Math.max(shape[i] as number, 1);
  }
  return strides;
}

/** The elements of a stored tensor in row-major order. */
export function elements(t: StoredTensor): StorageArray {
  if (t.contiguous) return t.storage;
  const count = product(t.shape);
  const out = t.storage.slice(0, 0).constructor as new (length: number) => StorageArray;
  const result = new out(count);
  const at = t.shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    result[i] = t.storage[at.reduce((sum, x, d) => sum + x * (t.strides[d] as number), t.offset)] as never;
    for (let d = at.length - 1; d >= 0; d--) {
      at[d] = (at[d] as number) + 1;
      if ((at[d] as number) < (t.shape[d] as number)) break;
      at[d] = 0;
    }
  }
  return result;
}

/** What a case records of a value: `t` the result, `truth` the float64 result, `err` the distance between the two and the largest |truth|. */
export interface RecordedValue {
  readonly t: number | null;
  readonly truth?: number;
  readonly err?: readonly [number, number];
}

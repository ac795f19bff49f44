import { type DType, dtypes } from "../core/dtype.ts";
import { badFile, type FileError } from "../core/errors.ts";

/** What the header says of a tensor. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where its bytes begin and end, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}
export interface SafetensorsHeader {
  /** Notes of whoever wrote the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes. */
  readonly tensors: readonly StoredTensor[];
  /** Where the tensors' bytes begin in the file. */
  readonly dataStart: number;
}

const NAMES: Readonly<Record<string, string>> = {
  bool: "BOOL",
  uint8: "U8",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  float16: "F16",
  bfloat16: "BF16",
  float32: "F32",
  float64: "F64",
};
/** The format's word for a dtype. */
export const formatName = (dtype: DType): string => NAMES[dtype.name]!;
const dtypeOf = new Map(dtypes.map((dtype) => [NAMES[dtype.name]!, dtype]));

/** Bytes of the header's length, which comes first. */
export const LENGTH_BYTES = 8;
/** What the format's own reader takes at most, so that a broken length does not exhaust memory. */
const LONGEST_HEADER = 100_000_000;
/** The name under which the metadata stand among the tensors. */
export const METADATA = "__metadata__";

type Fields = Readonly<Record<string, unknown>>;
const isObject = (x: unknown): x is Fields => typeof x === "object" && x !== null && !Array.isArray(x);
const isSize = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const isSizes = (x: unknown): x is readonly number[] => Array.isArray(x) && x.every(isSize);

/**
 * Reads the header of a safetensors file and checks it against the file: every tensor has the bytes that its dtype and shape ask for, and together
 * they cover the data without gap or overlap. Anything else raises a FileError with the file's name.
 *
 * Source: https://github.com/huggingface/safetensors#format
 */
export function readHeader(bytes: Uint8Array, file: string): SafetensorsHeader {
  const bad = (reason: string): FileError => badFile(file, reason);
  const { fields, dataStart } = headerFields(bytes, bad);
  const { [METADATA]: metadata = {}, ...rest } = fields;
  if (!isObject(metadata) || Object.values(metadata).some((note) => typeof note !== "string")) throw bad("has metadata that are not text");
  const tensors = Object.entries(rest).map(([name, entry]) => storedTensor(name, entry, bad));
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(tensors, bytes.length - dataStart, bad);
  return { metadata: metadata as Readonly<Record<string, string>>, tensors, dataStart };
}

type Bad = (reason: string) => FileError;

function headerFields(bytes: Uint8Array, bad: Bad): { fields: Fields; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) throw bad(`is no safetensors file: it has ${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(bytes.length - LENGTH_BYTES))
    throw bad(`is cut off or no safetensors file: a header of ${length} bytes in a file of ${bytes.length}`);
  if (length > BigInt(LONGEST_HEADER)) throw bad(`has a header of ${length} bytes: at most ${LONGEST_HEADER} are read`);
  const dataStart = LENGTH_BYTES + Number(length);
  let fields: unknown;
  try {
    // A copy: TextDecoder takes no view of shared memory.
    fields = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.slice(LENGTH_BYTES, dataStart)));
  } catch (e) {
    throw bad(`has a header that cannot be read: ${e instanceof Error ? e.message : String(e)}`);
  }
  if (!isObject(fields)) throw bad("has a header that is no JSON object");
  return { fields, dataStart };
}

function storedTensor(name: string, entry: unknown, bad: Bad): StoredTensor {
  const what = `tensor ${JSON.stringify(name)}`;
  if (!isObject(entry)) throw bad(`says nothing of ${what}`);
  const { dtype: word, shape, data_offsets: offsets } = entry;
  const dtype = typeof word === "string" ? dtypeOf.get(word) : undefined;
  if (dtype === undefined) throw bad(`has ${what} of dtype ${JSON.stringify(word)}, which is not one of ${[...dtypeOf.keys()].join(", ")}`);
  if (!isSizes(shape)) throw bad(`has ${what} without a proper shape`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) throw bad(`has ${what} without proper data_offsets`);
  const [begin, end] = offsets as [number, number];
  // In BigInt, because a wrong shape may multiply to more than a number holds.
  const size = shape.reduce((n, d) => n * BigInt(d), BigInt(dtype.itemsize));
  if (size !== BigInt(end - begin)) throw bad(`has ${what} of ${end - begin} bytes, though ${word} [${shape.join(", ")}] needs ${size}`);
  return { name, dtype, shape, begin, end };
}

function checkCoverage(tensors: readonly StoredTensor[], size: number, bad: Bad): void {
  let at = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== at)
      throw bad(`has tensor ${JSON.stringify(name)} at byte ${begin} of the data, where ${at} is expected: tensors overlap or leave a gap`);
    at = end;
  }
  if (at !== size) throw bad(`has ${size} bytes of data, though its tensors have ${at}`);
}

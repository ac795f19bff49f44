import { ArgumentError, badFile } from "../core/errors.ts";
import type { Device } from "../dispatch/device.ts";
import { pythonTypeName } from "../tensor/call-pointwise.ts";
import { optionDevice } from "../tensor/creation.ts";
import { ownedBy } from "../tensor/scratch.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type ByteSource, nameOf, readBytes, writeBytes } from "./files.ts";
import { formatName, LENGTH_BYTES, METADATA, readHeader, type SafetensorsHeader, type StoredTensor } from "./safetensors-header.ts";
import { bytesOf, tensorOfBytes } from "./tensor-bytes.ts";

/** Tensors by name, as `model.stateDict()` gives them. */
export type NamedTensors = Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>;

export interface LoadOptions {
  /** Where to put the tensors; the CPU. */
  device?: string | Device | null;
}

function checked(tensors: NamedTensors): [string, Tensor][] {
  const entries =
    tensors instanceof Map ? [...(tensors as ReadonlyMap<string, Tensor>)] : Object.entries(tensors as Readonly<Record<string, Tensor>>);
  for (const [name, x] of entries) {
    if (name === METADATA) throw new ArgumentError(`a tensor cannot be named ${METADATA}`);
    if (!(x instanceof Tensor))
      throw new ArgumentError(`safetensors files hold tensors only, but ${JSON.stringify(name)} is ${pythonTypeName(x)}`);
  }
  // Wide elements first, so that all of them are aligned in the file.
  return entries.sort(([, a], [, b]) => b.elementSize() - a.elementSize());
}

/** The header, padded so that the data begin at a multiple of 8. */
function encodeHeader(tensors: readonly (readonly [string, Tensor])[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const fields: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  let at = 0;
  for (const [name, x] of tensors) {
    const end = at + x.numel() * x.elementSize();
    fields.push([name, { dtype: formatName(x.dtype), shape: x.shape, data_offsets: [at, end] }]);
    at = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)));
  const length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

/**
 * The bytes of a safetensors file. Views are written out, and tensors that share memory each on their own.
 *
 * @example const bytes = await torch.io.encodeSafetensors(model.stateDict(), { epoch: "3" });
 */
export async function encodeSafetensors(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const list = checked(tensors);
  const header = encodeHeader(list, metadata);
  const size = list.reduce((n, [, x]) => n + x.numel() * x.elementSize(), header.length);
  const file = new Uint8Array(size);
  file.set(header);
  let at = header.length;
  for (const [, x] of list) {
    const bytes = await bytesOf(x);
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

function checkBools(bytes: Uint8Array, { name }: StoredTensor, file: string): void {
  if (bytes.some((b) => b > 1)) throw badFile(file, `has tensor ${JSON.stringify(name)} of dtype BOOL with bytes other than 0 and 1`);
}

/**
 * The tensors of a safetensors file, by name. A broken or cut-off file raises a FileError that begins with `file`, and nothing of it is loaded.
 *
 * @example model.loadStateDict(torch.io.decodeSafetensors(bytes, "model.safetensors"));
 */
export function decodeSafetensors(bytes: Uint8Array, file: string = "safetensors data", options: LoadOptions = {}): Record<string, Tensor> {
  const { tensors, dataStart } = readHeader(bytes, file);
  const parts = tensors.map((t) => bytes.subarray(dataStart + t.begin, dataStart + t.end));
  tensors.forEach((t, i) => {
    if (t.dtype.name === "bool") checkBools(parts[i]!, t, file);
  });
  const device = optionDevice({ device: options.device ?? "cpu" });
  const made = ownedBy(
    () => tensors.map(({ shape, dtype }, i) => tensorOfBytes(parts[i]!, shape, dtype, device)),
    (all) => all,
  );
  return Object.fromEntries(tensors.map(({ name }, i) => [name, made[i]!]));
}

/** What the header of a safetensors file says, checked against the file. */
export const readSafetensorsHeader = (bytes: Uint8Array, file: string = "safetensors data"): SafetensorsHeader => readHeader(bytes, file);

/**
 * Writes tensors to a safetensors file, which PyTorch, JAX and others read. `metadata` are notes in text. Needs a file system; elsewhere take
 * `encodeSafetensors`.
 *
 * @example await torch.io.saveSafetensors("model.safetensors", model.stateDict());
 */
export async function saveSafetensors(
  path: string | URL,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeBytes(path, await encodeSafetensors(tensors, metadata));
}

/**
 * Reads a safetensors file with its metadata; else as `loadSafetensors`.
 *
 * @example const { tensors, metadata } = await torch.io.readSafetensors("model.safetensors");
 */
export async function readSafetensors(
  source: ByteSource,
  options: LoadOptions = {},
): Promise<{ tensors: Record<string, Tensor>; metadata: Readonly<Record<string, string>> }> {
  const [bytes, file] = [await readBytes(source), nameOf(source, "safetensors data")];
  return { tensors: decodeSafetensors(bytes, file, options), metadata: readHeader(bytes, file).metadata };
}

/**
 * The tensors of a safetensors file: a path, a URL, a Blob or the bytes. A broken or cut-off file raises a FileError with its name, and nothing of
 * it is loaded.
 *
 * @example model.loadStateDict(await torch.io.loadSafetensors("model.safetensors"));
 */
export async function loadSafetensors(source: ByteSource, options: LoadOptions = {}): Promise<Record<string, Tensor>> {
  return (await readSafetensors(source, options)).tensors;
}

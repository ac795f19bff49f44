import { badFile, UnsupportedError } from "../core/errors.ts";

/** Where bytes come from: a path (in browsers a URL), a URL, or the bytes themselves. */
export type ByteSource = string | URL | Uint8Array | ArrayBuffer | Blob;

interface FileSystem {
  readFile(path: string | URL): Promise<Uint8Array>;
  writeFile(path: string | URL, bytes: Uint8Array): Promise<void>;
  rename(from: string | URL, to: string | URL): Promise<void>;
}

/** The file system of the host, or null in a browser. */
function fileSystem(): FileSystem | null {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return (host?.getBuiltinModule?.("node:fs/promises") as FileSystem | undefined) ?? null;
}

/** What messages call a source. */
export const nameOf = (source: ByteSource, otherwise: string): string =>
  typeof source === "string" ? source : source instanceof URL ? source.href : otherwise;

const isRemote = (source: string | URL): boolean => /^(https?|blob|data):/.test(String(source));

async function fetched(url: string | URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw badFile(String(url), `cannot be read: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** All bytes of a source. */
export async function readBytes(source: ByteSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  const files = fileSystem();
  if (files === null || isRemote(source)) return await fetched(source);
  try {
    return await files.readFile(source);
  } catch (e) {
    throw Object.assign(badFile(nameOf(source, ""), `cannot be read: ${e instanceof Error ? e.message : String(e)}`), { cause: e });
  }
}

/** Writes a file. It is there complete or not at all: a crash on the way leaves what was there before. */
export async function writeBytes(path: string | URL, bytes: Uint8Array): Promise<void> {
  const files = fileSystem();
  if (files === null)
    throw new UnsupportedError(`there is no file system to write ${String(path)} to: encode the tensors and keep the bytes`);
  const beside = path instanceof URL ? new URL(`${path.href}.part`) : `${path}.part`;
  try {
    await files.writeFile(beside, bytes);
    await files.rename(beside, path);
  } catch (e) {
    throw Object.assign(badFile(nameOf(path, ""), `cannot be written: ${e instanceof Error ? e.message : String(e)}`), { cause: e });
  }
}

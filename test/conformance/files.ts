/** Where the files of a corpus come from. */

export interface CorpusFiles {
  /** What reports call the corpus. */
  readonly name: string;
  /** A file by its path inside the corpus. */
  text(path: string): Promise<string>;
  bytes(path: string): Promise<ArrayBuffer>;
}

/** Where each file of a pack starts, counted from the end of this index, and how many bytes it has. */
type PackIndex = Readonly<Record<string, readonly [start: number, length: number]>>;

/**
 * Many files in one, so that a page fetches a corpus in one request: the length of the index in four bytes (little-endian), the index as
 * JSON, the files one after the other.
 */
export function pack(files: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  const index: Record<string, readonly [number, number]> = {};
  let at = 0;
  for (const [path, bytes] of files) {
    index[path] = [at, bytes.length];
    at += bytes.length;
  }
  const head = new TextEncoder().encode(JSON.stringify(index));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, head.length, true);
  return [length, head, ...files.values()];
}

/** The files of a pack. */
export function packedFiles(packed: ArrayBuffer, name: string): CorpusFiles {
  const start = 4 + new DataView(packed).getUint32(0, true);
  const decoder = new TextDecoder();
  const index = JSON.parse(decoder.decode(new Uint8Array(packed, 4, start - 4))) as PackIndex;
  const bytes = (path: string): ArrayBuffer => {
    const place = index[path];
    if (!place) throw new Error(`${name} has no ${path}`);
    return packed.slice(start + place[0], start + place[0] + place[1]);
  };
  return { name, text: async (path) => decoder.decode(bytes(path)), bytes: async (path) => bytes(path) };
}

/** The files of a pack that a web server has at `url`. */
export async function fetchFiles(url: string, name: string = url): Promise<CorpusFiles> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}`);
  return packedFiles(await response.arrayBuffer(), name);
}

/** A corpus in a folder of the file system: Node only. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { CorpusFiles } from "./files.ts";

export function folder(dir: string): CorpusFiles {
  return {
    name: dir,
    text: async (path) => readFileSync(join(dir, path), "utf8"),
    bytes: async (path) => {
      const file = readFileSync(join(dir, path));
      const bytes = new Uint8Array(file.byteLength); // a Buffer may start at an unaligned offset
      bytes.set(file);
      return bytes.buffer;
    },
  };
}

/** All files below a folder, by their paths in it with forward slashes. */
export function filesBelow(dir: string): ReadonlyMap<string, Uint8Array> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return new Map(paths.map((path) => [relative(dir, path).split(sep).join("/"), readFileSync(path)]));
}

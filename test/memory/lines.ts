import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Finds lines of a file by the comments that they end with: `// <marker>`. */
export function linesOf(url: string): (marker: string) => string {
  const file = fileURLToPath(url);
  const lines = readFileSync(file, "utf8").split("\n");
  return (marker) => {
    const found = lines.flatMap((line, k) => (line.endsWith(`// ${marker}`) ? [k + 1] : []));
    if (found.length !== 1) throw new Error(`${found.length} lines end with "// ${marker}"`);
    return `${file}:${found[0]}`;
  };
}

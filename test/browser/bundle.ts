/** Bundles TypeScript for a page. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, createLogger, type Logger } from "vite";

export const repository: string = fileURLToPath(new URL("../..", import.meta.url));

/** A new empty folder that git does not see, inside the repository so that its packages are found from there. */
export function scratchFolder(name: string): string {
  const cache = join(repository, ".cache");
  mkdirSync(cache, { recursive: true });
  return mkdtempSync(join(cache, `${name}-`));
}

/** Gives `body` a scratch folder and removes it afterwards. */
export async function withScratch<T>(name: string, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = scratchFolder(name);
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A logger of Vite's that keeps its warnings instead of printing. */
export function collectingLogger(warnings: string[]): Logger {
  const keep = (text: string): void => void warnings.push(text);
  return { ...createLogger("silent"), warn: keep, warnOnce: keep, error: keep };
}

/** Writes a page that runs the TypeScript module `entry`, with all that it imports, into `folder`. Classes and functions keep their names. */
export async function bundlePage(entry: string, folder: string): Promise<void> {
  const warnings: string[] = [];
  const name = `${basename(entry, ".ts")}.js`;
  await build({
    configFile: false,
    root: repository,
    publicDir: false,
    customLogger: collectingLogger(warnings),
    resolve: { alias: { torchlet: join(repository, "src/index.ts") } },
    esbuild: { keepNames: true },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: "esnext",
      minify: false,
      modulePreload: false,
      rollupOptions: {
        input: entry,
        preserveEntrySignatures: "strict",
        output: { format: "es", entryFileNames: name, chunkFileNames: "[name]-[hash].js" },
      },
    },
  });
  if (warnings.length > 0) throw new Error(`${entry} is not made for browsers:\n${warnings.join("\n")}`);
  writeFileSync(join(folder, "index.html"), `<!doctype html>\n<title>torchlet</title>\n<script type="module" src="./${name}"></script>\n`);
}

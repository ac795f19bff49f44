import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Plugin } from "esbuild";
import type { Measurement } from "./column.ts";

const entries: Readonly<Record<string, { readonly source: string; readonly without: RegExp }>> = {
  // What draws on a GPU comes on top.
  torchlet: { source: 'export * from "../../dist/index.js"', without: /^\.\/webgpu\.js$/ },
  "jax-js": { source: 'export * from "@jax-js/jax"', without: /\/(webgpu|webgl)-/ },
  "tfjs-cpu": { source: 'export * from "@tensorflow/tfjs-core"; import "@tensorflow/tfjs-backend-cpu"', without: /^$/ },
  "numpy-ts": { source: 'export * from "numpy-ts"', without: /^node:/ },
};

const leaveOut = (filter: RegExp): Plugin => ({
  name: "leave-out",
  setup: ({ onResolve }) => onResolve({ filter }, ({ path }) => ({ path, external: true })),
});

/** Bytes of a library for browsers with all its exports, in one module, minified and compressed by gzip at its best. */
async function measure(library: string): Promise<number> {
  const { build } = await import("esbuild");
  const { source, without } = entries[library]!;
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    plugins: [leaveOut(without)],
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

/** It is the same in every round. */
export function sizeOf(library: string): Measurement {
  let known: Promise<number> | null = null;
  return { measure: () => (known ??= measure(library)) };
}

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Plugin } from "esbuild";
import type { Row } from "../rows/row.ts";
import type { Measurement } from "./column.ts";

interface Entry {
  readonly from: string;
  /** What is imported besides, for its effects. */
  readonly and?: string;
  /** A program that takes the gradient of a sum of squares, from the library's exports `L`; null where there are no gradients. */
  readonly program: string | null;
  readonly names: string;
  /** What comes on top, such as what draws on a GPU. */
  readonly without: RegExp;
}
const entries: Readonly<Record<string, Entry>> = {
  torchlet: {
    from: "../../dist/index.js",
    names: "tensor",
    program: "const x = tensor([1, 2], { requiresGrad: true }); x.mul(x).sum().backward(); console.log(x.grad.tolist());",
    without: /^\.\/webgpu\.js$/,
  },
  "jax-js": {
    from: "@jax-js/jax",
    names: "grad, numpy",
    program: "console.log(grad((x) => numpy.multiply(x.ref, x).sum())(numpy.array([1, 2])).js());",
    without: /\/(webgpu|webgl)-/,
  },
  "tfjs-cpu": {
    from: "@tensorflow/tfjs-core",
    and: "@tensorflow/tfjs-backend-cpu",
    names: "grad, mul, sum, tensor1d",
    program: "console.log(grad((x) => sum(mul(x, x)))(tensor1d([1, 2])).dataSync());",
    without: /^$/,
  },
  "numpy-ts": { from: "numpy-ts", names: "", program: null, without: /^node:/ },
};

const leaveOut = (filter: RegExp): Plugin => ({
  name: "leave-out",
  setup: ({ onResolve }) => onResolve({ filter }, ({ path }) => ({ path, external: true })),
});

/** Bytes of a program for browsers in one module, minified and compressed by gzip at its best. */
async function measure(source: string, without: RegExp): Promise<number> {
  const { build } = await import("esbuild");
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

/** The size of a library with all its exports, or (`program`) of a small program and what of the library a bundler leaves. */
export function sizeOf(library: string, { size }: Row): Measurement | string {
  const { from, and, program, names, without } = entries[library]!;
  if (size["program"] === 1 && program === null) return "no gradients";
  const besides = and === undefined ? "" : `import "${and}";`;
  const source =
    size["program"] === 1 ? `import { ${names} } from "${from}"; ${besides} ${program}` : `export * from "${from}"; ${besides}`;
  let known: Promise<number> | null = null; // the same in every round
  return { measure: () => (known ??= measure(source, without)) };
}

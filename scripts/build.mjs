// Compiles src/ to dist/: one JavaScript module with all that a first tensor needs, another with the WebGPU backend, which is loaded when it is
// started, and type declarations. Left apart, some 300 modules take Node a third of a second to load.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { classNames } from "./class-names.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
rmSync(join(root, "dist"), { recursive: true, force: true });
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
const { status } = spawnSync(process.execPath, [join(typescript, "bin/tsc"), "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

await build({
  configFile: false,
  root,
  logLevel: "warn",
  plugins: [classNames()],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    // Names and syntax, not white space, which carries what users' bundlers need to leave out what is not used. Node reads an eighth sooner so.
    minify: "esbuild",
    sourcemap: true,
    modulePreload: false,
    lib: { entry: join(root, "src/index.ts"), formats: ["es"], fileName: "index" },
    rollupOptions: {
      output: { chunkFileNames: ({ moduleIds }) => (moduleIds.some((id) => id.endsWith("/webgpu/open.ts")) ? "webgpu.js" : "library.js") },
    },
  },
});

import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";
import { mnistFiles } from "./mnist-files.ts";

const path = (from: string): string => fileURLToPath(new URL(from, import.meta.url));

const config: UserConfig = defineConfig({
  root: path("."),
  // Relative addresses: the build works in any folder of a site.
  base: "./",
  resolve: { alias: { torchlet: path("../../src/index.ts") } },
  plugins: [mnistFiles()],
  worker: { format: "es" },
  build: { outDir: path("../../out/browser"), emptyOutDir: true, target: "es2022" },
});
export default config;

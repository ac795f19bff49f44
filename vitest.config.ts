import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { torchlet: fileURLToPath(new URL("./src/index.ts", import.meta.url)) } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/package/**", "**/node_modules/**"],
    setupFiles: ["test/support/webgpu-environment.ts", "test/support/check-pools.ts"],
    testTimeout: 60_000,
    // The library in miniature first: when it fails, nothing else needs to be looked at.
    sequence: { sequencer: (await import("./test/support/tiny-first.ts")).TinyFirst },
    pool: "forks",
    maxWorkers: 2,
  },
});

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";
import { fileNames } from "../mnist/file-names.ts";
import { mnistFolder } from "../mnist/folder.ts";

/** Puts the files of MNIST under `mnist/` of the page: served from where the npm package has them, and copied by a build. */
export function mnistFiles(): Plugin {
  const names = [...fileNames("train"), ...fileNames("test")];
  return {
    name: "mnist-files",
    configureServer(server) {
      server.middlewares.use("/mnist/", async (request, response, next) => {
        const name = names.find((n) => request.url === `/${n}`);
        if (name === undefined) return next();
        const path = join(mnistFolder(), name);
        response.setHeader("Content-Type", "application/octet-stream");
        response.setHeader("Content-Length", (await stat(path)).size);
        createReadStream(path).pipe(response);
      });
    },
    async generateBundle() {
      for (const name of names)
        this.emitFile({ type: "asset", fileName: `mnist/${name}`, source: await readFile(join(mnistFolder(), name)) });
    },
  };
}

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measurement } from "./column.ts";

const script: string = fileURLToPath(new URL("start.mjs", import.meta.url));

/** A fresh process of this engine imports a library and computes a gradient; it tells the seconds. */
export const startOf = (library: string): Measurement => ({
  async measure() {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...process.execArgv.filter((a) => a.startsWith("--exp")),
      script,
      library,
    ]);
    return Number(stdout.trim().split("\n").at(-1));
  },
});

/** Runs a loop in a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { repository } from "../browser/bundle.ts";
import type { RunRequest, RunResult } from "./run.ts";

const child: string = fileURLToPath(new URL("child.ts", import.meta.url));

/** `started` hears of the process. */
export function runInNode(request: RunRequest, started: (process: ChildProcess) => void = () => {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const running = fork(child, [], { cwd: repository, execArgv: ["--import", "tsx", "--max-semi-space-size=4"] });
    running.once("message", ({ result, error }: { result?: RunResult; error?: string }) => {
      if (result !== undefined) resolve(result);
      else reject(new Error(error));
    });
    running.once("exit", (code, signal) => reject(new Error(`the process ended by itself: ${signal ?? code}`)));
    running.once("error", reject);
    running.send(request);
    started(running);
  });
}

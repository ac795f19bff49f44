/** The page that runs a loop. */
import { type RunRequest, type RunResult, runLoop } from "./run.ts";

declare global {
  /** Of the page. */
  var runSoak: (request: RunRequest) => Promise<RunResult>;
}

globalThis.runSoak = runLoop;

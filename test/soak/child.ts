/** The process of a run in Node. */
import "../support/webgpu-environment.ts";
import { type RunRequest, runLoop } from "./run.ts";

process.once("message", (request: RunRequest) => {
  runLoop(request).then(
    (result) => process.send!({ result }, () => process.exit(0)),
    (error: unknown) =>
      process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, () => process.exit(1)),
  );
});

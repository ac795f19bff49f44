import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Request } from "./protocol.ts";

const child: string = fileURLToPath(new URL("child.ts", import.meta.url));
const tsconfig: string = fileURLToPath(new URL("../tsconfig.json", import.meta.url));

/** The process of a library. It is started again where it ended: some end with the first error of the GPU. */
export class Library {
  /** The module of its columns. */
  readonly module: string;
  readonly columns: readonly string[];
  about: string = "";
  /** Milliseconds that it may take to answer. */
  readonly patience: number;
  #process: ChildProcess | null = null;
  #faults: string[] = [];

  constructor(module: string, columns: readonly string[], patience: number) {
    this.module = module;
    this.columns = columns;
    this.patience = patience;
  }

  /** What the library answers; `none` where it cannot, does not in time, or its process ends. */
  async ask(request: Request): Promise<Answer> {
    if (this.#process === null) {
      const first = await this.#start();
      if (first.type !== "ready") return first;
      this.about = first.about;
    }
    const answer = this.#next();
    this.#process!.send(request);
    return await answer;
  }

  /** Ends the process. */
  end(): void {
    this.#process?.kill("SIGKILL");
    this.#process = null;
  }

  async #start(): Promise<Answer> {
    this.#faults = [];
    this.#process = fork(child, [this.module], {
      execArgv: ["--import", "tsx"],
      env: { ...process.env, TSX_TSCONFIG_PATH: tsconfig },
      serialization: "advanced",
      silent: true,
    });
    const hear = (chunk: Buffer): void => void this.#faults.push(...chunk.toString().split("\n"));
    this.#process.stderr?.on("data", hear);
    this.#process.stdout?.on("data", hear);
    const answer = await this.#next();
    if (answer.type !== "ready") this.end();
    return answer;
  }

  #next(): Promise<Answer> {
    const process = this.#process!;
    return new Promise((resolve) => {
      const finish = (answer: Answer): void => {
        clearTimeout(timer);
        process.removeAllListeners("message").removeAllListeners("exit");
        resolve(answer);
      };
      const fail = (why: string): void => {
        this.end();
        finish({ type: "none", why });
      };
      const timer = setTimeout(() => fail(`no answer in ${this.patience / 1000} s`), this.patience);
      process.once("message", (answer: Answer) => finish(answer));
      process.once("exit", () => fail(`its process ends: ${this.#faults.find((line) => /error|invalid|exceed/i.test(line)) ?? ""}`.trim()));
    });
  }
}

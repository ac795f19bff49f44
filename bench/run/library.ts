import { type ChildProcess, fork, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ColumnSpec } from "./columns.ts";
import type { Answer, Request } from "./protocol.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const tsconfig: string = path("../tsconfig.json");

/** The process of a column. It is started when it is first asked, and again where it ended. */
export class Library {
  /** What the library calls itself, once it has started. */
  about: string = "";
  readonly #spec: ColumnSpec;
  readonly #env: Readonly<Record<string, string>>;
  readonly #python: string;
  /** Seconds that a call of the work may take, and everything that is done for it. */
  readonly #patience: number;
  #process: ChildProcess | null = null;
  #hear: ((answer: Answer) => void) | null = null;
  #faults: string[] = [];
  #refused: Answer | null = null;

  constructor(spec: ColumnSpec, env: Readonly<Record<string, string>>, python: string, patience: number) {
    this.#spec = spec;
    this.#env = env;
    this.#python = python;
    this.#patience = patience;
  }

  /** What the library answers; `none` where it cannot, its process ends, or `calls` calls of the work take longer than they may. */
  async ask(request: Request, calls: number = 1): Promise<Answer> {
    if (this.#refused !== null) return this.#refused;
    if (this.#process === null) {
      const first = await this.#start();
      if (first.type !== "ready") {
        // A library that does not start does not start for the next row either.
        this.#refused = first;
        return first;
      }
      this.about = first.about;
    }
    const answer = this.#next(calls);
    this.#send(request);
    return await answer;
  }

  /** Ends the process. */
  end(): void {
    this.#process?.removeAllListeners();
    this.#process?.kill("SIGKILL");
    this.#process = null;
  }

  #send(request: Request): void {
    if (this.#spec.node === null) this.#process!.stdin!.write(`${JSON.stringify(request)}\n`);
    else this.#process!.send(request);
  }

  async #start(): Promise<Answer> {
    const { module, variant, node, flags } = this.#spec;
    const env = { TSX_TSCONFIG_PATH: tsconfig, ...process.env, ...this.#env };
    this.#faults = [];
    const answer = this.#next();
    const hear = (text: string): void => void this.#faults.push(text);
    if (node === null) {
      this.#process = spawn(this.#python, [path(`../columns/${module}.py`)], { env });
      this.#process.stdin!.on("error", () => {}); // it ended before it read: `close` tells
      createInterface({ input: this.#process.stdout! }).on("line", (line) => {
        if (line.startsWith("{")) this.#hear?.(JSON.parse(line) as Answer);
      });
    } else {
      this.#process = fork(path("child.ts"), [module, variant], {
        execPath: node.path,
        execArgv: [...flags, "--import", "tsx"],
        env,
        silent: true,
      });
      this.#process.on("message", (message: Answer) => this.#hear?.(message));
      createInterface({ input: this.#process.stdout! }).on("line", hear);
    }
    createInterface({ input: this.#process.stderr! }).on("line", hear);
    this.#process.once("error", (error) => this.#fail(error.message));
    this.#process.once("close", () =>
      this.#fail(`its process ends: ${this.#faults.find((line) => /error|invalid|exceed/i.test(line)) ?? ""}`.trim()),
    );
    return await answer;
  }

  #fail(why: string): void {
    this.end();
    this.#hear?.({ type: "none", why });
  }

  #next(calls: number = 1): Promise<Answer> {
    return new Promise((resolve) => {
      const seconds = this.#patience;
      const timer = Number.isFinite(seconds) ? setTimeout(() => this.#fail(`> ${seconds} s`), calls * seconds * 1000) : undefined;
      this.#hear = (answer) => {
        clearTimeout(timer);
        this.#hear = null;
        resolve(answer);
      };
    });
  }
}

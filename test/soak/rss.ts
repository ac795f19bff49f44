/** Sizes of processes, from /proc: on Linux alone. */
import { readdirSync, readFileSync } from "node:fs";
import type { RssSample } from "./judge.ts";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended
  }
}

const rss = (pid: number): number => 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);

/** The processes of a browser that this process started which run pages or talk to the GPU. */
export function browserProcesses(): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (Number.isInteger(pid)) parents.set(pid, Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0));
  }
  const isOurs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === process.pid) return true;
    return false;
  };
  return [...parents.keys()].filter((pid) => isOurs(pid) && /--type=(renderer|gpu-process)/.test(read(`/proc/${pid}/cmdline`)));
}

const EVERY = 10;
const LOOK_AGAIN = 200;

/** Measures the processes together while `body` runs. */
export async function withRss<T>(processes: () => number[], body: () => Promise<T>): Promise<[T, RssSample[]]> {
  const samples: RssSample[] = [];
  let pids = processes();
  const look = setInterval(() => void (pids = processes()), LOOK_AGAIN);
  const timer = setInterval(() => void samples.push({ time: Date.now(), bytes: pids.reduce((sum, pid) => sum + rss(pid), 0) }), EVERY);
  try {
    return [await body(), samples];
  } finally {
    clearInterval(timer);
    clearInterval(look);
  }
}

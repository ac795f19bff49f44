import { badFile, UnsupportedError } from "../core/errors.ts";
import type { FunctionEvent } from "./events.ts";
import type { Scope } from "./recording.ts";

const HOST = 0;
const DEVICE = 1;
const THREAD = 1;

/** PyTorch's categories: viewers colour and filter by them. */
const categories: Readonly<Record<Scope, string>> = {
  function: "cpu_op",
  backward: "cpu_op",
  user: "user_annotation",
  kernel: "cpu_kernel",
};

/**
 * A trace as JSON, for chrome://tracing and ui.perfetto.dev. Source: the Trace Event Format
 * (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU): "X" is a complete event, "s" and "f" begin and end an arrow,
 * "M" names a process or thread; times are in microseconds.
 */
export function chromeTrace(events: readonly FunctionEvent[], isDeviceTimed: boolean): string {
  const named = (pid: number, name: string): object[] => [
    { ph: "M", name: "process_name", pid, tid: 0, args: { name } },
    { ph: "M", name: "thread_name", pid, tid: THREAD, args: { name: pid === HOST ? "main" : "queue" } },
  ];
  const traceEvents = named(HOST, "CPU");
  if (isDeviceTimed) traceEvents.push(...named(DEVICE, "WebGPU"));
  for (const e of events) {
    const args: Record<string, unknown> = { "External id": e.id };
    if (e.inputShapes.length > 0) args["Input Dims"] = e.inputShapes;
    if (e.stack.length > 0) args["Call stack"] = e.stack.join(";");
    const { start } = e.timeRange;
    traceEvents.push({ ph: "X", cat: categories[e.scope], name: e.name, pid: HOST, tid: THREAD, ts: start, dur: e.cpuTimeTotal, args });
    for (const k of e.kernels) {
      const arrow = { cat: "ac2g", name: "ac2g", id: e.id };
      traceEvents.push(
        { ph: "s", pid: HOST, tid: THREAD, ts: start, ...arrow },
        { ph: "f", bp: "e", pid: DEVICE, tid: THREAD, ts: k.start, ...arrow },
        { ph: "X", cat: "kernel", name: k.name, pid: DEVICE, tid: THREAD, ts: k.start, dur: k.duration, args: { correlation: e.id } },
      );
    }
  }
  return JSON.stringify({ schemaVersion: 1, displayTimeUnit: "ms", traceEvents });
}

interface Files {
  writeFileSync(path: string, text: string): void;
}

/** Writes a text where there is a file system. */
export function writeText(path: string, text: string): void {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  const files = host?.getBuiltinModule?.("node:fs") as Files | undefined;
  if (files === undefined)
    throw new UnsupportedError(`there is no file system to write ${path} to: take the text that exportChromeTrace() gives`);
  try {
    files.writeFileSync(path, text);
  } catch (e) {
    throw Object.assign(badFile(path, `cannot be written: ${e instanceof Error ? e.message : String(e)}`), { cause: e });
  }
}

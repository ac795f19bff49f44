/** What a trace of Chromium says about a page's main thread. */

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Thread time of a complete event, in microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly url?: string } };
}

/**
 * The processor time of each task that the main thread of a page ran, in milliseconds. It is the renderer's main thread on which scripts from `url`
 * ran. Time in which other processes had the processor does not count.
 */
export function mainThreadTasks(trace: Buffer, url: string): number[] {
  const { traceEvents } = JSON.parse(trace.toString("utf8")) as { traceEvents: readonly TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid}:${tid}`;
  const mains = new Set(traceEvents.filter((e) => e.name === "thread_name" && e.args?.name === "CrRendererMain").map(thread));
  const script = traceEvents.find((e) => mains.has(thread(e)) && e.args?.data?.url?.startsWith(url));
  if (script === undefined) throw new Error(`the trace shows no main thread that ran scripts from ${url}`);
  const tasks = traceEvents.filter((e) => e.name.endsWith("RunTask") && e.ph === "X" && thread(e) === thread(script));
  return tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1000]));
}

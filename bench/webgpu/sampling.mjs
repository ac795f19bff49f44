// Times of a task.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Seconds of a run, or of one op of it, again and again for `time` milliseconds; each run is awaited to its end. */
export async function sample(task, time, least = task.ops === undefined ? 3 : 10) {
  const counted = [];
  const completed = [];
  const ops = task.ops ?? 1;
  for (const end = performance.now() + time; counted.length < least || performance.now() < end; ) {
    const start = performance.now();
    const done = task.run();
    const returned = performance.now();
    await done;
    const completion = performance.now() - start;
    completed.push(completion / 1000 / ops);
    counted.push((task.ops === undefined || task.waits ? completion : returned - start) / 1000 / ops);
    if (completion > 2000) break;
  }
  return { median: median(counted), best: Math.min(...counted), completed: median(completed), runs: counted.length };
}

/** Where JavaScript's time counts, so many runs: the engine compiles what runs often, for which it takes some ten thousand ops. */
const WARM_RUNS = 20;

/** Runs until pipelines are compiled, and JavaScript too. */
export async function warmUp(task, time) {
  const begin = performance.now();
  for (let runs = 1; ; runs++) {
    await task.run();
    const passed = performance.now() - begin;
    if (passed > time && (task.ops === undefined || runs >= WARM_RUNS || passed > 60 * time)) return;
  }
}

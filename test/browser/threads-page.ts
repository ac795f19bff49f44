/** What threads do in a page. */
import { pool } from "../../src/backends/cpu/threads/pool.ts";
import * as torch from "../../src/index.ts";

export interface ThreadsReport {
  readonly isolated: boolean;
  /** Whether there is more than one thread by default. */
  readonly several: boolean;
  /** How many workers took part after the first kernel, after the page had spun without giving way to anything, and after it had given way. */
  readonly ready: readonly [first: number, blocked: number, after: number];
  /** How many kernels were shared with workers. */
  readonly jobs: number;
  /** Whether results were the same on one thread, with workers, and without them again. */
  readonly same: boolean;
}

const bytesOf = (x: torch.Tensor): string => {
  const values = x.toTypedArraySync() as Float32Array;
  let hash = 0;
  for (const bits of new Int32Array(values.buffer, values.byteOffset, values.length)) hash = (Math.imul(hash, 31) + bits) | 0;
  return String(hash);
};

export async function threadsReport(): Promise<ThreadsReport> {
  const several = torch.getNumThreads() > 1;
  torch.setNumThreads(1);
  torch.manualSeed(1);
  const [a, b, x] = [torch.randn(300, 400), torch.randn(400, 500), torch.randn(2 ** 20)];
  const compute = (): string => [a.matmul(b), x.exp(), a.sum(0), b.softmax(1)].map(bytesOf).join();
  const one = compute();
  torch.setNumThreads(3);
  let jobs = 0;
  const run = pool.run.bind(pool);
  pool.run = (...args: Parameters<typeof run>) => {
    jobs++;
    run(...args);
  };
  const starting = compute();
  const first = pool.ready;
  const end = performance.now() + 200;
  while (performance.now() < end) x.add(1).dispose();
  const blocked = pool.ready;
  for (let k = 0; pool.supported && k < 500 && pool.ready < 2; k++) {
    pool.forCost(1e9);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const after = pool.ready;
  jobs = 0;
  let same = starting === one;
  for (let k = 0; k < 5; k++) same &&= compute() === one;
  const shared = jobs;
  torch.setNumThreads(1);
  same &&= compute() === one;
  return { isolated: globalThis.crossOriginIsolated, several, ready: [first, blocked, after], jobs: shared, same };
}
Object.assign(globalThis, { threadsReport });

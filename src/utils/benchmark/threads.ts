/** The number of threads that kernels use; how to ask and set it is known where backends are. */
export interface Threads {
  get(): number;
  set(n: number): void;
}
let threads: Threads | null = null;

/** Makes known how the number of threads is set. */
export function useThreads(known: Threads): void {
  threads = known;
}

/** How many threads kernels use: one where nobody has said how to ask. */
export const threadCount = (): number => threads?.get() ?? 1;
export const setThreadCount = (n: number): void => threads?.set(n);

import { threadsNotInteger, threadsNotPositive } from "../../../core/errors.ts";
import { setBlasNumThreads } from "../blas/state.ts";
import { pool } from "./pool.ts";

/**
 * How many threads kernels on the CPU use, the calling one included: what `setNumThreads` said, else the environment variable
 * OMP_NUM_THREADS, else the number of cores. Where threads cannot share memory (a browser's page that is not cross-origin isolated) it is 1
 * until something else is set, and kernels run on one thread whatever is set.
 *
 * @example
 * torch.getNumThreads(); // 2
 */
export const getNumThreads = (): number => pool.threads;

/**
 * Sets how many threads kernels on the CPU may use, the calling one included. Results do not depend on it, not in a single bit. Small kernels
 * take one thread in any case. A system library that computes products (`torch.backends.blas`) is told the number too; what it makes of it is
 * its own matter.
 *
 * @param n a positive whole number
 * @throws TorchletError if it is not one
 * @example
 * torch.setNumThreads(1);
 */
export function setNumThreads(n: number | bigint): void {
  const count = typeof n === "bigint" ? Number(n) : n;
  if (typeof count !== "number" || !Number.isInteger(count)) throw threadsNotInteger(count);
  if (count <= 0 || count >= 2 ** 31) throw threadsNotPositive();
  pool.threads = count;
  setBlasNumThreads(count);
}

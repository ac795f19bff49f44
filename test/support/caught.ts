import { TorchletError } from "../../src/index.ts";

/** The error that `f` raises, as PyTorch would: `RuntimeError: ...`. An error that is not the library's own fails the test. */
export function caught(f: () => unknown): string {
  try {
    f();
  } catch (e) {
    if (!(e instanceof TorchletError)) throw e;
    return `${e.pythonType}: ${e.message}`;
  }
  return "no error";
}

/** The error of a promise, likewise. */
export async function rejected(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (e) {
    if (!(e instanceof TorchletError)) throw e;
    return `${e.pythonType}: ${e.message}`;
  }
  return "no error";
}

import { TorchletError } from "../../src/index.ts";

/** What a call raises: PyTorch's class and sentence. */
export function raisedBy(f: () => unknown): [string, string] {
  try {
    f();
  } catch (e) {
    if (e instanceof TorchletError) return [e.pythonType, e.message];
    throw e;
  }
  throw new Error("nothing was raised");
}

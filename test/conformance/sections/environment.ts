/** The names that recorded texts start from. */
import type { Api } from "../api.ts";
import { Interpreter } from "../python/evaluator.ts";
import type { Fallback } from "../python/scope.ts";

/** An interpreter after `import torch; import torch.nn.functional as F; from torch import nn, optim`. */
export function interpreterOf(api: Api, names: Readonly<Record<string, unknown>> = {}, fallback?: Fallback): Interpreter {
  const standard: Record<string, unknown> = { torch: api.torch };
  for (const [name, path] of [["F", "torch.nn.functional"], ["nn", "torch.nn"], ["optim", "torch.optim"]] as const) {
    if (resolves(api, path)) standard[name] = api.resolve(path);
  }
  return new Interpreter(api, { ...standard, ...names }, fallback);
}

function resolves(api: Api, path: string): boolean {
  let owner: unknown = api.torch;
  for (const name of path.split(".").slice(1)) {
    if (typeof owner !== "object" || owner === null || !api.has(owner, name)) return false;
    owner = api.attribute(owner, name);
  }
  return true;
}

/** Finds names in the given modules of the library, the first that has one. */
export function namesIn(api: Api, paths: readonly string[]): Fallback {
  const owners = paths.filter((path) => path === "torch" || resolves(api, path)).map((path) => (path === "torch" ? api.torch : api.resolve(path)));
  return (name) => {
    const owner = owners.find((o) => api.has(o as object, name)) as object | undefined;
    return owner ? api.attribute(owner, name) : undefined;
  };
}

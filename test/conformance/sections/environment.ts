/** The names that recorded texts start from. */
import type { Api } from "../api.ts";
import { Interpreter } from "../python/evaluator.ts";
import type { Fallback } from "../python/scope.ts";
import { MissingAttribute } from "../python/values.ts";

/** The modules that every text may use by these names. */
const MODULES: Readonly<Record<string, string>> = { F: "torch.nn.functional", nn: "torch.nn", optim: "torch.optim" };

/** An interpreter after `import torch; import torch.nn.functional as F; from torch import nn, optim`. */
export function interpreterOf(api: Api, names: Readonly<Record<string, unknown>> = {}, fallback: Fallback = () => undefined): Interpreter {
  const module: Fallback = (name) => (Object.hasOwn(MODULES, name) ? api.resolve(MODULES[name] as string) : fallback(name));
  return new Interpreter(api, { torch: api.torch, ...names }, module);
}

/** Finds further names in the given modules of the library. One that none of them has is missing there: the texts are known to run. */
export function namesIn(api: Api, paths: readonly string[]): Fallback {
  const owners = paths.map((path) => ownerOf(api, path)).filter((owner) => owner !== null);
  return (name) => {
    const owner = owners.find((o) => api.has(o, name));
    if (!owner) throw new MissingAttribute("module", name);
    return api.attribute(owner, name);
  };
}

/** The module of a dotted path, or null where the library has none. */
function ownerOf(api: Api, path: string): object | null {
  let owner: object = api.torch;
  for (const name of path.split(".").slice(1)) {
    if (!api.has(owner, name)) return null;
    owner = api.attribute(owner, name) as object;
  }
  return owner;
}

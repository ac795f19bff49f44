import { byPosition } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

/** What a module holds itself, by name. Module gives this to the files beside it, which see none of its private members. */
export interface Parts {
  parameters(module: Module): [string, Parameter][];
  /** `persistent`: only those that are part of the state dict. */
  buffers(module: Module, persistent: boolean): [string, Tensor][];
  /** A child held under two names stands here twice. */
  children(module: Module): [string, Module][];
  /** Adds what an older state dict lacks; keys start with `prefix`. */
  complete(module: Module, state: Map<string, unknown>, prefix: string): void;
}

export interface NamedModulesOptions {
  /** Stands before all names. */
  prefix?: string;
  /** Whether what is shared appears once. */
  removeDuplicate?: boolean;
}
/** What `namedParameters` and `namedBuffers` list. */
export interface MemberOptions extends NamedModulesOptions {
  /** Whether children count too. */
  recurse?: boolean;
}
export type NamedModulesArguments = [prefix?: string | NamedModulesOptions, removeDuplicate?: boolean | NamedModulesOptions];
export type MemberArguments = [
  prefix?: string | MemberOptions,
  recurse?: boolean | MemberOptions,
  removeDuplicate?: boolean | MemberOptions,
];

const joined = (prefix: string, name: string): string => (prefix === "" ? name : `${prefix}.${name}`);

/** Without those whose value has appeared before. */
export function unique<T>(entries: readonly [string, T][]): [string, T][] {
  const seen = new Set<T>();
  return entries.filter(([, value]) => !seen.has(value) && seen.add(value));
}

function collect(parts: Parts, module: Module, prefix: string, once: boolean): [string, Module][] {
  const found: [string, Module][] = [];
  const seen = new Set<Module>();
  const visit = (name: string, m: Module): void => {
    if (once && seen.has(m)) return;
    seen.add(m);
    found.push([name, m]);
    for (const [key, child] of parts.children(m)) visit(joined(name, key), child);
  };
  visit(prefix, module);
  return found;
}

/** A module and all below it, each before its children. */
export function namedModules(parts: Parts, module: Module, args: NamedModulesArguments): [string, Module][] {
  const [prefix = "", once = true] = byPosition("namedModules", ["prefix", "removeDuplicate"], args) as [string?, boolean?];
  return collect(parts, module, prefix, once);
}

/** What `of` gives for a module and for all below it. */
export function namedMembers<T>(
  parts: Parts,
  module: Module,
  of: (module: Module) => [string, T][],
  name: string,
  args: MemberArguments,
): [string, T][] {
  const params = ["prefix", "recurse", "removeDuplicate"];
  const [prefix = "", recurse = true, once = true] = byPosition(name, params, args) as [string?, boolean?, boolean?];
  const modules: readonly [string, Module][] = recurse ? collect(parts, module, prefix, once) : [[prefix, module]];
  const found = modules.flatMap(([path, m]) => of(m).map(([key, value]): [string, T] => [joined(path, key), value]));
  return once ? unique(found) : found;
}

/** Names and what they stand for. */
import { PythonError } from "./values.ts";

/** Where a name is looked for last: returns undefined where it knows none. */
export type Fallback = (name: string) => unknown;

export class Scope {
  readonly names: Map<string, unknown>;
  readonly #parent: Scope | null;
  readonly #fallback: Fallback;

  constructor(parent: Scope | null, names: Map<string, unknown> = new Map(), fallback: Fallback = () => undefined) {
    this.#parent = parent;
    this.names = names;
    this.#fallback = fallback;
  }

  find(name: string): unknown {
    for (let scope: Scope | null = this; scope !== null; scope = scope.#parent) {
      if (scope.names.has(name)) return scope.names.get(name);
      const value = scope.#fallback(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  get(name: string): unknown {
    const value = this.find(name);
    if (value === undefined) throw new PythonError("NameError", `name '${name}' is not defined`);
    return value;
  }

  set(name: string, value: unknown): void {
    this.names.set(name, value);
  }
}

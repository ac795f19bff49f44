import { attributeExists, registeredNameDot, registeredNameEmpty, registeredNameType } from "../core/errors.ts";
import { typeName } from "./repr.ts";

export type Registered = "parameter" | "buffer" | "module";

function checkText(kind: Registered, name: string): void {
  if (name.includes(".")) throw registeredNameDot(kind, name);
  if (name === "") throw registeredNameEmpty(kind);
}

/** Raises unless something may be registered under a name: `taken` tells whether the field of this name is of the same kind already. */
export function checkName(owner: object, kind: Registered, name: unknown, taken: (name: string) => boolean): asserts name is string {
  if (typeof name !== "string") throw registeredNameType(kind, typeName(name));
  // In the order of PyTorch's own checks, which differs for modules.
  if (kind !== "module") checkText(kind, name);
  if (name in owner && !taken(name)) throw attributeExists(name);
  if (kind === "module") checkText(kind, name);
}

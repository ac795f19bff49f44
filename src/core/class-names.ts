/**
 * Gives classes the names that they are exported under. Minifiers rename classes, and these names are seen: in the text of modules and in the
 * names of errors.
 */
export function nameClasses(exported: object): void {
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value === "function" && /^[A-Z]/.test(name)) Object.defineProperty(value, "name", { value: name, configurable: true });
  }
}

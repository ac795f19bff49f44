/** `weightDecay` as `weight_decay`: options and state are spelled in camelCase in code and by PyTorch's own names in a state dict. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
/** `weight_decay` as `weightDecay`. */
export const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** The fields of an object or the entries of a map, which is what a file of PyTorch's gives for a dict. */
export function fieldsOf(dict: object): [string, unknown][] {
  const entries = dict instanceof Map ? [...dict] : Object.entries(dict);
  return entries.map(([key, value]) => [String(key), value]);
}
/** The same with the keys in camelCase. */
export const camelFields = (dict: object): Record<string, unknown> =>
  Object.fromEntries(fieldsOf(dict).map(([key, value]) => [camelCase(key), value]));
/** A field of an object or an entry of a map. */
export const field = (dict: object, key: string): unknown => (dict instanceof Map ? dict.get(key) : (dict as Record<string, unknown>)[key]);

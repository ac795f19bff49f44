const told = new Set<string>();

/** Tells the user once of something that is probably not meant. */
export function warn(message: string): void {
  if (told.has(message)) return;
  told.add(message);
  console.warn(message);
}

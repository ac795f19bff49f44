/** For library code above tensors: `ownedBy(body, kept)` releases what `body` creates, but for what it keeps; `keep` hands a tensor to its holder. */
import { keep, type Owner } from "../memory/ownership.ts";
import type { Category } from "../memory/storage.ts";

export { keep, ownedBy } from "../memory/ownership.ts";

/** Says what a tensor's memory is for, in the figures and pictures of `torch.memory`. */
export function categorize(x: Owner, category: Category): void {
  if (x.owned !== null) x.owned.category = category;
}

/** Hands a tensor to an optimizer: it counts as its state. */
export function keepState(x: Owner): void {
  keep(x);
  x.ownAs("state");
  categorize(x, "optimizerState");
}

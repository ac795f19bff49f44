/** For library code above tensors: `ownedBy(body, kept)` releases what `body` creates, but for what it keeps; `keep` hands a tensor to its holder. */
export { keep, ownedBy } from "../memory/ownership.ts";

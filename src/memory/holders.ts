import { Owner } from "./ownership.ts";
import type { Storage } from "./storage.ts";

/** Owners by the objects that they die with. */
const owners = new WeakMap<object, Owner>();

/** Counts `target` as an owner of a storage until the JavaScript collector finds it dead: whoever can reach `target` may read the storage's bytes. */
export function holdStorage(target: object, storage: Storage): void {
  owners.set(target, new Owner(storage, false, "view"));
}

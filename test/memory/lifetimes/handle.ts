/** A tensor that user code holds, beside what it has to show: numbers, history, and who owns it. */

import type * as torch from "../../../src/index.ts";
import type { Tensor } from "../../../src/index.ts";
import { constant, type Kept, type Leaf, type Plain, put, take } from "./plain-autograd.ts";

/** A scope that is open or has ended. Those that can be entered again have an object. */
export interface ScopeModel {
  open: boolean;
  readonly object: torch.Scope | null;
}
/** The elements that views share, with their history. */
export class Store {
  current: Plain;
  version = 0;
  /** Whether it is never to be written to by user code: others may share it, or a leaf's rules forbid it. */
  frozen = false;
  viewed = false;
  /** Whether the library itself writes to it: a gradient, or a leaf that an optimizer updates. */
  updated = false;
  constructor(current: Plain) {
    this.current = current;
  }
  write(next: Plain): void {
    this.current = next;
    this.version++;
  }
}

export type Owner = ScopeModel | "user" | "ended";

/** How a tensor looks at a store. */
export interface Look {
  readonly label: string;
  readonly store: Store;
  /** Where its elements are in the store; null for the tensor that owns the history. */
  readonly places?: readonly number[] | null;
  readonly history?: Plain | null;
  readonly detached?: boolean;
}

/** A tensor that user code holds, and what is known of it. */
export class Handle {
  readonly x: Tensor;
  readonly label: string;
  readonly store: Store;
  readonly places: readonly number[] | null;
  readonly detached: boolean;
  owner: Owner;
  disposed = false;
  /** Whether it may live longer than is promised: a gradient may, with what it is the gradient of. */
  mayOutlive = false;
  /** Whether a tensor that is gone, and lives on in graphs, still holds it. */
  shaky = false;
  /** Of how many tensors it is the gradient. */
  gradOf = 0;
  grad: Handle | null = null;
  leaf: Leaf | null = null;
  hooked = false;
  #seen: Plain | null;
  #seenAt: Plain | null;

  constructor(x: Tensor, owner: Owner, { label, store, places = null, history = null, detached = false }: Look) {
    this.x = x;
    this.owner = owner;
    this.label = label;
    this.store = store;
    this.places = places;
    this.detached = detached;
    this.#seen = history;
    this.#seenAt = store.current;
  }

  get values(): readonly number[] {
    const { values } = this.store.current;
    return this.places === null ? values : this.places.map((p) => values[p]!);
  }
  /** Whether sums and products with it are exact. */
  get isSmall(): boolean {
    return this.values.every((v) => Math.abs(v) < 1000);
  }
  get count(): number {
    return this.places?.length ?? this.store.current.values.length;
  }
  /** What operations on it continue. */
  get plain(): Plain {
    if (this.detached) return constant(this.values);
    const { current } = this.store;
    if (this.places === null) return current;
    // After a write through the base or another view, its history is that of the base.
    if (this.#seenAt !== current || this.#seen === null) this.#seen = take(current, this.places);
    this.#seenAt = current;
    return this.#seen;
  }
  get kept(): Kept {
    return { storage: this.store, version: this.store.version };
  }
  get requiresGrad(): boolean {
    return this.plain.requiresGrad;
  }
  /** Whether it may be written to in place. */
  get writable(): boolean {
    const { store, places } = this;
    if (store.frozen || (this.detached && store.current.requiresGrad)) return false;
    return places === null || new Set(places).size === places.length;
  }
  write(next: Plain): void {
    const { store, places } = this;
    store.write(places === null ? next : put(store.current, places, next));
  }
}

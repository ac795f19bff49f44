import type { Storage } from "./storage.ts";

/** What the registry releases when its token is dead. A slot is null once its owner gave the storage up by itself. */
type Claim = (Storage | null)[];

/**
 * Note [Shared tokens]. Registering every handle with the FinalizationRegistry costs 100 to 300 ns. Small tensors therefore share one registered
 * token; each refers to it, so that it dies after the last of them. A handle that is kept pins the others of its token, which is why only
 * small tensors share, and few: at most 64 times 1 KB.
 */
interface Token {
  readonly claim: Claim;
}

const SHARED_BYTES = 1024;
const SHARED_COUNT = 64;

const registry = new FinalizationRegistry<Claim>((claim) => {
  for (const storage of claim) storage?.release();
});

function newToken(): Token {
  const token: Token = { claim: [] };
  registry.register(token, token.claim);
  return token;
}
let shared = newToken();

/** Owners that the end of a scope gives up. */
class OwnerScope {
  readonly owners: Owner[] = [];
}
let current: OwnerScope | null = null;

/**
 * Holds one storage: a tensor handle, or a tensor that a graph node saved. It counts as one reference, given up by `disown`, by the end of the
 * scope that owns it, or when the JavaScript collector finds the owner dead.
 */
export class Owner {
  /** Null once given up. */
  owned: Storage | null;
  #scope: OwnerScope | null;
  #token: Token | null = null;
  #claim: Claim | null = null;
  #slot = 0;

  /** `scoped`: the innermost scope owns it. Otherwise it lives as long as somebody refers to it. */
  constructor(storage: Storage, scoped: boolean) {
    storage.refs++;
    this.owned = storage;
    this.#scope = scoped ? current : null;
    if (this.#scope !== null) this.#scope.owners.push(this);
    else this.#register(storage);
  }

  /** Gives the reference up now. Further calls do nothing. */
  disown(): void {
    const storage = this.owned;
    if (storage === null) return;
    this.owned = null;
    if (this.#claim !== null) this.#claim[this.#slot] = null;
    this.#token = null;
    this.#scope = null;
    storage.release();
  }

  /** Holds another storage instead. */
  reown(storage: Storage): void {
    storage.refs++;
    this.owned?.release();
    this.owned = storage;
    if (this.#claim !== null) this.#claim[this.#slot] = storage;
  }

  /** Passes from the scope that owns it to the one around that, or to user code. */
  static escape(owner: Owner, from: OwnerScope, to: OwnerScope | null): void {
    if (owner.#scope !== from || owner.owned === null) return;
    owner.#scope = to;
    if (to !== null) to.owners.push(owner);
    else owner.#register(owner.owned);
  }

  /** Passes to user code from whatever scope owns it. */
  static escapeAll(owner: Owner): void {
    if (owner.#scope !== null && owner.owned !== null) {
      owner.#scope = null;
      owner.#register(owner.owned);
    }
  }

  static end(scope: OwnerScope): void {
    for (const owner of scope.owners) if (owner.#scope === scope) owner.disown();
  }

  #register(storage: Storage): void {
    if (storage.nbytes >= SHARED_BYTES) {
      this.#claim = [storage];
      registry.register(this, this.#claim);
      return;
    }
    if (shared.claim.length >= SHARED_COUNT) shared = newToken();
    this.#token = shared;
    this.#claim = shared.claim;
    this.#slot = this.#claim.push(storage) - 1;
  }

  /** Whether the owner keeps a shared token alive. For tests. */
  get sharesToken(): boolean {
    return this.#token !== null;
  }
}

/** Starts a fresh token, so that a handle kept from before pins nothing of what follows. */
export function nextToken(): void {
  if (shared.claim.length > 0) shared = newToken();
}

/**
 * Runs `body`; the owners it creates belong to the scope and are given up at its end, except those that `keep` names, which pass to the
 * enclosing scope, or to user code where there is none. Synchronous code only: owners made between two steps of a task would be mixed up.
 */
export function ownedBy<T>(body: () => T, keep: (result: T) => Iterable<Owner>): T {
  const outer = current;
  const mine = new OwnerScope();
  current = mine;
  try {
    const result = body();
    for (const owner of keep(result)) Owner.escape(owner, mine, outer);
    return result;
  } finally {
    current = outer;
    Owner.end(mine);
  }
}

/** Hands an owner to user code, whatever scope owns it: it lives as long as somebody refers to it. */
export const keep = (owner: Owner): void => Owner.escapeAll(owner);

/** Runs `body` as user code: what it creates is the user's own, whatever scope is open. */
export function asUser<T>(body: () => T): T {
  const outer = current;
  current = null;
  try {
    return body();
  } finally {
    current = outer;
  }
}

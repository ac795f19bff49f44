import { ballastFor } from "./ballast.ts";
import { captureStack, userFrame } from "./frames.ts";
import type { Role, Storage } from "./storage.ts";

/** What the registry releases when its token is dead: storages, and as what they were owned. A slot is null once its owner gave the storage up. */
interface Claim {
  readonly storages: (Storage | null)[];
  readonly roles: Role[];
  count: number;
}

/**
 * Note [Shared tokens]. Registering every handle with the FinalizationRegistry costs 100 to 300 ns, and the collector as much again. Small tensors
 * therefore share one registered token; each refers to it, so that it dies after the last of them. A handle that is kept pins the others of its
 * token, which is why few share one: at most 64, of 64 KB in all, and of a size: a number that is kept pins numbers.
 */
interface Token {
  readonly claim: Claim;
  /** Makes V8 see memory that it cannot see: see Note [Ballast]. */
  ballast: object | null;
  /** What the storages come to. */
  bytes: number;
}

const SHARED_BYTES = 64 * 1024;
const SHARED_COUNT = 64;
/** Larger tensors share other tokens than smaller ones. */
const LARGEST_SMALL = SHARED_BYTES / 64;
/** Of still larger tensors so few would share a token that each has one of its own. */
const LARGEST_SHARED = SHARED_BYTES / 4;

const registry = new FinalizationRegistry<Claim>(({ storages, roles, count }) => {
  for (let i = 0; i < count; i++) storages[i]?.release(roles[i]);
});

function newToken(): Token {
  // Of their final length from the start: arrays that grow are copied again and again.
  const claim = { storages: new Array<Storage | null>(SHARED_COUNT), roles: new Array<Role>(SHARED_COUNT), count: 0 };
  const token: Token = { claim, ballast: null, bytes: 0 };
  registry.register(token, claim);
  return token;
}
/** The tokens that are being filled. */
let small = newToken();
let medium = newToken();
const filled = (claim: Claim): Token | null => (claim === small.claim ? small : claim === medium.claim ? medium : null);
/** The token for the next tensor of a size. */
function tokenFor(nbytes: number): Token {
  const isSmall = nbytes <= LARGEST_SMALL;
  const token = isSmall ? small : medium;
  if (token.claim.count < SHARED_COUNT && token.bytes + nbytes <= SHARED_BYTES) return token;
  const next = newToken();
  if (isSmall) small = next;
  else medium = next;
  return next;
}

/** An owner gives up its slot. Of the token that is being filled the last ones are filled again: what soon goes is not registered at all. */
function letGo(claim: Claim, slot: number): void {
  const { storages } = claim;
  const token = filled(claim);
  if (token !== null) token.bytes -= storages[slot]!.nbytes;
  storages[slot] = null;
  if (token !== null) while (claim.count > 0 && storages[claim.count - 1] === null) claim.count--;
}

/** A scope that is used again keeps room for so many owners. */
const ROOM = 64;
/** From so many owners on a scope looks for those that it need not remember. */
const COMPACT = 1024;

/** Owners that the end of a scope gives up. */
export class OwnerScope {
  private owners: (Owner | null)[] = [];
  private count = 0;
  private compactAt = COMPACT;
  /** The scope of user code that it belongs to: itself, the one around it, or none. */
  user: OwnerScope | null;
  /** The scope around it, while it is open by `open`. */
  private outer: OwnerScope | null = null;

  constructor(user: OwnerScope | null | "itself") {
    this.user = user === "itself" ? this : user;
  }

  /**
   * Opens a scope of the library's own inside of the innermost, for code that runs at every call: what `ownedBy` does, without functions to make.
   * `close` has to follow in a `finally`, in the same synchronous run.
   */
  static open(): OwnerScope {
    const scope = idle.pop() ?? new OwnerScope(null);
    scope.user = current === null ? null : current.user;
    scope.outer = current;
    current = scope;
    return scope;
  }
  /** Passes an owner to the scope around it, or to user code where there is none. */
  pass(owner: Owner): void {
    Owner.escape(owner, this, this.outer);
  }
  /** Gives up what it still owns. Nobody may use the scope after that. */
  close(): void {
    current = this.outer;
    this.outer = null;
    this.end();
    if (this.owners.length > ROOM) {
      this.owners = [];
      this.compactAt = COMPACT;
    }
    idle.push(this);
  }

  add(owner: Owner): void {
    if (this.count >= this.compactAt) this.compact();
    this.owners[this.count++] = owner;
  }

  /** Forgets the owners that were given up or passed on, so that a long scope does not keep dead handles. */
  private compact(): void {
    this.owners = this.owners.slice(0, this.count).filter((o) => Owner.isIn(o!, this));
    this.count = this.owners.length;
    this.compactAt = Math.max(COMPACT, 2 * this.count);
  }

  /** Gives up what it owns. It may be used again. */
  end(): void {
    const { owners } = this;
    for (let i = 0; i < this.count; i++) {
      const owner = owners[i]!;
      owners[i] = null;
      Owner.leave(owner, this);
    }
    this.count = 0;
  }
}
/** Scopes that were closed and may be opened again: each call of an op needs one. */
const idle: OwnerScope[] = [];
let current: OwnerScope | null = null;

/** Where owners gave up what they held, while that is traced. */
const ends = new WeakMap<Owner, string>();
/** The line of the user's code where an owner gave up its storage, or null where that is not known. */
export const disownedAt = (owner: Owner): string | null => userFrame(ends.get(owner) ?? null);

/** Whether code of the user's runs in a scope: what it makes is counted, see Note [Counted containers]. */
export const inUserScope = (): boolean => current !== null && current.user !== null;

/**
 * Holds one storage: a tensor handle, or a tensor that a graph node saved. It counts as one reference, given up by `disown`, by the end of the
 * scope that owns it, or when the JavaScript collector finds the owner dead.
 */
export class Owner {
  /** Null once given up. */
  owned: Storage | null;
  /** As what it counts. */
  private role: Role;
  private ownerScope: OwnerScope | null;
  /** What dies with it: the shared token, or ballast of its own. */
  private anchor: object | null = null;
  private claim: Claim | null = null;
  private slot = 0;
  /** How many holders keep it beyond its scope: gradients are held by their leaves. */
  private holders = 0;

  /** `scoped`: the innermost scope owns it. Otherwise it lives as long as somebody refers to it. */
  constructor(storage: Storage, scoped: boolean, role: Role = "handle") {
    storage.retain(role);
    this.owned = storage;
    this.role = role;
    this.ownerScope = scoped ? current : null;
    if (this.ownerScope !== null) this.ownerScope.add(this);
    else this.register(storage);
  }

  /** Gives the reference up now. Further calls do nothing. */
  disown(): void {
    const storage = this.owned;
    if (storage === null) return;
    const { claim, ownerScope } = this;
    const stack = captureStack();
    if (stack !== null) ends.set(this, stack);
    this.owned = null;
    if (claim !== null) letGo(claim, this.slot);
    this.anchor = null;
    this.claim = null;
    this.ownerScope = null;
    storage.release(this.role);
    if (claim !== null || ownerScope !== null) this.unclaimed();
  }

  /** Holds another storage instead. */
  reown(storage: Storage): void {
    const { claim } = this;
    storage.retain(this.role);
    this.owned?.release(this.role);
    this.owned = storage;
    if (claim === null) return;
    const token = filled(claim);
    if (token !== null) token.bytes += storage.nbytes - claim.storages[this.slot]!.nbytes;
    claim.storages[this.slot] = storage;
  }

  /** Counts as something else from now on. */
  ownAs(role: Role): void {
    if (role === this.role) return;
    this.owned?.recount(this.role, role);
    this.role = role;
    if (this.claim !== null) this.claim.roles[this.slot] = role;
  }

  /** Whether a scope of user code owns it, so that what it refers to is counted. */
  protected get isScoped(): boolean {
    return this.ownerScope !== null && this.ownerScope.user !== null;
  }
  /** Called when user code may no longer use it, and when it may again. */
  protected unclaimed(): void {}
  protected reclaimed(): void {}
  /** Called when it passes from all scopes to user code: the JavaScript collector decides from now on. */
  protected escaped(): void {}

  /** Keeps it beyond the end of its scope, until `unhold`. */
  hold(): void {
    this.holders++;
  }
  /** One holder less. Where the holder is gone, nobody else can have got hold of it; otherwise user code may still use it. */
  unhold(holderIsGone: boolean): void {
    if (--this.holders > 0 || this.owned === null || this.ownerScope !== null || this.claim !== null) return;
    if (holderIsGone) this.disown();
    else this.claimFor(current);
  }

  /** From being held by holders alone to being claimed: by a scope, or by user code. */
  private claimFor(scope: OwnerScope | null): void {
    this.reclaimed();
    this.ownerScope = scope;
    if (scope === null) this.toUser(this.owned!);
    else scope.add(this);
  }

  static isIn(owner: Owner, scope: OwnerScope): boolean {
    return owner.ownerScope === scope;
  }

  /** The scope that owns it ends. */
  static leave(owner: Owner, scope: OwnerScope): void {
    if (owner.ownerScope !== scope) return;
    if (owner.holders === 0) owner.disown();
    else {
      owner.ownerScope = null;
      owner.unclaimed();
    }
  }

  /** Passes from the scope that owns it to the one around that, or to user code. What only holders have left is claimed, too. */
  static escape(owner: Owner, from: OwnerScope, to: OwnerScope | null): void {
    if (owner.owned === null) return;
    if (owner.ownerScope === null && owner.claim === null) {
      owner.claimFor(to);
      return;
    }
    if (owner.ownerScope !== from) return;
    owner.ownerScope = to;
    if (to !== null) to.add(owner);
    else owner.toUser(owner.owned);
  }

  /** Passes to user code from whatever scope or holder has it. */
  static escapeAll(owner: Owner): void {
    if (owner.owned === null || owner.claim !== null) return;
    owner.ownerScope = null;
    owner.toUser(owner.owned);
  }

  private toUser(storage: Storage): void {
    this.register(storage);
    this.escaped();
  }

  private register(storage: Storage): void {
    const { nbytes } = storage;
    if (nbytes > LARGEST_SHARED) {
      this.claim = { storages: [storage], roles: [this.role], count: 1 };
      this.anchor = ballastFor(nbytes);
      registry.register(this, this.claim);
      return;
    }
    const token = tokenFor(nbytes);
    const { claim } = token;
    token.bytes += nbytes;
    token.ballast = ballastFor(nbytes) ?? token.ballast;
    this.anchor = token;
    this.claim = claim;
    this.slot = claim.count++;
    claim.storages[this.slot] = storage;
    claim.roles[this.slot] = this.role;
  }

  /** Whether the owner keeps a shared token alive. For tests. */
  get sharesToken(): boolean {
    return this.anchor !== null && "claim" in this.anchor;
  }
}

/** Starts a fresh token, so that a handle kept from before pins nothing of what follows. */
export function nextToken(): void {
  if (small.claim.count > 0) small = newToken();
  if (medium.claim.count > 0) medium = newToken();
}

/** Runs `body` in a scope that stays open, or in none. */
export function enter<T>(scope: OwnerScope | null, body: () => T): T {
  const outer = current;
  current = scope;
  try {
    return body();
  } finally {
    current = outer;
  }
}

/**
 * Runs `body`; the owners it creates belong to a scope and are given up at its end, except those that `keep` names, which pass to the
 * enclosing scope, or to user code where there is none. Synchronous code only: owners made between two steps of a task would be mixed up.
 */
export function ownedBy<T>(body: () => T, keep: (result: T) => Iterable<Owner>): T {
  const scope = OwnerScope.open();
  try {
    const result = body();
    for (const owner of keep(result)) scope.pass(owner);
    return result;
  } finally {
    scope.close();
  }
}

/** The same for a scope of user code, in which references are counted. */
export function ownedByUser<T>(body: () => T, keep: (result: T) => Iterable<Owner>): T {
  const scope = new OwnerScope("itself");
  const outer = current;
  current = scope;
  try {
    const result = body();
    for (const owner of keep(result)) Owner.escape(owner, scope, outer);
    return result;
  } finally {
    current = outer;
    scope.end();
  }
}

/** Hands an owner to user code, whatever scope owns it: it lives as long as somebody refers to it. */
export const keep = (owner: Owner): void => Owner.escapeAll(owner);

/** Runs `body` as user code: what it creates belongs to the user's scope, or where none is open to whoever refers to it. */
export const asUser = <T>(body: () => T): T => enter(current === null ? null : current.user, body);

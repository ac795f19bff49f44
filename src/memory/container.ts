import { track, untrack } from "./cycle-collector.ts";

/**
 * Note [Counted containers]. What refers to other things that refer on can form cycles: graph nodes, tensors with a history, a gradient or a base,
 * and containers of the user's. Within a scope their references are counted, so that a graph goes with its last handle, without waiting for any
 * collector; what a count cannot free, because it refers to itself, the cycle collector finds (`cycle-collector.ts`).
 *
 * Outside of scopes JavaScript's own collector decides when a handle is dead, and that tells no count. A container that such a handle leads to
 * is not counted (`counted` is false), never tracked, and never freed by either: the finalizers of the handles and saved tensors free its
 * storages. A counted container that comes within reach of an uncounted one stops being counted (`uncount`), and so does all that it reaches. It
 * never goes the other way. A wrong count could thus at worst free what a scope owned, which then raises; it never frees what user code holds.
 *
 * A container that nobody counts counts nobody: its own references are counted from the first reference to it on. What is under construction
 * when an operation fails therefore pins nothing.
 */
export abstract class Container {
  /** References to it: claims of user code within a scope, and other containers. */
  refs = 0;
  /** Whether references are counted. */
  counted: boolean;
  /** Whether what it refers to counts its references. */
  protected holding = false;
  /** The cycle collector's list that it is in, by its neighbours there; null while it is not tracked. */
  gcPrevious: Container | null = null;
  gcNext: Container | null = null;
  /** The cycle collector's copy of the count, while it runs; -1 otherwise. */
  gcRefs = -1;

  constructor(counted: boolean) {
    this.counted = counted;
  }

  /** Calls `visit` for each reference that it holds, once per reference. */
  abstract traverse(visit: (child: Container) => void): void;
  /** Gives up what it owns, when nothing refers to it any more or the collector has found it to be garbage. References are given up by the caller. */
  protected abstract free(): void;
  /** Called when it stops being counted. */
  protected uncounted(): void {}

  /** One more reference to it. */
  incref(): void {
    if (!this.counted || this.refs++ > 0) return;
    if (!this.holding) {
      this.holding = true;
      this.traverse(incref);
    }
    track(this);
  }

  /** One reference less; the last takes it away. */
  decref(): void {
    if (!this.counted || this.refs === 0 || --this.refs > 0) return;
    if (freeing) {
      dying.push(this); // Whoever is at it takes this one, too: a long chain is no deep recursion.
      return;
    }
    freeing = true;
    try {
      for (let c: Container | undefined = this; c !== undefined; c = dying.pop()) Container.#finish(c);
    } finally {
      freeing = false;
    }
  }

  static #finish(c: Container): void {
    if (c.refs > 0 || !c.counted) return;
    untrack(c);
    c.clear();
  }

  /** Gives up what it owns and what it refers to, because its count is 0 or to break a cycle. */
  clear(): void {
    if (!this.holding) return;
    this.holding = false;
    this.traverse(decref);
    this.free();
  }

  /** To be called before it refers to something that it has not referred to so far. */
  protected refer(child: Container): void {
    if (!this.counted) child.uncount();
    else if (this.holding) child.incref();
  }
  /** To be called after it has ceased to refer to something. */
  protected unrefer(child: Container): void {
    if (this.holding && this.counted) child.decref();
  }

  /** It has come within reach of what is not counted: neither it nor what it reaches is counted from now on. */
  uncount(): void {
    if (!this.counted) return;
    const reached: Container[] = [this];
    for (let c = reached.pop(); c !== undefined; c = reached.pop()) {
      if (!c.counted) continue;
      c.traverse((child) => reached.push(child));
      untrack(c);
      c.counted = false;
      c.uncounted();
    }
  }
}

/** Whether a container is being freed, and what has died in the meantime. */
let freeing = false;
const dying: Container[] = [];
const incref = (c: Container): void => c.incref();
const decref = (c: Container): void => c.decref();

/** A model of who owns which tensor, beside the tensors themselves, and what each has to show as long as it may be used. */
import type { Tensor } from "../../../src/index.ts";
import * as torch from "../../../src/index.ts";
import type { Data } from "../../backends/case.ts";
import { Handle, type Look, type Owner, type ScopeModel, Store } from "./handle.ts";
import { type Leaf, type Plain, type PlainHook, take } from "./plain-autograd.ts";

/** A container of user code: what it and those that hold it keep alive. */
export interface Box {
  readonly container: torch.memory.Container;
  /** Whether user code has not disposed of it. */
  mine: boolean;
  freed: boolean;
  items: Handle[];
  boxes: Box[];
}

export type Status = "alive" | "gone" | "either";

/** A hook of user code, what it got hold of, and what that must show. */
export interface HookModel extends PlainHook {
  replace: PlainHook["replace"];
  readonly kind: string;
  /** What it got or made, and how many times the gradient that is. */
  got: { readonly x: Tensor; readonly owner: Owner; readonly by: number; readonly box?: Box }[];
  handle: { remove(): void } | null;
}

/** What a wrongly freed block would show. */
export function poison(): void {
  torch.scope(() => {
    for (const n of [1, 6, 12, 150, 300, 1200, 9000]) for (let i = 0; i < 4; i++) torch.full([n], Number.NaN);
  });
}

export class World {
  readonly data: Data;
  handles: Handle[] = [];
  /** Some that are gone, to be tried again later. */
  graves: Handle[] = [];
  boxes: Box[] = [];
  /** Scope objects that are open. */
  scopes: ScopeModel[] = [];
  /** The scopes that are entered now, the innermost last. */
  readonly stack: ScopeModel[] = [];
  /** The tensors that leaves of the graph stand for, and those that retain the gradient of a node. */
  readonly leaves: WeakMap<Leaf, Handle> = new WeakMap();
  readonly retaining: WeakMap<Plain, Handle> = new WeakMap();
  /** Hooks that were called since this was emptied. */
  called: HookModel[] = [];
  /** What has just changed hands: it is used more often. */
  recent: Handle | null = null;
  /** What backward is running from. */
  root: Handle | null = null;
  readonly trace: string[] = [];
  checks = 0;

  /** Where all happens in one scope, no tensor is user code's own, so that all is counted. */
  readonly outermost: ScopeModel | null;

  constructor(data: Data, scoped: boolean) {
    this.data = data;
    this.outermost = scoped ? { open: true, object: new torch.Scope() } : null;
  }

  get owner(): ScopeModel | "user" {
    return this.stack.at(-1) ?? "user";
  }

  // ---- handles

  handle(x: Tensor, look: Look, owner: Owner = this.owner): Handle {
    const h = new Handle(x, owner, look);
    this.handles.push(h);
    return h;
  }
  fresh(x: Tensor, label: string, plain: Plain, owner: Owner = this.owner): Handle {
    return this.handle(x, { label, store: new Store(plain) }, owner);
  }
  /** A view of `of`, by places in it; or a copy, where that was needed to make it. */
  view(x: Tensor, label: string, of: Handle, within: readonly number[]): Handle {
    const history = take(of.plain, within);
    if (x.untypedStorage() !== of.x.untypedStorage()) return this.fresh(x, label, history);
    const { store, detached } = of;
    store.viewed = true;
    const places = of.places === null ? within : within.map((p) => of.places![p]!);
    return this.handle(x, { label, store, places, history, detached });
  }

  /** A tensor that may be used and computed with, or null. */
  operand(fits: (h: Handle) => boolean = () => true): Handle | null {
    return this.pick((h) => fits(h) && h.isSmall);
  }
  /** A tensor that may be used, or null. */
  pick(fits: (h: Handle) => boolean = () => true): Handle | null {
    for (let i = 0; i < 12 && this.handles.length > 0; i++) {
      const h = this.recent !== null && this.data.next() < 0.15 ? this.recent : this.data.pick(this.handles);
      if (fits(h) && this.status(h) === "alive") return h;
    }
    return null;
  }

  // ---- who may be used

  /** The containers that user code reaches. */
  #reachedBoxes(): Set<Box> {
    const seen = new Set(this.boxes.filter((b) => b.mine));
    for (const b of seen) for (const inner of b.boxes) seen.add(inner);
    return seen;
  }
  holdersOf(h: Handle): { boxes: Box[]; of: Handle[] } {
    return { boxes: this.boxes.filter((b) => !b.freed && b.items.includes(h)), of: this.handles.filter((p) => p.grad === h) };
  }

  status(h: Handle): Status {
    if (h.disposed) return "gone";
    if (h.owner === "user" || (h.owner !== "ended" && h.owner.open)) return "alive";
    const { boxes, of } = this.holdersOf(h);
    const reached = boxes.length > 0 ? this.#reachedBoxes() : new Set();
    if (boxes.some((b) => reached.has(b)) || of.some((p) => this.status(p) === "alive")) return "alive";
    return boxes.length > 0 || of.length > 0 || h.mayOutlive ? "either" : "gone";
  }

  /** User code has it from now on, and with it its gradient. */
  toUser(h: Handle): void {
    h.owner = "user";
    if (h.grad !== null && h.grad.owner !== "user") this.toUser(h.grad);
  }
  /** What it was held by holds it no more. Without any other holder it belongs to the scope that is open. */
  #letGo(h: Handle): void {
    this.recent = h;
    if (h.owner !== "ended" || h.disposed) return;
    // Leaves that user code has dropped hold it, too: they are counted, but no longer listed.
    if (this.holdersOf(h).boxes.length === 0 && h.gradOf === 0 && !h.shaky) h.owner = this.owner;
    else h.mayOutlive = true;
  }
  setGrad(p: Handle, g: Handle | null): void {
    const old = p.grad;
    p.grad = g;
    if (old !== null) old.gradOf--;
    if (g !== null) {
      g.gradOf++;
      g.mayOutlive = true;
      g.store.updated = true;
      if (p.owner === "user") this.toUser(g);
    }
    if (old === null || old === g) return;
    if (this.status(p) === "alive") this.#letGo(old);
    else old.shaky = true;
  }

  // ---- scopes

  /** Runs `body` in `torch.scope`; what it gives back passes to the scope around. */
  scope(body: () => readonly Handle[], fails: boolean): void {
    const s: ScopeModel = { open: true, object: null };
    let results: readonly Handle[] = [];
    try {
      torch.scope(() => {
        this.stack.push(s);
        try {
          results = body();
        } finally {
          this.stack.pop();
        }
        if (fails) throw new RangeError("a failure in a scope");
        const [first, ...rest] = results.map((h) => h.x);
        return rest.length === 0 ? first : { first, rest: [rest] };
      });
      for (const h of results) this.#escape(h, s);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    this.#end(s);
  }
  #escape(h: Handle, s: ScopeModel): void {
    this.recent = h;
    // What only a holder kept is a result, too.
    if (h.owner !== s && h.owner !== "ended") return;
    if (this.owner === "user") this.toUser(h);
    else h.owner = this.owner;
  }
  openScope(): ScopeModel {
    const s: ScopeModel = { open: true, object: new torch.Scope() };
    this.scopes.push(s);
    return s;
  }
  run(s: ScopeModel, body: () => void): void {
    s.object!.run(() => {
      this.stack.push(s);
      try {
        body();
      } finally {
        this.stack.pop();
      }
    });
  }
  endScope(s: ScopeModel): void {
    this.scopes = this.scopes.filter((other) => other !== s);
    s.object!.dispose();
    this.#end(s);
  }
  #end(s: ScopeModel): void {
    s.open = false;
    for (const h of this.handles) if (h.owner === s) h.owner = "ended";
    poison();
    this.bury();
  }
  /** Tries those that are gone, once, and remembers some of them. */
  bury(): void {
    const gone = this.handles.filter((h) => this.status(h) === "gone");
    if (gone.length === 0) return;
    for (const h of gone) this.checkGone(h);
    const set = new Set(gone);
    this.handles = this.handles.filter((h) => !set.has(h));
    this.graves = [...this.graves, ...gone.slice(0, 3)].slice(-20);
  }

  // ---- containers

  newBox(): Box {
    const box: Box = { container: new torch.memory.Container(), mine: true, freed: false, items: [], boxes: [] };
    this.boxes.push(box);
    return box;
  }
  drop(box: Box, h: Handle): void {
    box.items.splice(box.items.indexOf(h), 1);
    this.#letGo(h);
  }
  /** Frees the containers that nothing refers to; after a full collection also those that only refer to each other. */
  freeBoxes(collected: boolean): void {
    const reached = this.#reachedBoxes();
    const unused = (b: Box): boolean => (collected ? !reached.has(b) : !b.mine && !this.boxes.some((c) => !c.freed && c.boxes.includes(b)));
    for (let found = true; found; ) {
      found = false;
      for (const b of this.boxes) {
        if (b.freed || !unused(b)) continue;
        found = true;
        b.freed = true;
      }
    }
    this.boxes = this.boxes.filter((b) => !b.freed);
  }

  // ---- checks

  checkGone(h: Handle): void {
    const { x } = h;
    if (!x.isDisposed) this.fail(h, "is gone by the rules, but not disposed of");
    for (const use of [() => x.add(1), () => x.toTypedArraySync(), () => x.view(-1)]) {
      try {
        use();
      } catch (error) {
        if (error instanceof torch.DisposedError) continue;
        throw error;
      }
      this.fail(h, "is gone, but can be used");
    }
  }
  checkValues(h: Handle): void {
    if (h.x.isDisposed) this.fail(h, "was freed although it can be reached");
    const found = torch.noGrad(() => torch.scope(() => h.x.contiguous().toTypedArraySync())) as Float32Array;
    const { values } = h;
    if (found.length !== values.length) this.fail(h, `has ${found.length} elements instead of ${values.length}`);
    for (let i = 0; i < values.length; i++) {
      if (found[i] !== values[i] && !(found[i] === 0 && values[i] === 0)) this.fail(h, `has ${found[i]} at ${i} instead of ${values[i]}`);
    }
    this.checks++;
  }
  checkAll(): void {
    for (const h of this.handles) {
      const status = this.status(h);
      if (status === "gone") this.checkGone(h);
      else if (status === "alive" || !h.x.isDisposed) this.checkValues(h);
    }
    for (const h of this.graves) this.checkGone(h);
  }
  fail(h: Handle, what: string): never {
    throw new Error(`a tensor (${h.label}) ${what}. The last steps: ${this.trace.slice(-25).join(", ")}`);
  }
}

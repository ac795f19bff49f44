/** Backward on tensors beside the same on plain arrays: what accumulates where, what hooks see, and what is handed out. */
import type { Tensor } from "../../../src/index.ts";
import * as torch from "../../../src/index.ts";
import type { Handle, Owner, Store } from "./handle.ts";
import { add, constant, differentiate, EXACT, type Flow, isZero, mul, type Plain, release, scale } from "./plain-autograd.ts";
import { type HookModel, poison, type World } from "./world.ts";

/** A root, and the gradient to start from; null for a single number. */
export interface Root {
  readonly root: Handle;
  readonly given: Handle | null;
}
export interface Choice {
  readonly createGraph: boolean;
  readonly retainGraph: boolean;
  /** Only the leaves that may be used get gradients, by `inputs`; or they are handed out, by `torch.autograd.grad`. */
  readonly to: "all" | "inputs" | "result";
}

const copy = (x: Plain): Plain => scale(x, 1);

/** A gradient that arrived: it is nobody's to write to. */
function arrived(w: World, x: Tensor, label: string, plain: Plain, owner: Owner = w.owner): Handle {
  const h = w.fresh(x, label, plain, owner);
  h.store.frozen = true;
  if (plain.requiresGrad) w.recent = h;
  return h;
}

/** Whether sums of gradients would not be exact. */
function isTooLarge(w: World, { leaves, nodes }: Flow): boolean {
  const large = (p: Handle | undefined, g: Plain): boolean => p?.grad?.values.some((v, i) => Math.abs(v + g.values[i]!) > EXACT) ?? false;
  return [...leaves].some(([leaf, g]) => large(w.leaves.get(leaf), g)) || [...nodes].some(([node, g]) => large(w.retaining.get(node), g));
}
/** Whether a gradient that is added to is one that the graph kept: what comes first is not to be relied on. */
function writesWhatItNeeds(w: World, { leaves, nodes }: Flow): boolean {
  const written = new Set([...leaves.keys()].map((leaf) => w.leaves.get(leaf)!.grad?.store));
  return [...nodes.keys()].some((x) => x.history?.kept?.some(({ storage }) => written.has(storage as Store)));
}

/** A graph that cannot be followed anew, or whose numbers get too large, is given up. */
export function runBackward(w: World, roots: readonly Root[], { createGraph, retainGraph, to }: Choice): void {
  const plain = roots.map(({ root, given }) => [root.plain, given?.plain ?? constant([1])] as const);
  const flow = differentiate(plain, createGraph);
  if (flow === null || isTooLarge(w, flow) || (!createGraph && writesWhatItNeeds(w, flow))) {
    w.trace.push("not possible");
    if (w.data.next() < 0.5) w.handles = w.handles.filter((h) => h !== roots[0]!.root);
    return;
  }
  const xs = roots.map(({ root }) => root.x);
  const grads = roots.map(({ root, given }) => given?.x.reshape(root.x.shape) ?? null);
  // What is handed out may be what it started from.
  for (const { given } of roots) if (given !== null) given.store.frozen = true;
  const inputs = w.handles.filter((h) => h.leaf !== null && flow.leaves.has(h.leaf) && w.status(h) === "alive");
  // Hooks and retained gradients are for whole graphs.
  const watched = flow.hooks.size > 0 || [...flow.nodes.keys()].some((x) => w.retaining.has(x));
  w.root = roots[0]!.root;
  if (to === "all" || watched || inputs.length === 0) {
    torch.autograd.backward(xs, grads, { createGraph, retainGraph });
    settleHooks(w, flow);
    for (const [leaf, g] of flow.leaves) accumulate(w, w.leaves.get(leaf)!, g, createGraph);
    for (const [node, g] of flow.nodes) retain(w, w.retaining.get(node), g, createGraph);
  } else if (to === "inputs") {
    torch.autograd.backward(xs, grads, { createGraph, retainGraph, inputs: inputs.map((h) => h.x) });
    for (const p of inputs) accumulate(w, p, flow.leaves.get(p.leaf!)!, createGraph);
  } else {
    const nodes = w.handles
      .filter((h) => h.places === null && !h.detached && !h.store.frozen && flow.nodes.has(h.plain) && w.status(h) === "alive")
      .slice(0, 2);
    const wanted = [...inputs, ...nodes.filter((h) => h.leaf === null)];
    const found = torch.autograd.grad(
      xs,
      wanted.map((h) => h.x),
      grads,
      { createGraph, retainGraph, allowUnused: true },
    );
    wanted.forEach((h, i) => {
      const g = h.leaf === null ? flow.nodes.get(h.plain)! : flow.leaves.get(h.leaf)!;
      if (found[i]) arrived(w, found[i], "a gradient that was asked for", g);
      else if (!isZero(g)) w.fail(h, "got no gradient from grad()");
    });
  }
  w.root = null;
  if (!retainGraph) release(plain.map(([x]) => x));
}

/** As PyTorch's accumulation: in place, unless the gradient is recorded. */
function accumulate(w: World, p: Handle, g: Plain, createGraph: boolean): void {
  const old = p.grad;
  const { grad } = p.x;
  if (grad === null) {
    if (!isZero(g)) w.fail(p, "got no gradient");
    return;
  }
  if (old !== null && grad === old.x) {
    if (createGraph && !isZero(g)) w.fail(p, "had its gradient written to, although that was to be recorded");
    old.store.write(add(old.store.current, constant(g.values)));
    return;
  }
  if (old !== null && !createGraph) w.fail(p, "had its gradient replaced instead of written to");
  w.setGrad(p, arrived(w, grad, `gradient of ${p.label}`, old === null ? copy(g) : add(old.plain, g)));
}

/** What a tensor that is no leaf retains is made anew each time. */
function retain(w: World, p: Handle | undefined, g: Plain, createGraph: boolean): void {
  if (p === undefined) return;
  const { grad } = p.x;
  if (w.status(p) !== "alive") {
    // Its gradient may have gone with it.
    w.setGrad(p, null);
    return;
  }
  if (grad === null || grad === p.grad?.x) {
    if (!isZero(g)) w.fail(p, "did not retain its gradient");
    return;
  }
  const total = p.grad === null ? copy(g) : add(p.grad.plain, g);
  w.setGrad(p, arrived(w, grad, `retained gradient of ${p.label}`, createGraph ? total : constant(total.values)));
}

function settleHooks(w: World, flow: Flow): void {
  for (const hook of w.called) {
    const g = flow.hooks.get(hook);
    if (g === undefined) throw new Error(`a hook (${hook.kind}) was called without reason: ${w.trace.slice(-25).join(", ")}`);
    for (const { x, owner, by, box } of hook.got) {
      const h = arrived(w, x, `${hook.kind} by a hook`, by === 1 ? g : scale(g, by), owner);
      if (box !== undefined) box.items.push(h);
    }
    hook.got = [];
  }
  for (const [hook, g] of flow.hooks) {
    if (!w.called.includes(hook as HookModel) && !isZero(g)) throw new Error(`a hook was not called: ${w.trace.slice(-25).join(", ")}`);
  }
  w.called = [];
}

/** Registers a hook that gets hold of the gradient in one way or another, holds another tensor, or does mischief. */
export function addHook(w: World, h: Handle): void {
  const { data } = w;
  const kind = data.pick(["seen", w.outermost === null ? "kept" : "scoped", "scoped", "entered", "held", "replaced", "mischief"]);
  const by = data.int(2, 5);
  const hook: HookModel = { kind, got: [], handle: null, replace: () => null };
  const on = (f: (g: Tensor) => Tensor | undefined): void => {
    const called = (g: Tensor): Tensor | undefined => {
      w.called.push(hook);
      return f(g);
    };
    hook.handle = h.x.registerHook(called);
  };
  if (kind === "replaced") {
    const o = w.operand((p) => p.count === h.count && p.count > 1);
    // A gradient may be written to while backward runs.
    const usable = (): boolean => o !== null && w.status(o) === "alive" && !o.store.updated;
    hook.replace = (g) => (usable() ? mul(g, o!.plain, [o!.kept]) : null);
    on((g) => (usable() ? g.mul(o!.x.reshape(g.shape)) : undefined));
  } else if (kind === "mischief") {
    const how = data.int(0, 5);
    on(() => void mischief(w, how));
  } else {
    on((g) => {
      const [s] = w.scopes;
      const box = w.boxes.find((b) => b.mine);
      const { owner } = w;
      if (kind === "seen") hook.got.push({ x: g, owner, by: 1 });
      else if (kind === "kept") hook.got.push({ x: torch.keep(g.mul(by)), owner: "user", by });
      else if (kind === "scoped") hook.got.push({ x: torch.scope(() => g.mul(by - 1).add(g)), owner, by });
      else if (kind === "entered" && s !== undefined) hook.got.push({ x: s.object!.run(() => g.mul(by)), owner: s, by });
      else if (kind === "held" && box !== undefined) {
        const x = g.mul(by);
        box.container.hold(x);
        hook.got.push({ x, owner, by, box });
      }
      return undefined;
    });
  }
  (h.leaf === null ? h.plain : h.leaf).hooks.push(hook);
  h.hooked = true;
  if (h.leaf === null) h.store.frozen = true;
}

function mischief(w: World, how: number): void {
  w.trace.push(`mischief ${how}`);
  const { root } = w;
  if (how === 0) {
    torch.memory.gc.collect();
    w.freeBoxes(true);
  } else if (how === 1) torch.memory.emptyCache();
  else if (how === 2 && root !== null && root.count === 1 && root.grad === null && root.gradOf === 0) {
    root.x.dispose();
    root.disposed = true;
  } else if (how === 3) {
    const g = torch.enableGrad(() =>
      torch.scope(() => {
        const q = torch.full([300], 3, { requiresGrad: true });
        q.mul(q).sum().backward({ createGraph: true });
        return torch.keep(q.grad!.sum());
      }),
    );
    if (g.itemSync() !== 1800) throw new Error("backward within a hook gave a wrong gradient");
  }
  poison();
}

/**
 * Gradients on plain arrays of numbers, to compare tensors with: a graph of operations that never changes. Gradients are written in the same
 * operations, so they have gradients themselves.
 */

/** Larger whole numbers might be rounded in float32. */
export const EXACT: number = 2 ** 22;

/** What a node keeps of a tensor: the storage, and how often it had been written to. */
export interface Kept {
  readonly storage: { readonly version: number };
  readonly version: number;
}
/** Replaces the gradient that arrives, or only looks at it. */
export interface PlainHook {
  readonly replace: (g: Plain) => Plain | null;
}
/** Where gradients add up. */
export interface Leaf {
  readonly hooks: PlainHook[];
}

let made = 0;
let recording = true;
/** The largest number that came up in this run of backward, partial sums included. */
let largest = 0;
const note = (values: readonly number[]): void => {
  for (const v of values) largest = Math.max(largest, Math.abs(v));
};

interface History {
  readonly from: readonly Plain[];
  /** The gradients of `from`. */
  readonly back: (g: Plain) => readonly Plain[];
  readonly kept?: readonly Kept[];
}

export class Plain {
  readonly order: number = made++;
  readonly values: readonly number[];
  readonly history: History | null;
  readonly leaf: Leaf | null;
  readonly hooks: PlainHook[] = [];
  /** Whether what its operation kept is gone. */
  released = false;

  constructor(values: readonly number[], history: History | null = null, leaf: Leaf | null = null) {
    this.values = values;
    this.history = recording && history?.from.some((x) => x.requiresGrad) ? history : null;
    this.leaf = leaf;
  }
  get requiresGrad(): boolean {
    return this.history !== null || this.leaf !== null;
  }
}

export const constant = (values: readonly number[]): Plain => new Plain(values);
const zeros = (n: number): Plain => constant(new Array<number>(n).fill(0));
export const isZero = (x: Plain): boolean => x.values.every((v) => v === 0);

export const add = (x: Plain, y: Plain): Plain =>
  new Plain(
    x.values.map((v, i) => v + y.values[i]!),
    { from: [x, y], back: (g) => [g, g] },
  );
export const scale = (x: Plain, k: number): Plain =>
  new Plain(
    x.values.map((v) => v * k),
    { from: [x], back: (g) => [scale(g, k)] },
  );
export const offset = (x: Plain, k: number): Plain =>
  new Plain(
    x.values.map((v) => v + k),
    { from: [x], back: (g) => [g] },
  );
export const wrap = (x: Plain, m: number): Plain =>
  new Plain(
    x.values.map((v) => ((v % m) + m) % m),
    { from: [x], back: (g) => [g] },
  );
export const mul = (x: Plain, y: Plain, kept: readonly Kept[] = []): Plain =>
  new Plain(
    x.values.map((v, i) => v * y.values[i]!),
    { from: [x, y], back: (g) => [mul(g, y, kept), mul(g, x, kept)], kept },
  );
/** The product with a factor whose own gradient is not wanted. */
export const mulBy = (x: Plain, y: Plain, kept: readonly Kept[]): Plain =>
  new Plain(
    x.values.map((v, i) => v * y.values[i]!),
    { from: [x], back: (g) => [mul(g, y, kept)], kept },
  );
export function sum(x: Plain): Plain {
  note([x.values.reduce((a, b) => a + Math.abs(b), 0)]);
  return new Plain([x.values.reduce((a, b) => a + b, 0)], { from: [x], back: (g) => [spread(g, x.values.length)] });
}
export const spread = (x: Plain, n: number): Plain =>
  new Plain(new Array<number>(n).fill(x.values[0]!), { from: [x], back: (g) => [sum(g)] });
/** The elements at some places, as a view shows them. */
export const take = (x: Plain, places: readonly number[]): Plain =>
  new Plain(
    places.map((p) => x.values[p]!),
    { from: [x], back: (g) => [into(g, places, x.values.length)] },
  );
function into(x: Plain, places: readonly number[], n: number): Plain {
  const values = new Array<number>(n).fill(0);
  places.forEach((p, i) => {
    values[p]! += x.values[i]!;
  });
  return new Plain(values, { from: [x], back: (g) => [take(g, places)] });
}
/** `x` with `y` written over some places. */
export function put(x: Plain, places: readonly number[], y: Plain): Plain {
  const values = [...x.values];
  places.forEach((p, i) => {
    values[p] = y.values[i]!;
  });
  return new Plain(values, { from: [x, y], back: (g) => [put(g, places, zeros(places.length)), take(g, places)] });
}

/** What a run of backward brings. */
export interface Flow {
  readonly leaves: ReadonlyMap<Leaf, Plain>;
  /** What each hook is called with. */
  readonly hooks: ReadonlyMap<PlainHook, Plain>;
  /** The gradient of each node that was reached. */
  readonly nodes: ReadonlyMap<Plain, Plain>;
}

function reached(roots: readonly Plain[]): Plain[] {
  const seen = new Set(roots);
  for (const x of seen) for (const y of x.history?.from ?? []) if (y.requiresGrad) seen.add(y);
  return [...seen].sort((a, b) => b.order - a.order);
}

/** Whether backward would find all that was kept as it was. */
const intact = (x: Plain): boolean => {
  const kept = x.history?.kept ?? [];
  return kept.length === 0 || (!x.released && kept.every((k) => k.storage.version === k.version));
};

/**
 * Runs backward from some nodes with their gradients. Null where that would not work, because the graph was used before or because what it kept was
 * written to, or where the numbers would not be exact. Nothing has changed then.
 */
export function differentiate(roots: readonly (readonly [Plain, Plain])[], createGraph: boolean): Flow | null {
  const nodes = reached(roots.map(([x]) => x));
  if (!nodes.every(intact)) return null;
  largest = 0;
  const grads = new Map<Plain, Plain>();
  const leaves = new Map<Leaf, Plain>();
  const hooks = new Map<PlainHook, Plain>();
  const arrive = <K>(at: Map<K, Plain>, key: K, g: Plain): void => {
    const old = at.get(key);
    const all = old === undefined ? g : add(old, g);
    note(all.values);
    at.set(key, all);
  };
  const hooked = (list: readonly PlainHook[], given: Plain): Plain => {
    let g = given;
    for (const hook of list) {
      hooks.set(hook, g);
      g = hook.replace(g) ?? g;
      note(g.values);
    }
    return g;
  };
  recording = createGraph;
  try {
    for (const [x, g] of roots) arrive(grads, x, createGraph ? g : constant(g.values));
    for (const x of nodes) {
      const arrived = grads.get(x);
      if (arrived === undefined) continue;
      if (x.leaf !== null) {
        arrive(leaves, x.leaf, arrived);
        continue;
      }
      const g = hooked(x.hooks, arrived);
      grads.set(x, g);
      x.history!.back(g).forEach((part, i) => {
        const y = x.history!.from[i]!;
        if (y.requiresGrad) arrive(grads, y, part);
      });
    }
    for (const [leaf, g] of leaves) leaves.set(leaf, hooked(leaf.hooks, g));
  } finally {
    recording = true;
  }
  if (largest > EXACT) return null;
  return { leaves, hooks, nodes: grads };
}

/** Gives up what the graph kept, as backward does unless it is told otherwise. */
export function release(roots: readonly Plain[]): void {
  for (const x of reached(roots)) x.released = true;
}

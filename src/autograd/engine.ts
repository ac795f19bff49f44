import { backwardAcrossDevices, gradInvalidShape, hookChanged } from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { withGrad } from "./modes.ts";
import type { Edge, Hook, Node, OutputInfo } from "./node.ts";
import { ReadyQueue } from "./ready-queue.ts";

export interface BackwardOptions {
  /** Keep what the nodes saved, so that backward can run again. */
  readonly keepGraph: boolean;
  /** Record backward itself, for higher derivatives. */
  readonly createGraph: boolean;
  /** Only the gradients that arrive at these edges are wanted; they are given back and nothing is accumulated. */
  readonly inputs?: readonly Edge[];
}

type Gradients = (Tensor | null)[];

/** A node whose gradients have to be awaited, with those that it received. */
interface Awaited {
  readonly node: Node;
  readonly received: Gradients;
}

const NONE: Gradients = [];

/** How the gradients of a node's inputs come from those of its outputs. */
export type Evaluate = (node: Node, grads: Gradients) => Gradients;
let evaluate: Evaluate = (node, grads) => node.backward(grads);

/** Has nodes evaluated in another way, as by what watches them; gives back how they were. */
export function setEvaluate(next: Evaluate): Evaluate {
  const old = evaluate;
  evaluate = next;
  return old;
}

/**
 * A run of backward from `roots`. Iterative, so no chain is too long, and each node runs once, after every gradient for it has arrived.
 *
 * Note [Slots]. What a run knows of a node stands in arrays, at the node's slot, which is its place in `nodes`. The slot is written on the node
 * itself, because a map from nodes would cost more than many a kernel. Another run, inside of a hook or while this one awaits, may write its own
 * there; so whoever reads a slot looks whether it leads back to the node, and if not, all slots are written anew.
 */
class Run {
  /** The nodes reachable from the roots. */
  private readonly nodes: Node[] = [];
  /** How many edges that lead to a node have not brought their gradient yet. */
  private readonly pending: number[] = [];
  /** What has arrived for a node. Handles of the run's own. */
  private readonly arrived: (Gradients | undefined)[] = [];
  private readonly roots: readonly Edge[];
  private readonly options: BackwardOptions;
  /** Where inputs are named: the nodes that lead to one. */
  private readonly needed: Set<Node> | null;
  /** The nodes whose gradients cross devices and have to be awaited; null where there is none. */
  readonly crossings: Set<Node> | null;
  private readonly ready = new ReadyQueue();
  /** The gradients of the named inputs. */
  readonly captured: Gradients;
  /** What the node at work was given. */
  private received: Gradients = NONE;

  constructor(roots: readonly Edge[], options: BackwardOptions) {
    const { inputs } = options;
    this.roots = roots;
    this.options = options;
    this.captured = inputs?.map(() => null) ?? NONE;
    const crossings = this.reach();
    if (inputs === undefined) {
      this.needed = null;
      this.crossings = crossings;
      return;
    }
    // Edges lead from later nodes to earlier ones, so ascending order of sequence sees every node after the nodes that it leads to;
    // only accumulation of leaves, which leads nowhere, has no place in that order.
    const needed = new Set(inputs.map((e) => e.node));
    for (const node of this.nodes.toSorted((a, b) => a.sequence - b.sequence)) if (leadsTo(node, needed)) needed.add(node);
    this.needed = needed;
    this.crossings = passed(crossings, needed);
  }

  /** Finds the nodes and counts the edges that lead to each. */
  private reach(): Set<Node> | null {
    const { nodes, roots } = this;
    let crossings: Set<Node> | null = null;
    for (let i = 0; i < roots.length; i++) this.find(roots[i]!.node);
    for (let k = 0; k < nodes.length; k++) {
      const node = nodes[k]!;
      if (node.crossing() !== null) {
        crossings ??= new Set();
        crossings.add(node);
      }
      const { edges } = node;
      for (let i = 0; i < edges.length; i++) {
        const edge = edges[i]!;
        if (edge === null) continue;
        this.find(edge.node);
        this.pending[edge.node.slot]!++;
      }
    }
    return crossings;
  }
  private find(node: Node): void {
    const { nodes } = this;
    if (nodes[node.slot] === node) return;
    node.slot = nodes.length;
    nodes.push(node);
    this.pending.push(0);
    this.arrived.push(undefined);
  }

  /** See Note [Slots]. */
  private slotOf(node: Node): number {
    const { nodes } = this;
    if (nodes[node.slot] !== node) for (let i = 0; i < nodes.length; i++) nodes[i]!.slot = i;
    return node.slot;
  }

  /** Takes the gradients of the roots, handles of the run's own. `end` has to follow, whatever happens. */
  start(grads: readonly Tensor[]): void {
    const { roots } = this;
    // A hook may give up the last handle on the graph that is being run.
    for (let i = 0; i < roots.length; i++) roots[i]!.node.incref();
    for (let i = 0; i < roots.length; i++) this.deposit(roots[i]!, grads[i]!);
    for (let i = 0; i < roots.length; i++) {
      const { node } = roots[i]!;
      const slot = this.slotOf(node);
      if (this.pending[slot] !== 0) continue;
      this.pending[slot] = -1; // once, however often it is named
      this.ready.push(node);
    }
  }

  end(): void {
    dispose(this.received);
    for (const list of this.arrived) if (list !== undefined) dispose(list);
    for (const { node } of this.roots) node.decref();
  }

  /** Runs nodes to the end, which gives null, or up to one that has to be awaited. */
  advance(): Awaited | null {
    const { ready, crossings, needed } = this;
    const { inputs } = this.options;
    for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
      const slot = this.slotOf(node);
      const received = this.arrived[slot] ?? NONE;
      this.arrived[slot] = undefined;
      this.received = received;
      if (node.hooks !== null || node.retain !== null) runHooks(node, received);
      if (inputs !== undefined) this.capture(inputs, node, received);
      const isWanted = needed === null || (needed.has(node) && leadsTo(node, needed));
      if (isWanted && hasAny(received)) {
        if (crossings?.has(node)) return { node, received };
        this.pass(node, evaluate(node, received), true);
      } else this.pass(node, NONE, isWanted);
    }
    return null;
  }

  private capture(inputs: readonly Edge[], node: Node, received: Gradients): void {
    for (let i = 0; i < inputs.length; i++) {
      const g = inputs[i]!.node === node ? received[inputs[i]!.index] : null;
      if (g) this.captured[i] = g.alias();
    }
  }

  /** A node is done: its gradients go where its edges lead. */
  pass(node: Node, produced: Gradients, isWanted: boolean): void {
    const { edges } = node;
    dispose(this.received);
    this.received = NONE;
    if (isWanted && !this.options.keepGraph) node.release();
    for (let i = 0; i < edges.length; i++) {
      const edge = edges[i]!;
      const g = produced[i];
      if (edge === null) {
        g?.dispose();
        continue;
      }
      if (g) this.deposit(edge, validate(node, i, g, edge.node.outputs[edge.index]));
      if (--this.pending[this.slotOf(edge.node)]! === 0) this.ready.push(edge.node);
    }
  }

  /** Adds a gradient to what has arrived for an edge. The first one is kept as it is. */
  private deposit({ node, index }: Edge, g: Tensor): void {
    const slot = this.slotOf(node);
    const list = this.arrived[slot];
    if (list === undefined) {
      const count = node.outputs.length;
      if (count === 1) this.arrived[slot] = [g];
      else {
        const first: Gradients = new Array<Tensor | null>(count).fill(null);
        first[index] = g;
        this.arrived[slot] = first;
      }
      return;
    }
    const old = list[index];
    if (!old) {
      list[index] = g;
      return;
    }
    // In place only where nobody else holds the storage and every element has a place of its own (a stretched gradient has not).
    if (!this.options.createGraph && old.isContiguous() && old.ownsStorageAlone()) {
      old.add_(g);
      g.dispose();
      return;
    }
    list[index] = old.add(g);
    old.dispose();
    g.dispose();
  }
}

function dispose(list: Gradients): void {
  for (let i = 0; i < list.length; i++) list[i]?.dispose();
}
function hasAny(list: Gradients): boolean {
  for (let i = 0; i < list.length; i++) if (list[i]) return true;
  return false;
}

const leadsTo = (node: Node, needed: Set<Node>): boolean => node.edges.some((e) => e !== null && needed.has(e.node));

/** The crossings that a gradient for one of the inputs passes. */
function passed(crossings: Set<Node> | null, needed: Set<Node>): Set<Node> | null {
  if (crossings === null) return null;
  const left = [...crossings].filter((node) => leadsTo(node, needed));
  return left.length > 0 ? new Set(left) : null;
}

/** Runs backward at once. Where a gradient would have to be awaited it raises, before anything has been computed or written. */
export function runBackward(roots: readonly Edge[], grads: readonly Tensor[], options: BackwardOptions): Gradients {
  return withGrad(options.createGraph, () => {
    const run = new Run(roots, options);
    if (run.crossings !== null) {
      for (const g of grads) g.dispose();
      const [first] = run.crossings;
      const { from, to } = first!.crossing()!;
      throw backwardAcrossDevices(from.type, to.type);
    }
    try {
      run.start(grads);
      run.advance();
      return run.captured;
    } finally {
      run.end();
    }
  });
}

/** The same, awaiting the gradients that cross devices, and nothing else. */
export async function runBackwardAsync(roots: readonly Edge[], grads: readonly Tensor[], options: BackwardOptions): Promise<Gradients> {
  // The mode holds while the engine works, not while it waits.
  const inMode = <T>(f: () => T): T => withGrad(options.createGraph, f);
  const run = new Run(roots, options);
  try {
    let awaited = inMode(() => {
      run.start(grads);
      return run.advance();
    });
    while (awaited !== null) {
      const { node, received } = awaited;
      const produced = await inMode(() => node.backwardAsync(received));
      awaited = inMode(() => {
        run.pass(node, produced, true);
        return run.advance();
      });
    }
    return run.captured;
  } finally {
    run.end();
  }
}

/** The gradient in the shape and dtype of the output it belongs to; broadcast dimensions are summed away. */
function validate(node: Node, i: number, g: Tensor, info: OutputInfo | undefined): Tensor {
  if (info === undefined) return g;
  let result = g;
  if (!sameShape(g.shape, info.shape)) {
    if (!sums(g.shape, info.shape)) throw gradInvalidShape(node.name, i, g.shape, info.shape);
    result = g.sumToSize(info.shape);
    g.dispose();
  }
  if (result.dtype !== info.dtype) {
    const converted = result.to(info.dtype);
    result.dispose();
    result = converted;
  }
  return result;
}

/** Whether a gradient of shape `from` can be summed to `to`: `to` broadcasts to `from`. */
function sums(from: readonly number[], to: readonly number[]): boolean {
  const pad = from.length - to.length;
  return pad >= 0 && to.every((n, d) => n === from[d + pad] || n === 1);
}

function runHooks(node: Node, grads: (Tensor | null)[]): void {
  node.hooks?.forEach((hooks, index) => {
    for (const hook of hooks ?? []) {
      const g = grads[index];
      if (g) grads[index] = applyHook(hook, g);
    }
  });
  node.retain?.forEach((keep, index) => {
    const g = grads[index];
    if (g) keep(g);
  });
}

function applyHook(hook: Hook, g: Tensor): Tensor {
  // User code may keep what it is given, so it gets a handle of its own.
  const given = g.aliasForUser();
  const replaced = given.callAsUser(() => hook(given));
  if (replaced === null || replaced === undefined) return g;
  if (!sameShape(replaced.shape, g.shape)) throw hookChanged(hook.name, "size");
  if (replaced.dtype !== g.dtype) throw hookChanged(hook.name, "type");
  const mine = replaced.alias();
  g.dispose();
  return mine;
}

import { backwardAcrossDevices, gradInvalidShape, hookChanged } from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { withGrad } from "./modes.ts";
import type { Edge, Hook, Node, OutputInfo } from "./node.ts";

/** A max-heap of nodes by sequence number: what was recorded last is differentiated first. */
class ReadyQueue {
  private readonly heap: Node[] = [];

  push(node: Node): void {
    const { heap } = this;
    let i = heap.push(node) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.sequence >= node.sequence) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = node;
  }

  pop(): Node | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.sequence > heap[child]!.sequence) child++;
      if (heap[child]!.sequence <= last.sequence) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

export interface BackwardOptions {
  /** Keep what the nodes saved, so that backward can run again. */
  readonly keepGraph: boolean;
  /** Record backward itself, for higher derivatives. */
  readonly createGraph: boolean;
  /** Only the gradients that arrive at these edges are wanted; they are given back and nothing is accumulated. */
  readonly inputs?: readonly Edge[];
}

/** What is to be run: the nodes reachable from the roots, with the number of edges that lead to each. */
interface Plan {
  readonly pending: Map<Node, number>;
  /** Where inputs are named: the nodes that lead to one. */
  readonly needed: Set<Node> | null;
  /** The nodes whose gradients cross devices and have to be awaited; null where there is none. */
  readonly crossings: Set<Node> | null;
}

function plan(roots: readonly Node[], inputs: readonly Edge[] | undefined): Plan {
  const pending = new Map<Node, number>();
  const order: Node[] = [];
  const stack: Node[] = [];
  let crossings: Set<Node> | null = null;
  for (const root of roots) {
    if (pending.has(root)) continue;
    pending.set(root, 0);
    stack.push(root);
  }
  while (stack.length > 0) {
    const node = stack.pop()!;
    order.push(node);
    if (node.crossing() !== null) {
      crossings ??= new Set();
      crossings.add(node);
    }
    for (const edge of node.edges) {
      if (edge === null) continue;
      const seen = pending.get(edge.node);
      if (seen === undefined) stack.push(edge.node);
      pending.set(edge.node, (seen ?? 0) + 1);
    }
  }
  if (inputs === undefined) return { pending, needed: null, crossings };
  // Edges lead from later nodes to earlier ones, so ascending order of sequence sees every node after the nodes that it leads to;
  // only accumulation of leaves, which leads nowhere, has no place in that order.
  const needed = new Set(inputs.map((e) => e.node));
  order.sort((a, b) => a.sequence - b.sequence);
  for (const node of order) if (leadsTo(node, needed)) needed.add(node);
  return { pending, needed, crossings: passed(crossings, needed) };
}

const leadsTo = (node: Node, needed: Set<Node>): boolean => node.edges.some((e) => e !== null && needed.has(e.node));

/** The crossings that a gradient for one of the inputs passes. */
function passed(crossings: Set<Node> | null, needed: Set<Node>): Set<Node> | null {
  if (crossings === null) return null;
  const left = [...crossings].filter((node) => leadsTo(node, needed));
  return left.length > 0 ? new Set(left) : null;
}

/** A node whose gradients have to be awaited, with those that it received. */
interface Awaited {
  readonly node: Node;
  readonly received: readonly (Tensor | null)[];
}
type Gradients = (Tensor | null)[];

/**
 * Runs backward from `roots` with the given gradients (handles of the engine's own). Iterative, so no chain is too long, and each node runs once,
 * after every gradient for it has arrived. Yields what has to be awaited, and goes on with the gradients that it is handed for that; on one device
 * it runs to its end at once.
 */
function* steps(
  { pending, needed, crossings }: Plan,
  roots: readonly Edge[],
  grads: readonly Tensor[],
  options: BackwardOptions,
): Generator<Awaited, Gradients, Gradients> {
  const { inputs, createGraph, keepGraph } = options;
  const buffers = new Map<Node, Gradients>();
  const ready = new ReadyQueue();
  const captured: Gradients = inputs?.map(() => null) ?? [];
  let received: Gradients = [];
  // A hook may give up the last handle on the graph that is being run.
  for (const { node } of roots) node.incref();
  try {
    roots.forEach((root, i) => deposit(buffers, root, grads[i]!, createGraph));
    for (const node of new Set(roots.map((r) => r.node))) if (pending.get(node) === 0) ready.push(node);
    for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
      received = buffers.get(node) ?? [];
      buffers.delete(node);
      runHooks(node, received);
      for (let i = 0; inputs !== undefined && i < inputs.length; i++) {
        const g = inputs[i]!.node === node ? received[inputs[i]!.index] : null;
        if (g) captured[i] = g.alias();
      }
      const wanted = needed === null || (needed.has(node) && leadsTo(node, needed));
      let produced: Gradients = [];
      if (wanted && received.some((g) => g)) {
        if (crossings?.has(node)) produced = yield { node, received };
        else produced = node.backward(received);
      }
      for (const g of received) g?.dispose();
      if (wanted && !keepGraph) node.release();
      for (let i = 0; i < node.edges.length; i++) {
        const edge = node.edges[i]!;
        const g = produced[i];
        if (edge === null) {
          g?.dispose();
          continue;
        }
        if (g) deposit(buffers, edge, validate(node, i, g, edge.node.outputs[edge.index]), createGraph);
        const left = pending.get(edge.node)! - 1;
        pending.set(edge.node, left);
        if (left === 0) ready.push(edge.node);
      }
    }
    return captured;
  } finally {
    for (const g of received) g?.dispose();
    for (const list of buffers.values()) for (const g of list) g?.dispose();
    for (const { node } of roots) node.decref();
  }
}

const nodesOf = (roots: readonly Edge[]): Node[] => roots.map((r) => r.node);

/** Runs backward at once. Where a gradient would have to be awaited it raises, before anything has been computed or written. */
export function runBackward(roots: readonly Edge[], grads: readonly Tensor[], options: BackwardOptions): Gradients {
  return withGrad(options.createGraph, () => {
    const planned = plan(nodesOf(roots), options.inputs);
    if (planned.crossings !== null) {
      for (const g of grads) g.dispose();
      const [first] = planned.crossings;
      const { from, to } = first!.crossing()!;
      throw backwardAcrossDevices(from.type, to.type);
    }
    const run = steps(planned, roots, grads, options);
    return run.next().value as Gradients;
  });
}

/** The same, awaiting the gradients that cross devices, and nothing else. */
export async function runBackwardAsync(roots: readonly Edge[], grads: readonly Tensor[], options: BackwardOptions): Promise<Gradients> {
  // The mode holds while the engine works, not while it waits.
  const inMode = <T>(f: () => T): T => withGrad(options.createGraph, f);
  const run = steps(plan(nodesOf(roots), options.inputs), roots, grads, options);
  let result = inMode(() => run.next());
  while (!result.done) {
    const { node, received } = result.value;
    result = await inMode(() => node.backwardAsync(received)).then(
      (produced) => inMode(() => run.next(produced)),
      (error: unknown) => inMode(() => run.throw(error)),
    );
  }
  return result.value;
}

/** Adds a gradient to what has arrived for an edge. The first one is kept as it is. */
function deposit(buffers: Map<Node, (Tensor | null)[]>, { node, index }: Edge, g: Tensor, createGraph: boolean): void {
  let list = buffers.get(node);
  if (list === undefined) {
    list = [];
    buffers.set(node, list);
  }
  const old = list[index];
  if (!old) {
    list[index] = g;
    return;
  }
  // In place only where nobody else holds the storage and every element has a place of its own (a stretched gradient has not).
  if (!createGraph && old.isContiguous() && old.ownsStorageAlone()) {
    old.add_(g);
    g.dispose();
    return;
  }
  list[index] = old.add(g);
  old.dispose();
  g.dispose();
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

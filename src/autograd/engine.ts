import { gradInvalidShape, hookChanged } from "../core/errors.ts";
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

/** The nodes reachable from the roots, with the number of edges that lead to each; and, where inputs are named, those that lead to an input. */
function plan(roots: readonly Node[], inputs: readonly Edge[] | undefined): { pending: Map<Node, number>; needed: Set<Node> | null } {
  const pending = new Map<Node, number>();
  const order: Node[] = [];
  const stack: Node[] = [];
  for (const root of roots) {
    if (pending.has(root)) continue;
    pending.set(root, 0);
    stack.push(root);
  }
  while (stack.length > 0) {
    const node = stack.pop()!;
    order.push(node);
    for (const edge of node.edges) {
      if (edge === null) continue;
      const seen = pending.get(edge.node);
      if (seen === undefined) stack.push(edge.node);
      pending.set(edge.node, (seen ?? 0) + 1);
    }
  }
  if (inputs === undefined) return { pending, needed: null };
  // Edges lead from later nodes to earlier ones, so ascending order of sequence sees every node after the nodes that it leads to;
  // only accumulation of leaves, which leads nowhere, has no place in that order.
  const needed = new Set(inputs.map((e) => e.node));
  order.sort((a, b) => a.sequence - b.sequence);
  for (const node of order) if (node.edges.some((e) => e !== null && needed.has(e.node))) needed.add(node);
  return { pending, needed };
}

/**
 * Runs backward from `roots` with the given gradients (handles of the engine's own). Iterative, so no chain is too long, and each node runs once,
 * after every gradient for it has arrived.
 */
export function runBackward(roots: readonly Edge[], grads: readonly Tensor[], options: BackwardOptions): (Tensor | null)[] {
  const { inputs, createGraph, keepGraph } = options;
  return withGrad(createGraph, () => {
    const { pending, needed } = plan(
      roots.map((r) => r.node),
      inputs,
    );
    const buffers = new Map<Node, (Tensor | null)[]>();
    const ready = new ReadyQueue();
    const captured: (Tensor | null)[] = inputs?.map(() => null) ?? [];
    try {
      roots.forEach((root, i) => deposit(buffers, root, grads[i]!, createGraph));
      for (const node of new Set(roots.map((r) => r.node))) if (pending.get(node) === 0) ready.push(node);
      for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
        const received = buffers.get(node) ?? [];
        buffers.delete(node);
        runHooks(node, received);
        inputs?.forEach((edge, i) => {
          const g = edge.node === node ? received[edge.index] : null;
          if (g) captured[i] = g.alias();
        });
        const wanted = needed === null || (needed.has(node) && node.edges.some((e) => e !== null && needed.has(e.node)));
        const produced = wanted && received.some((g) => g) ? node.backward(received) : [];
        for (const g of received) g?.dispose();
        if (wanted && !keepGraph) node.release();
        node.edges.forEach((edge, i) => {
          if (edge === null) {
            produced[i]?.dispose();
            return;
          }
          const g = produced[i];
          if (g) deposit(buffers, edge, validate(node, i, g, edge.node.outputs[edge.index]), createGraph);
          const left = pending.get(edge.node)! - 1;
          pending.set(edge.node, left);
          if (left === 0) ready.push(edge.node);
        });
      }
      return captured;
    } finally {
      for (const list of buffers.values()) for (const g of list) g?.dispose();
    }
  });
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

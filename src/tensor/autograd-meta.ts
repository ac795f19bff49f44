import type { Node } from "../autograd/node.ts";
import { Container } from "../memory/container.ts";
import { keep } from "../memory/ownership.ts";
import type { Tensor } from "./tensor.ts";

/** How a view came about, which decides whether it may be written to. */
export type ViewCreation = "default" | "noGrad" | "multiple" | "inference";

export interface ViewInfo {
  /** The tensor that owns the history of the storage. */
  readonly base: Tensor;
  creation: ViewCreation;
  /** Which of several views it is that a function gave. */
  readonly piece: number;
  /** The version at which `node` was right; a write through another view makes it stale. */
  version: number;
}

/** What messages tell of a tensor's history, without the tensor. */
export interface History {
  readonly node: Node | null;
  readonly output: number;
  readonly view: ViewInfo | null;
}

/**
 * What autograd knows of a tensor. Most tensors have none of it. It is what makes a tensor a container: it refers to the node that made the tensor,
 * to its gradient and to its base.
 */
export class AutogradMeta extends Container implements History {
  requiresGrad = false;
  retainsGrad = false;
  inference = false;
  /** The node that made it, and which of its outputs it is. */
  node: Node | null = null;
  output = 0;
  grad: Tensor | null = null;
  private holdsGrad = false;
  /**
   * Whether `grad` is known here alone. Note [Gradients nobody has seen]: a gradient that backward has made and no code of the user's has read is
   * released as soon as it is replaced, so that each step of a loop reuses the memory of the one before.
   */
  unseenGrad = false;
  view: ViewInfo | null = null;
  /** Of a leaf: where its gradients add up. It refers to the leaf, so this does not count as a reference: as in PyTorch, it is a weak one. */
  accumulate: Node | null = null;

  setNode(node: Node | null, output: number): void {
    const old = this.node;
    if (node !== null) this.refer(node);
    this.node = node;
    this.output = output;
    if (old !== null) this.unrefer(old);
  }

  /** A leaf that a scope owns holds its gradient; that of any other is user code's. `unseen`: nobody else knows it. */
  setGrad(value: Tensor | null, unseen: boolean = false): void {
    const [old, held, ours] = [this.grad, this.holdsGrad, this.unseenGrad];
    const holds = value !== null && this.counted && this.holding;
    // To refer may start a collection, which must find this as it was.
    if (holds) {
      value.hold();
      this.refer(value.container);
    } else if (value !== null && !this.counted) keep(value);
    this.grad = value;
    this.holdsGrad = holds;
    this.unseenGrad = unseen;
    if (old !== null && held) {
      // First: were there no reference in between, what it refers to would be gone.
      old.unhold(ours);
      this.unrefer(old.container);
    } else if (old !== null && ours) old.dispose();
  }

  setView(view: ViewInfo): void {
    const base = view.base.containerIfAny;
    if (base !== null) this.refer(base);
    this.view = view;
  }

  clearView(): void {
    const base = this.view?.base.containerIfAny ?? null;
    this.view = null;
    if (base !== null) this.unrefer(base);
  }

  override traverse(visit: (child: Container) => void): void {
    if (this.node !== null) visit(this.node);
    if (this.holdsGrad) visit(this.grad!.container);
    const base = this.view?.base.containerIfAny ?? null;
    if (base !== null) visit(base);
  }

  protected override free(): void {
    if (!this.holdsGrad) return;
    this.holdsGrad = false;
    this.grad!.unhold(true);
  }

  protected override uncounted(): void {
    if (!this.holdsGrad) return;
    this.holdsGrad = false;
    keep(this.grad!);
    this.grad!.unhold(false);
  }
}

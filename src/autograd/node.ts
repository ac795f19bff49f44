import type { DType } from "../core/dtype.ts";
import type { Device } from "../dispatch/device.ts";
import { Container } from "../memory/container.ts";
import { inUserScope } from "../memory/ownership.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Where a gradient goes next: input `index` of `node` (that is, the gradient of output `index` of the op that the node differentiates). */
export interface Edge {
  readonly node: Node;
  readonly index: number;
}

/** What the gradient of an output must look like. */
export interface OutputInfo {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: Device;
}

/** A way from one device to another. */
export interface Crossing {
  readonly from: Device;
  readonly to: Device;
}

/** A function on a gradient that may replace it. `name` is for error messages. */
export interface Hook {
  readonly name: string;
  (grad: Tensor): Tensor | null | undefined | void;
}

let sequence = 0;
/** Of a node that has no output yet. An array that begins empty takes room for many at its first `push`; most nodes have one. */
const NONE: OutputInfo[] = [];

/**
 * One recorded operation, seen from backward: takes the gradients of its outputs and gives those of its inputs. Its edges point to nodes, never to
 * the tensors between them, so an intermediate whose values no gradient mentions dies with its handle.
 */
export abstract class Node extends Container {
  /** PyTorch's name for it: `AddBackward0`. */
  readonly name: string;
  /** Later operations have larger numbers; backward takes the largest first. */
  readonly sequence: number;
  /** One per input of the operation; null where no gradient is wanted. */
  edges: (Edge | null)[];
  outputs: OutputInfo[] = NONE;
  /** Hooks on the gradient of each output, in order of registration. */
  hooks: (Hook[] | undefined)[] | null = null;
  /** Where a run of backward has its place: see Note [Slots]. */
  slot = -1;
  /** Called with the finished gradient of an output after its hooks: retained gradients. */
  retain: ((grad: Tensor) => void)[] | null = null;

  constructor(name: string, edges: (Edge | null)[], order: number = sequence++) {
    super(inUserScope());
    this.name = name;
    this.edges = edges;
    this.sequence = order;
    if (!this.counted) for (const edge of edges) if (edge !== null) edge.node.uncount();
  }

  /** Adds an output, and gives its index. */
  addOutput(shape: readonly number[], dtype: DType, device: Device): number {
    const info: OutputInfo = { shape, dtype, device };
    if (this.outputs === NONE) this.outputs = [info];
    else this.outputs.push(info);
    return this.outputs.length - 1;
  }

  override traverse(visit: (child: Container) => void): void {
    for (const edge of this.edges) if (edge !== null) visit(edge.node);
  }
  protected override free(): void {
    this.release();
  }

  /**
   * The gradients of the inputs, null where there is none. A gradient of an output that nothing contributed to is null. The tensors given belong to
   * the caller; those returned are new handles, the caller's to dispose of.
   */
  abstract backward(grads: readonly (Tensor | null)[]): (Tensor | null)[];

  /** The devices between which the gradient has to be copied by awaiting, which `backwardAsync` does; null where `backward` serves. */
  crossing(): Crossing | null {
    return null;
  }
  /** `backward` for a node with a crossing. */
  backwardAsync(grads: readonly (Tensor | null)[]): Promise<(Tensor | null)[]> {
    return Promise.resolve(this.backward(grads));
  }

  /** Lets go of what the gradient needed. Backward calls it when the node has been used, unless the graph is kept. */
  release(): void {}

  get nextFunctions(): readonly (readonly [Node, number])[] {
    return this.edges.map((e) => (e === null ? null : ([e.node, e.index] as const))).filter((e) => e !== null);
  }

  override toString(): string {
    return `<${this.name}>`;
  }
}

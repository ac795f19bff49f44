import type { Edge, Node } from "../autograd/node.ts";
import { backwardTwice, inferenceSaved, modifiedInplace } from "../core/errors.ts";
import type { Operand } from "../dispatch/operand.ts";
import { Owner } from "../memory/ownership.ts";
import type { History } from "./autograd-meta.ts";
import { Tensor } from "./tensor.ts";

/**
 * A tensor that a gradient needs: its operand, the version it had, and where its own gradient goes. It does not refer to the tensor it was
 * made from, so that handle can die.
 */
export class SavedTensor extends Owner {
  /** Null once given up. */
  private operand: Operand | null;
  private readonly version: number;
  private readonly edge: Edge | null;
  /** For the output of the very node that saves it, the node is known only at unpacking. */
  private readonly output: number | null;
  /** The tensor's history as it will stand: an in-place operation on it shows in the message. */
  private history: History | null;

  constructor(x: Tensor, output: number | null) {
    if (x.isInference()) throw inferenceSaved();
    // Not owned by a scope: the node may outlive it.
    super(x.operand.storage, false, "saved");
    if (x.operand.storage.category === "temporary") x.operand.storage.category = "activation";
    this.operand = x.operand;
    this.version = x.operand.storage.version;
    this.output = output;
    this.history = output === null ? x.history : null;
    this.edge = output === null ? x.gradientEdge() : null;
  }

  override disown(): void {
    super.disown();
    this.operand = null;
    // A view's leads to its base, whose memory a graph that has been used must not keep.
    this.history = null;
  }

  /** The node that its own gradient goes to. */
  get gradientNode(): Node | null {
    return this.edge?.node ?? null;
  }

  /** The values as they were saved, or an error if they have been written to since. */
  checkedOperand(node: Node): Operand {
    const { operand } = this;
    if (operand === null) throw backwardTwice();
    const now = operand.storage.version;
    if (now !== this.version && !operand.untracked) {
      const origin = this.origin(node, now);
      throw modifiedInplace(`torch.${operand.dtype.scalarName}Tensor`, operand.layout.shape, origin, now, this.version);
    }
    return operand;
  }

  /** The tensor as it was saved, likewise. */
  unpack(node: Node): Tensor {
    const x = new Tensor(this.checkedOperand(node));
    const edge = this.output === null ? this.edge : { node, index: this.output };
    if (edge !== null) x.setEdge(edge);
    return x;
  }

  /** Of which node the tensor is an output by now; a view of a base that was written to is one of the base, seen as strided. */
  private origin(node: Node, version: number): string {
    const of = (output: number, name: string): string => `, which is output ${output} of ${name},`;
    if (this.output !== null) return of(this.output, node.name);
    const { history } = this;
    if (history === null) return "";
    const { view } = history;
    if (view !== null && view.version !== version && view.base.requiresGrad) return of(0, "AsStridedBackward0");
    return history.node === null ? "" : of(history.output, history.node.name);
  }
}

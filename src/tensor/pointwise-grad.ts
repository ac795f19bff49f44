import { isGradEnabled } from "../autograd/modes.ts";
import type { Edge } from "../autograd/node.ts";
import { Node } from "../autograd/node.ts";
import { backwardTwice } from "../core/errors.ts";
import type { Operand } from "../dispatch/operand.ts";
import { derive } from "../kernel/derive.ts";
import { arg, constant, type Expr, isConst, mentions, mul, type Num, select, substitute } from "../kernel/expr.ts";
import { ownedBy } from "../memory/ownership.ts";
import type { OperandGradient, Pointwise, PointwiseGradients } from "../ops/define.ts";
import { callPlain } from "./plain-pointwise.ts";
import { SavedTensor } from "./saved.ts";
import { Tensor } from "./tensor.ts";

/** How an op is made of a derivative. */
export type MakeOp = (formula: Pick<Pointwise, "f" | "arity" | "node">) => Pointwise;

const nodeName = (op: Pointwise): string => op.node ?? `${op.opName[0]!.toUpperCase()}${op.opName.slice(1)}Backward0`;

/** The gradients of an op by each operand. Worked out once per op. */
export function gradientsOf(op: Pointwise, make: MakeOp): PointwiseGradients {
  const { derived } = op;
  derived.gradients ??= { name: nodeName(op), operands: Array.from({ length: op.arity }, (_, i) => analyse(op, i, make)) };
  return derived.gradients;
}

/** Which of [result, ...operands, ...params] a node with these edges has to keep, bit by bit. */
export function needed({ operands }: PointwiseGradients, edges: readonly (Edge | null)[]): number {
  let mask = 0;
  for (let i = 0; i < edges.length; i++) if (edges[i] !== null) mask |= operands[i]!.mask;
  return mask;
}

/** The partial derivative as an expression over given leaves; null where there is none. */
function partial(op: Pointwise, i: number, y: Expr, xs: readonly Expr[]): Expr | null {
  if (op.df !== undefined) {
    const d: Num | null = op.df(y, ...xs)[i] ?? null;
    return typeof d === "number" ? constant(d, y.type) : d;
  }
  const value = op.f(...xs);
  if (typeof value === "number") return null;
  const d = derive(value, xs[i]!);
  // What the derivative has in common with the value itself need not be computed again: it is the result.
  return d === null || xs.includes(value) ? d : substitute(d, new Map([[value, y]]));
}

/** The product, taken inside of choices: where a partial derivative is 0 by choice, the gradient is 0 also where g is not finite. */
function times(g: Expr, p: Expr): Expr {
  if (isConst(p, 0)) return p;
  if (p.prim === "select") return select(p.src[0]!, times(g, p.src[1]!), times(g, p.src[2]!));
  return mul(g, p);
}

function analyse(op: Pointwise, i: number, make: MakeOp): OperandGradient {
  const n = op.arity + (op.params?.length ?? 0);
  const y = arg(n, "f32");
  const xs = Array.from({ length: n }, (_, k) => arg(k, "f32"));
  const d = partial(op, i, y, xs);
  if (d === null) return { as: "none", uses: [], mask: 0 };
  if (isConst(d, 1)) return { as: "same", uses: [], mask: 0 };
  const uses = [y, ...xs].flatMap((leaf, k) => (mentions(d, leaf) ? [k] : []));
  const f = (g: Expr, ...used: Expr[]): Expr => {
    const leaves = Array.from({ length: n + 1 }, (_, k) => arg(100 + k, g.type)); // slots that no operand has
    const given = new Map(uses.map((k, at) => [leaves[k]!, used[at]!]));
    // A formula may depend on which operands are numbers.
    const values = leaves.map((leaf) => (given.get(leaf)?.prim === "scalar" ? given.get(leaf)! : leaf));
    return times(g, substitute(partial(op, i, values[0]!, values.slice(1))!, given));
  };
  const as = make({ f, arity: 1 + uses.length, node: `${op.node ?? op.opName}Backward` });
  return { as, uses, mask: uses.reduce((mask, k) => mask | (1 << k), 0) };
}

/** [result, ...operands, ...params] of a call, where some wanted gradient mentions them. */
export type PointwiseValues = (SavedTensor | number | bigint | null)[];
/** Of a call whose gradients mention none. */
export const NO_VALUES: PointwiseValues = [];

/** What a pointwise call leaves for its gradient. */
export class PointwiseNode extends Node {
  private readonly gradients: PointwiseGradients;
  /** Null once given up. */
  private values: PointwiseValues | null;

  constructor(gradients: PointwiseGradients, edges: (Edge | null)[], values: PointwiseValues) {
    super(gradients.name, edges);
    this.gradients = gradients;
    this.values = values;
  }

  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    const { edges, values } = this;
    if (values === null) throw backwardTwice();
    if (edges.length === 1) return [edges[0] === null ? null : this.gradient(0, g!, values)];
    const grads: (Tensor | null)[] = new Array<Tensor | null>(edges.length).fill(null);
    try {
      for (let i = 0; i < edges.length; i++) if (edges[i] !== null) grads[i] = this.gradient(i, g!, values);
    } catch (error) {
      for (const made of grads) made?.dispose();
      throw error;
    }
    return grads;
  }

  /** The gradient of an operand. Without recording it mostly is a kernel over what was saved, and no handle is needed. */
  private gradient(i: number, g: Tensor, values: PointwiseValues): Tensor | null {
    const gradient = this.gradients.operands[i];
    if (gradient === undefined || gradient.as === "none") return null;
    if (gradient.as === "same") return g.alias();
    const y = isGradEnabled() ? null : plainGradient(gradient.as, g, gradient.uses, values, this);
    return y !== null ? new Tensor(y) : this.called(gradient.as, gradient.uses, g, values);
  }

  /** One gradient by a call of its op, whatever its operands are. */
  private called(op: Pointwise, uses: readonly number[], g: Tensor, values: PointwiseValues): Tensor {
    return ownedBy(
      () => {
        const used = uses.map((k) => {
          const v = values[k]!;
          return v instanceof SavedTensor ? v.unpack(this) : v;
        });
        return op.call(...([g, ...used] as never[])) as Tensor;
      },
      (y) => [y],
    );
  }

  override release(): void {
    const { values } = this;
    if (values === null) return;
    for (let k = 0; k < values.length; k++) {
      const v = values[k];
      if (!(v instanceof SavedTensor)) continue;
      v.disown();
      // Whoever keeps a loss keeps its nodes: they must be small.
      this.values = null;
    }
  }
}

/** The operand of a gradient's op by a plain call; null where there is none. */
function plainGradient(op: Pointwise, g: Tensor, uses: readonly number[], values: PointwiseValues, node: PointwiseNode): Operand | null {
  const inputs: Operand[] = [g.operand];
  let scalars: (number | bigint)[] | null = null;
  let numbers = 0;
  for (let k = 0; k < uses.length; k++) {
    const v = values[uses[k]!]!;
    if (v instanceof SavedTensor) inputs.push(v.checkedOperand(node));
    else {
      scalars ??= [];
      scalars.push(v);
      numbers |= 2 << k;
    }
  }
  return callPlain(op, inputs, numbers, scalars);
}

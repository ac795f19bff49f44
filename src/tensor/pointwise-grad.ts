import type { Edge } from "../autograd/node.ts";
import { Node } from "../autograd/node.ts";
import type { Formula } from "../dispatch/pointwise-kernel.ts";
import { derive } from "../kernel/derive.ts";
import { arg, constant, type Expr, isConst, mentions, mul, type Num, select, substitute } from "../kernel/expr.ts";
import { ownedBy } from "../memory/ownership.ts";
import type { Pointwise } from "../ops/define.ts";
import { SavedTensor } from "./saved.ts";
import type { Tensor } from "./tensor.ts";

/** The gradient of one operand: as a formula over the incoming gradient and those of (result, operands, params) that it mentions. */
export interface OperandGradient {
  /** The incoming gradient itself, its negative, or a formula. */
  readonly as: "same" | "none" | Derived;
  /** Which of [result, ...operands, ...params] the formula mentions. */
  readonly uses: readonly number[];
}
/** A pointwise entry made from another's derivative. Being an entry, it has a derivative itself. */
export type Derived = Pointwise;

const analysed = new WeakMap<Formula, readonly OperandGradient[]>();

/** The gradients of an entry by each operand. Worked out once per entry. */
export function gradientsOf(
  op: Pointwise,
  make: (formula: Pick<Pointwise, "f" | "arity" | "node">) => Derived,
): readonly OperandGradient[] {
  let list = analysed.get(op);
  if (list === undefined) {
    list = Array.from({ length: op.arity }, (_, i) => analyse(op, i, make));
    analysed.set(op, list);
  }
  return list;
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

function analyse(op: Pointwise, i: number, make: (formula: Pick<Pointwise, "f" | "arity" | "node">) => Derived): OperandGradient {
  const n = op.arity + (op.params?.length ?? 0);
  const y = arg(n, "f32");
  const xs = Array.from({ length: n }, (_, k) => arg(k, "f32"));
  const d = partial(op, i, y, xs);
  if (d === null) return { as: "none", uses: [] };
  if (isConst(d, 1)) return { as: "same", uses: [] };
  const uses = [y, ...xs].flatMap((leaf, k) => (mentions(d, leaf) ? [k] : []));
  const f = (g: Expr, ...used: Expr[]): Expr => {
    const leaves = Array.from({ length: n + 1 }, (_, k) => arg(100 + k, g.type)); // slots that no operand has
    const e = partial(op, i, leaves[0]!, leaves.slice(1))!;
    return times(g, substitute(e, new Map(uses.map((k, at) => [leaves[k]!, used[at]!]))));
  };
  return { as: make({ f, arity: 1 + uses.length, node: `${op.node ?? op.opName}Backward` }), uses };
}

/** What a pointwise call leaves for its gradient. */
export class PointwiseNode extends Node {
  private readonly op: Pointwise;
  private readonly gradients: readonly OperandGradient[];
  /** [result, ...operands, ...params], where some wanted gradient mentions them. */
  private values: (SavedTensor | number | bigint | null)[];

  constructor(
    op: Pointwise,
    name: string,
    gradients: readonly OperandGradient[],
    edges: (Edge | null)[],
    values: (SavedTensor | number | bigint | null)[],
  ) {
    super(name, edges);
    this.op = op;
    this.gradients = gradients;
    this.values = values;
  }

  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return ownedBy(
      () =>
        this.edges.map((edge, i) => {
          const gradient = this.gradients[i];
          if (edge === null || gradient === undefined || gradient.as === "none") return null;
          if (gradient.as === "same") return g!.alias();
          const used = gradient.uses.map((k) => {
            const v = this.values[k]!;
            return v instanceof SavedTensor ? v.unpack(this) : v;
          });
          return gradient.as.call(...([g, ...used] as never[])) as Tensor;
        }),
      (grads) => grads.filter((t) => t !== null),
    );
  }

  override release(): void {
    for (const v of this.values) if (v instanceof SavedTensor) v.disown();
  }

  /** Which results and operands a call with these edges has to keep. */
  static uses(gradients: readonly OperandGradient[], edges: readonly (Edge | null)[], k: number): boolean {
    for (let i = 0; i < edges.length; i++) if (edges[i] && gradients[i]!.uses.includes(k)) return true;
    return false;
  }

  get entry(): Pointwise {
    return this.op;
  }
}

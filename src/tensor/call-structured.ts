import { isGradEnabled, withGrad } from "../autograd/modes.ts";
import type { Edge } from "../autograd/node.ts";
import { Node } from "../autograd/node.ts";
import { argumentType, backwardTwice, invalidCombination, outputShape, resultCast } from "../core/errors.ts";
import { type Layout, sameShape } from "../core/layout.ts";
import { canCast } from "../core/promotion.ts";
import { checkWritable } from "../dispatch/overlap.ts";
import { ownedBy } from "../memory/ownership.ts";
import type { Composite, Rule, RuleDefinition, View, ViewDefinition } from "../ops/define.ts";
import type { Op, Signature } from "../ops/entry.ts";
import type { Signatures } from "../ops/signatures.ts";
import { anyRequiresGrad, byPosition } from "./arguments.ts";
import { pythonTypeName } from "./call-pointwise.ts";
import { convertInto } from "./fill.ts";
import { kernels } from "./kernels.ts";
import { SavedTensor } from "./saved.ts";
import { Tensor } from "./tensor.ts";

const pascal = (name: string): string => `${name[0]!.toUpperCase()}${name.slice(1)}Backward0`;

/** The free function of an op takes a tensor first. */
function checkSelf(op: { readonly opName: string; readonly signatures?: Signatures }, given: readonly unknown[]): void {
  if (given[0] instanceof Tensor) return;
  if (op.signatures !== undefined) throw invalidCombination(op.opName, given.map(pythonTypeName), op.signatures);
  throw argumentType(op.opName, "input", 1, "Tensor", pythonTypeName(given[0]));
}

// ---- views

class ViewNode extends Node {
  private readonly definition: ViewDefinition;
  private readonly from: Layout;
  private readonly to: Layout;
  private readonly args: readonly unknown[];
  constructor(name: string, definition: ViewDefinition, x: Tensor, y: Tensor, args: readonly unknown[]) {
    super(name, [x.gradientEdge()]);
    this.definition = definition;
    this.from = x.layout;
    this.to = y.layout;
    this.args = args;
  }
  private gradient(g: Tensor): Tensor {
    const { grad, gradOfLayout } = this.definition;
    return gradOfLayout !== undefined ? gradOfLayout(g, this.from, this.to) : grad!(g, this.from.shape, ...this.args);
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return ownedBy(
      () => [ownHandle(this.gradient(g!), g!)],
      (grads) => grads,
    );
  }
}

/** A gradient formula may give back what it was given; the engine wants a handle of its own. */
const ownHandle = (x: Tensor, ...given: readonly (Tensor | null)[]): Tensor => (given.includes(x) ? x.alias() : x);

/** Calls a view: another layout on the same storage. */
export function callView(op: View<Signature>, x: Tensor, ...given: unknown[]): Tensor {
  if (!(x instanceof Tensor)) checkSelf(op, [x]);
  const args = given.length === 0 ? given : byPosition(op.opName, op.params, given, op.variadic);
  const { operand } = x;
  const y = new Tensor(operand.view(op.layout(operand.layout, ...args)));
  const recorded = isGradEnabled() && x.requiresGrad;
  if (recorded) y.setHistory(new ViewNode(op.node ?? pascal(op.opName), op, x, y, args));
  y.setView(x, op.multiple ? "multiple" : "default", op.multiple?.(...args));
  return y;
}

// ---- rules

/** Everything in a call's arguments that is a tensor, lists of tensors included. */
function tensorsIn(args: readonly unknown[]): Tensor[] {
  const found: Tensor[] = [];
  for (const a of args) {
    if (a instanceof Tensor) found.push(a);
    else if (Array.isArray(a)) for (const e of a) if (e instanceof Tensor) found.push(e);
  }
  return found;
}

type Saved = Readonly<Record<string, unknown>>;

/** Every field of what a rule saves, changed by `f`. The fields are the same ones call after call, so that the object keeps its shape. */
function mapFields(saved: Saved, f: (value: unknown) => unknown): Saved {
  const changed: Record<string, unknown> = {};
  for (const key in saved) {
    const value = saved[key];
    changed[key] = typeof value === "object" ? f(value) : value;
  }
  return changed;
}

class RuleNode extends Node {
  private readonly grad: NonNullable<RuleDefinition["grad"]>;
  /** Null once given up. */
  private saved: Saved | null = {};
  constructor(name: string, grad: NonNullable<RuleDefinition["grad"]>, edges: (Edge | null)[]) {
    super(name, edges);
    this.grad = grad;
  }

  keep(saved: Saved, results: readonly Tensor[]): void {
    const wrap = (v: unknown): unknown => {
      if (v instanceof Tensor) {
        const own = results.includes(v) && v.gradFn === this;
        return new SavedTensor(v, own ? v.outputNr : null);
      }
      return Array.isArray(v) && v.some((e) => e instanceof Tensor) ? v.map(wrap) : v;
    };
    this.saved = mapFields(saved, wrap);
  }

  override backward(grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    return ownedBy(() => this.gradients(grads), keepAll);
  }

  private gradients(grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    if (this.saved === null) throw backwardTwice();
    const given: (Tensor | null)[] = [];
    for (let i = 0; i < this.outputs.length; i++) given.push(grads[i] ?? null);
    const padded = [...given];
    const unwrap = (v: unknown): unknown => {
      if (!(v instanceof SavedTensor)) return Array.isArray(v) ? v.map(unwrap) : v;
      const x = v.unpack(this);
      given.push(x);
      return x;
    };
    const saved = mapFields(this.saved, unwrap);
    const { edges } = this;
    const result = this.grad(
      saved,
      padded,
      edges.map((e) => e !== null),
    );
    return edges.map((edge, i) => {
      const g = result[i] ?? null;
      if (g === null || edge === null) return null;
      const mine = given.includes(g) ? g.alias() : g;
      given.push(mine);
      return mine;
    });
  }

  override release(): void {
    const { saved } = this;
    let hasTensors = false;
    for (const key in saved) hasTensors = drop(saved[key]) || hasTensors;
    // Whoever keeps a loss keeps its nodes: they must be small.
    if (hasTensors) this.saved = null;
  }
}

/** Gives up the tensors in what a node keeps. @returns whether there were any. */
function drop(v: unknown): boolean {
  if (v instanceof SavedTensor) {
    v.disown();
    return true;
  }
  return Array.isArray(v) && v.map(drop).includes(true);
}
const keepAll = (list: readonly (Tensor | null)[]): Tensor[] => list.filter((t) => t !== null);
const keepResults = (r: Tensor | readonly Tensor[]): readonly Tensor[] => (r instanceof Tensor ? [r] : r);

/** Several results, by position and by name. */
export function namedResults(name: string, fields: readonly string[], parts: readonly Tensor[]): readonly Tensor[] {
  const tuple = [...parts];
  fields.forEach((field, i) => Object.defineProperty(tuple, field, { value: parts[i], enumerable: false }));
  Object.defineProperty(tuple, "fields", { value: fields, enumerable: false });
  Object.defineProperty(tuple, "toString", {
    value: () => `torch.return_types.${name}(\n${fields.map((f, i) => `${f}=${String(parts[i])}`).join(",\n")})`,
    enumerable: false,
  });
  return tuple;
}

/** Building blocks are called by position alone, so that plain objects can be arguments. */
function argumentsOf(op: Rule<Signature>, given: readonly unknown[]): readonly unknown[] {
  if (given.length === 1 || op.params.length === 0 || op.internal) return given;
  return [given[0], ...byPosition(op.opName, op.params, given.slice(1), op.variadic)];
}

/** Calls a rule: runs it without recording, then records it as one node. */
export function callRule(op: Rule<Signature>, ...given: unknown[]): unknown {
  if (op.method !== false) checkSelf(op, given);
  const args = argumentsOf(op, given);
  const run = (): Tensor | readonly Tensor[] => op.run(kernels, ...args);
  const result = ownedBy(() => withGrad(false, run), keepResults);
  const results = keepResults(result);
  if (isGradEnabled() && op.grad !== undefined) recordRule(op, args, results);
  if (result instanceof Tensor) return result;
  return op.fields === undefined ? results : namedResults(op.returns ?? op.opName, op.fields, results);
}

/**
 * Calls a rule in place: its result is written over the tensor. What the gradient keeps of the tensor is taken before the write, so that backward
 * sees that it was written to.
 */
export function callRuleInplace(op: Rule<Signature>, ...given: unknown[]): Tensor {
  const self = given[0] as Tensor;
  op.checkInplace?.(self);
  self.checkInplace(anyRequiresGrad(given));
  checkWritable(self.operand);
  const args = argumentsOf(op, given);
  const result = ownedBy(
    () => withGrad(false, () => op.run(kernels, ...args) as Tensor),
    (r) => [r],
  );
  if (!sameShape(result.shape, self.shape)) throw outputShape(self.shape, result.shape);
  if (!canCast(result.dtype, self.dtype)) throw resultCast(result.dtype.scalarName, self.dtype.scalarName);
  const node = isGradEnabled() ? ruleNode(op, args) : null;
  if (node !== null) keepBefore(node, op, self, args);
  convertInto(self.operand, result.operand);
  result.dispose();
  if (node !== null) self.rebaseHistory(node);
  return self;
}

/** Keeps what the gradient of a rule in place needs; of the value that is about to be overwritten, a copy. */
function keepBefore(node: RuleNode, op: Rule<Signature>, self: Tensor, args: readonly unknown[]): void {
  const keep = (): void => {
    const saved = op.save?.([self], ...args) ?? {};
    node.keep(Object.values(saved).includes(self) ? op.save!([self], self.clone(), ...args.slice(1)) : saved, [self]);
  };
  ownedBy(keep, () => []);
}

/** The node of a call, before its results are known; null where no input requires a gradient. */
function ruleNode(op: Rule<Signature>, args: readonly unknown[]): RuleNode | null {
  if (op.grad === undefined || !anyRequiresGrad(args)) return null;
  const edges = tensorsIn(args).map((t) => (t.dtype.isFloatingPoint ? t.gradientEdge() : null));
  const name = typeof op.node === "function" ? op.node(...args) : (op.node ?? pascal(op.opName));
  return new RuleNode(name, op.grad, edges);
}

function recordRule(op: Rule<Signature>, args: readonly unknown[], results: readonly Tensor[]): void {
  const node = ruleNode(op, args);
  if (node === null) return;
  results.forEach((y, i) => {
    if (y.dtype.isFloatingPoint && !op.nonDifferentiable?.includes(i)) y.setHistory(node);
    else node.addOutput(y.shape, y.dtype, y.device);
  });
  node.keep(op.save?.(results, ...args) ?? {}, results);
}

// ---- composites

/** Calls a composite: a formula in tensor methods. What it creates on the way is released; its results are the caller's. */
export function callComposite(op: Composite<Signature>, ...given: unknown[]): unknown {
  if (op.method !== false) checkSelf(op, given);
  const args = [given[0], ...byPosition(op.opName, op.params, given.slice(1), op.variadic)];
  return ownedBy(() => op.formula(...args), handlesIn);
}

/** The handles in a result: tensors, and tensors in lists. */
export function* handlesIn(result: unknown): Iterable<Tensor> {
  if (result instanceof Tensor) yield result;
  else if (Array.isArray(result)) for (const r of result) yield* handlesIn(r);
  else if (typeof result === "object" && result !== null && Object.getPrototypeOf(result) === Object.prototype) {
    for (const r of Object.values(result)) yield* handlesIn(r);
  }
}

export type { Op };

import { beginGrad, endGrad, isGradEnabled } from "../autograd/modes.ts";
import type { Edge } from "../autograd/node.ts";
import { Node } from "../autograd/node.ts";
import { argumentType, backwardTwice, invalidCombination, outputShape, resultCast } from "../core/errors.ts";
import { type Layout, sameShape } from "../core/layout.ts";
import { canCast } from "../core/promotion.ts";
import { checkWritable } from "../dispatch/overlap.ts";
import { OwnerScope } from "../memory/ownership.ts";
import type { Storage } from "../memory/storage.ts";
import type { Composite, Rule, RuleDefinition, View, ViewDefinition } from "../ops/define.ts";
import type { Op, Signature } from "../ops/entry.ts";
import type { Signatures } from "../ops/signatures.ts";
import { anyRequiresGrad, areByPosition, byPosition } from "./arguments.ts";
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
    const scope = OwnerScope.open();
    try {
      const grad = ownHandle(this.gradient(g!), g!);
      scope.pass(grad);
      return [grad];
    } finally {
      scope.close();
    }
  }
}

/** A gradient formula may give back what it was given; the engine wants a handle of its own. */
const ownHandle = (x: Tensor, given: Tensor): Tensor => (x === given ? x.alias() : x);

/** Calls a view: another layout on the same storage. */
export function callView(op: View<Signature>, x: Tensor, ...given: unknown[]): Tensor {
  if (!(x instanceof Tensor)) checkSelf(op, [x]);
  const args = given.length === 0 || op.internal ? given : byPosition(op.opName, op.params, given, op.variadic);
  const { operand } = x;
  const y = new Tensor(operand.view(op.layout(operand.layout, ...args)));
  const recorded = isGradEnabled() && x.requiresGrad;
  if (recorded) y.setHistory(new ViewNode(op.node ?? pascal(op.opName), op, x, y, args));
  y.setView(x, op.multiple ? "multiple" : "default", op.multiple?.(...args));
  return y;
}

// ---- rules

/** Where the gradients of all tensors in a call's arguments go, lists of tensors included. */
function edgesOf(args: readonly unknown[]): (Edge | null)[] {
  // Of their final length from the start: an array that grows takes room for many.
  let count = 0;
  for (let i = 0; i < args.length; i++) {
    const a = args[i];
    if (a instanceof Tensor) count++;
    else if (Array.isArray(a)) for (const e of a) if (e instanceof Tensor) count++;
  }
  const edges = new Array<Edge | null>(count);
  let k = 0;
  for (let i = 0; i < args.length; i++) {
    const a = args[i];
    if (a instanceof Tensor) edges[k++] = edgeOf(a);
    else if (Array.isArray(a)) for (const e of a) if (e instanceof Tensor) edges[k++] = edgeOf(e);
  }
  return edges;
}
const edgeOf = (x: Tensor): Edge | null => (x.dtype.isFloatingPoint ? x.gradientEdge() : null);

type Saved = Readonly<Record<string, unknown>>;
/** Of a rule whose gradient mentions nothing. */
const NOTHING: Saved = {};

class RuleNode extends Node {
  private readonly grad: NonNullable<RuleDefinition["grad"]>;
  /** Null once given up. */
  private saved: Saved | null = NOTHING;
  constructor(name: string, grad: NonNullable<RuleDefinition["grad"]>, edges: (Edge | null)[]) {
    super(name, edges);
    this.grad = grad;
  }

  /** Keeps what a rule saves, an object made for this call: tensors in its fields become saved ones. */
  keep(saved: Record<string, unknown>, results: readonly Tensor[]): void {
    for (const key in saved) {
      const value = saved[key];
      if (typeof value === "object" && value !== null) saved[key] = this.wrapped(value, results);
    }
    this.saved = saved;
  }

  private wrapped(v: unknown, results: readonly Tensor[]): unknown {
    if (v instanceof Tensor) {
      const own = results.includes(v) && v.gradFn === this;
      return new SavedTensor(v, own ? v.outputNr : null);
    }
    return Array.isArray(v) && v.some((e) => e instanceof Tensor) ? v.map((e) => this.wrapped(e, results)) : v;
  }

  override backward(grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    const scope = OwnerScope.open();
    try {
      const made = this.gradients(grads);
      for (let i = 0; i < made.length; i++) if (made[i] !== null) scope.pass(made[i]!);
      return made;
    } finally {
      scope.close();
    }
  }

  private gradients(grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    if (this.saved === null) throw backwardTwice();
    const count = this.outputs.length;
    const given = new Array<Tensor | null>(count);
    for (let i = 0; i < count; i++) given[i] = grads[i] ?? null;
    const known = given.slice();
    // The fields are the same ones call after call, so that the object keeps its shape.
    const saved: Record<string, unknown> = { ...this.saved };
    for (const key in saved) {
      const value = saved[key];
      if (typeof value === "object" && value !== null) saved[key] = this.unwrapped(value, known);
    }
    const { edges } = this;
    const result = this.grad(saved, given, edges.map(isWanted));
    const made = new Array<Tensor | null>(edges.length).fill(null);
    for (let i = 0; i < edges.length; i++) {
      const g = result[i] ?? null;
      if (g === null || edges[i] === null) continue;
      // A formula may give back what it was given, or one thing twice; the engine wants handles of its own.
      made[i] = known.includes(g) || made.includes(g) ? g.alias() : g;
    }
    return made;
  }

  /** What stands for something saved; tensors are put among those `known`. */
  private unwrapped(v: unknown, known: (Tensor | null)[]): unknown {
    if (!(v instanceof SavedTensor)) return Array.isArray(v) ? v.map((e) => this.unwrapped(e, known)) : v;
    const x = v.unpack(this);
    known.push(x);
    return x;
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
const isWanted = (edge: Edge | null): boolean => edge !== null;

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
function argumentsOf(op: Rule<Signature> | Composite<Signature>, given: readonly unknown[]): readonly unknown[] {
  if (given.length === 1 || (op.kind === "rule" && (op.params.length === 0 || op.internal))) return given;
  if (!op.variadic && areByPosition(op.params, given, 1)) return given;
  return [given[0], ...byPosition(op.opName, op.params, given.slice(1), op.variadic)];
}

function runSilently(op: Rule<Signature>, args: readonly unknown[]): Tensor | readonly Tensor[] {
  const depth = beginGrad(false);
  try {
    return op.run(kernels, ...args);
  } finally {
    endGrad(depth);
  }
}

/** Whether a tensor among arguments, or in a list among them, lies in some memory. */
function sharesMemory(storage: Storage, args: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) {
    const a = args[i];
    if (a instanceof Tensor ? a.operand.storage === storage : Array.isArray(a) && sharesMemory(storage, a)) return true;
  }
  return false;
}

/**
 * Gives a result to its caller. Where it is a view of something made on the way nobody else knows that, and it becomes a tensor of its own: a view
 * from a rule, which records nothing, could not be written to, and one from a composite only by way of its base.
 */
function handOver(y: Tensor, args: readonly unknown[], scope: OwnerScope): void {
  if (y.base !== null && !sharesMemory(y.operand.storage, args)) y.forgetView();
  scope.pass(y);
}

/** Runs a rule without recording. What it makes on the way is released. */
function runRule(op: Rule<Signature>, args: readonly unknown[]): Tensor | readonly Tensor[] {
  // No call stands between `open` and `try`: where the stack ends there, the scope would stay open.
  const scope = OwnerScope.open();
  try {
    const result = runSilently(op, args);
    if (result instanceof Tensor) handOver(result, args, scope);
    else for (const y of result) handOver(y, args, scope);
    return result;
  } finally {
    scope.close();
  }
}

/** Calls a rule: runs it without recording, then records it as one node. */
export function callRule(op: Rule<Signature>, ...given: unknown[]): unknown {
  if (op.method !== false) checkSelf(op, given);
  const args = argumentsOf(op, given);
  const result = runRule(op, args);
  if (op.grad !== undefined && isGradEnabled() && anyRequiresGrad(args)) {
    recordRule(op, args, result instanceof Tensor ? [result] : result);
  }
  if (result instanceof Tensor) return result;
  return op.fields === undefined ? result : namedResults(op.returns ?? op.opName, op.fields, result);
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
  const result = runRule(op, args) as Tensor;
  if (!sameShape(result.shape, self.shape)) throw outputShape(self.shape, result.shape);
  if (!canCast(result.dtype, self.dtype)) throw resultCast(result.dtype.scalarName, self.dtype.scalarName);
  const node = op.grad !== undefined && isGradEnabled() && anyRequiresGrad(args) ? ruleNode(op, op.grad, args) : null;
  if (node !== null) keepBefore(node, op, self, args);
  convertInto(self.operand, result.operand);
  result.dispose();
  if (node !== null) self.rebaseHistory(node);
  return self;
}

/** Keeps what the gradient of a rule in place needs; of the value that is about to be overwritten, a copy. */
function keepBefore(node: RuleNode, op: Rule<Signature>, self: Tensor, args: readonly unknown[]): void {
  if (op.save === undefined) return;
  const scope = OwnerScope.open();
  try {
    const saved = op.save([self], ...args);
    node.keep(Object.values(saved).includes(self) ? op.save([self], self.clone(), ...args.slice(1)) : saved, [self]);
  } finally {
    scope.close();
  }
}

/** The node of a call, before its results are known. */
function ruleNode(op: Rule<Signature>, grad: NonNullable<RuleDefinition["grad"]>, args: readonly unknown[]): RuleNode {
  const name = typeof op.node === "function" ? op.node(...args) : (op.node ?? pascal(op.opName));
  return new RuleNode(name, grad, edgesOf(args));
}

function recordRule(op: Rule<Signature>, args: readonly unknown[], results: readonly Tensor[]): void {
  const node = ruleNode(op, op.grad!, args);
  for (let i = 0; i < results.length; i++) {
    const y = results[i]!;
    if (y.dtype.isFloatingPoint && !op.nonDifferentiable?.includes(i)) y.setHistory(node);
    else node.addOutput(y.shape, y.dtype, y.device);
  }
  if (op.save !== undefined) node.keep(op.save(results, ...args), results);
}

// ---- composites

/** Calls a composite: a formula in tensor methods. What it creates on the way is released; its results are the caller's. */
export function callComposite(op: Composite<Signature>, ...given: unknown[]): unknown {
  if (op.method !== false) checkSelf(op, given);
  const args = argumentsOf(op, given);
  const scope = OwnerScope.open();
  try {
    const result = op.formula(...args);
    if (result instanceof Tensor) handOver(result, args, scope);
    else for (const y of handlesIn(result)) scope.pass(y);
    return result;
  } finally {
    scope.close();
  }
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

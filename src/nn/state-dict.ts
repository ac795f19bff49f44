import { withGrad } from "../autograd/modes.ts";
import { stateMismatch, stateMissing, stateNotDict, stateNotTensor, stateShape, stateUncopied, stateUnexpected } from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import { uploaded } from "../tensor/functional-ops.ts";
import { ownedBy } from "../tensor/scratch.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Parts } from "./members.ts";
import type { Module } from "./module.ts";
import { typeName } from "./repr.ts";

/** The tensors of a module by dotted name, in PyTorch's order. */
export type StateDict = Record<string, Tensor>;

/** Names that did not match when a state dict was loaded. */
export interface IncompatibleKeys {
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
}

/** The tensors of a module that belong to its state: parameters, then persistent buffers. */
const ownState = (parts: Parts, module: Module): [string, Tensor][] => [...parts.parameters(module), ...parts.buffers(module, true)];

/** All tensors of a state dict, in order. */
export function stateEntries(parts: Parts, module: Module, prefix: string): [string, Tensor][] {
  const own = ownState(parts, module).map(([name, x]): [string, Tensor] => [prefix + name, x]);
  return [...own, ...parts.children(module).flatMap(([name, child]) => stateEntries(parts, child, `${prefix}${name}.`))];
}

/** What is to be written where, and what is wrong. */
interface Plan {
  readonly writes: { target: Tensor; source: Tensor }[];
  readonly missing: string[];
  readonly unexpected: string[];
  readonly problems: string[];
}

/** The tensor for one place, or null with a problem noted. */
function fitting(plan: Plan, key: string, target: Tensor, source: unknown): Tensor | null {
  if (!(source instanceof Tensor)) {
    plan.problems.push(stateNotTensor(key, typeName(source)));
    return null;
  }
  if (source.isDisposed) {
    plan.problems.push(stateUncopied(key, target.shape, source.shape, "the tensor was disposed of"));
    return null;
  }
  // Files of the oldest versions hold numbers as vectors of one element.
  const values = target.ndim === 0 && source.ndim === 1 && source.numel() > 0 ? source.select(0, 0) : source;
  if (sameShape(values.shape, target.shape)) return values;
  plan.problems.push(stateShape(key, values.shape, target.shape));
  return null;
}

function planModule(parts: Parts, module: Module, state: Map<string, unknown>, prefix: string, plan: Plan): void {
  parts.complete(module, state, prefix);
  const own = ownState(parts, module);
  for (const [name, target] of own) {
    const key = prefix + name;
    if (!state.has(key)) {
      plan.missing.push(key);
      continue;
    }
    const source = fitting(plan, key, target, state.get(key));
    if (source !== null) plan.writes.push({ target, source });
  }
  const children = parts.children(module);
  const known = new Set([...own, ...children].map(([name]) => name));
  for (const key of state.keys())
    if (key.startsWith(prefix) && !known.has(key.slice(prefix.length).split(".")[0]!)) plan.unexpected.push(key);
  for (const [name, child] of children) {
    const below = `${prefix}${name}.`;
    planModule(parts, child, new Map([...state].filter(([key]) => key.startsWith(below))), below, plan);
  }
}

function entriesOf(stateDict: unknown): Map<string, unknown> {
  if (stateDict instanceof Map) return new Map(stateDict as ReadonlyMap<string, unknown>);
  const plain = typeof stateDict === "object" && stateDict !== null && !Array.isArray(stateDict) && !(stateDict instanceof Tensor);
  if (!plain) throw stateNotDict(stateDict instanceof Tensor ? "torch.Tensor" : typeName(stateDict));
  return new Map(Object.entries(stateDict));
}

/** Copies a state dict into a module: everything is checked before anything is written. */
export function loadState(parts: Parts, module: Module, stateDict: unknown, strict: boolean): IncompatibleKeys {
  const plan: Plan = { writes: [], missing: [], unexpected: [], problems: [] };
  planModule(parts, module, entriesOf(stateDict), "", plan);
  if (strict) {
    if (plan.unexpected.length > 0) plan.problems.unshift(stateUnexpected(plan.unexpected));
    if (plan.missing.length > 0) plan.problems.unshift(stateMissing(plan.missing));
  }
  if (plan.problems.length > 0) throw stateMismatch(typeName(module), plan.problems);
  ownedBy(
    () =>
      withGrad(false, () => {
        // From other devices first: if a source cannot be read, nothing has been written yet.
        const writes = plan.writes.map(({ target, source }) => ({
          target,
          source: source.device === target.device ? source : uploaded(source, target.device, target.dtype),
        }));
        for (const { target, source } of writes) target.copy_(source);
      }),
    () => [],
  );
  return { missingKeys: plan.missing, unexpectedKeys: plan.unexpected };
}

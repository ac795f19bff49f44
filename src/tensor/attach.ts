import type { Composite, Pointwise, Rule, View } from "../ops/define.ts";
import type { Op, Signature } from "../ops/entry.ts";
import * as ops from "../ops/index.ts";
import { callComposite, callRule, callRuleInplace, callView } from "./call-structured.ts";
import { comparing } from "./comparing.ts";
import { conversions } from "./conversion.ts";
import { differentiation, tensorAutograd } from "./differentiation.ts";
import { indexing } from "./indexing.ts";
import { callBinary, callInplace, callMany, callUnary } from "./pointwise-methods.ts";
import { randomness } from "./random.ts";
import { reading } from "./reading.ts";
import { attachAutograd, Tensor } from "./tensor.ts";
import { writing } from "./writing.ts";

/**
 * Puts the table of ops and the method groups on Tensor. Here, at the top, because entries and the class must not import what calls them:
 * that would be a cycle.
 */
type Call = (...args: unknown[]) => unknown;

/** How an entry of each kind is called, in place and not. */
const calls: Record<string, (op: never) => { call: Call; inplace?: Call }> = {
  pointwise: (op: Pointwise) => ({
    call: op.arity === 1 ? callUnary(op) : op.arity === 2 ? callBinary(op) : callMany(op),
    inplace: callInplace(op),
  }),
  view: (op: View<Signature>) => ({ call: (x, ...args) => callView(op, x as Tensor, ...args) }),
  rule: (op: Rule<Signature>) => ({ call: (...args) => callRule(op, ...args), inplace: (...args) => callRuleInplace(op, ...args) }),
  composite: (op: Composite<Signature>) => ({ call: (...args) => callComposite(op, ...args) }),
};

function method(name: string, call: Call): void {
  const f = {
    [name](this: Tensor, a?: unknown, b?: unknown, c?: unknown, ...rest: unknown[]): unknown {
      if (rest.length > 0) return call(this, a, b, c, ...rest);
      return c !== undefined ? call(this, a, b, c) : b !== undefined ? call(this, a, b) : a !== undefined ? call(this, a) : call(this);
    },
  }[name];
  Object.defineProperty(Tensor.prototype, name, { value: f, writable: true, configurable: true });
}

for (const [name, exported] of Object.entries(ops)) {
  const op = exported as unknown as Op & { inplace?: true; method?: false };
  if (typeof op !== "function" || op.kind === undefined) continue;
  const { call, inplace } = calls[op.kind]!(op as never);
  op.opName = name.replace(/^_/, "");
  op.internal = name.startsWith("_");
  op.call = call as Op["call"];
  if (op.method !== false) method(name, call);
  if (op.inplace && inplace !== undefined) method(`${name}_`, inplace);
}
// Variants are entries of their own that no name leads to.
for (const variant of Object.values(ops.div.variant!.choices)) variant.opName = "div";

for (const group of [reading, indexing, comparing, conversions, differentiation, writing, randomness]) {
  Object.defineProperties(Tensor.prototype, Object.getOwnPropertyDescriptors(group));
}
attachAutograd(tensorAutograd);

/** How PyTorch's names are spelled in TypeScript. */
import type { BinaryOperator, CompareOperator } from "./ast.ts";

/** `log_softmax` becomes `logSoftmax`; leading and trailing underscores stay, and so do names without one inside (`T`, `Linear`). */
export function camelCase(name: string): string {
  const [, lead = "", body = "", trail = ""] = /^(_*)(.*?)(_*)$/.exec(name) ?? [];
  return lead + body.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()) + trail;
}

/** The methods behind Python's operators on tensors. */
export const OPERATOR_METHODS: Readonly<Record<BinaryOperator, string>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "//": "floor_divide",
  "%": "remainder",
  "**": "pow",
  "@": "matmul",
  "<<": "bitwise_left_shift",
  ">>": "bitwise_right_shift",
  "&": "bitwise_and",
  "|": "bitwise_or",
  "^": "bitwise_xor",
};

export const COMPARE_METHODS: Readonly<Partial<Record<CompareOperator, string>>> = {
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

/** The comparison that holds for (b, a) where the named one holds for (a, b). */
export const SWAPPED: Readonly<Partial<Record<CompareOperator, CompareOperator>>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** `__radd__` and its like, by the operator they stand for. */
export const REFLECTED: Readonly<Record<string, BinaryOperator>> = {
  __radd__: "+",
  __rsub__: "-",
  __rmul__: "*",
  __rdiv__: "/",
  __rtruediv__: "/",
  __rfloordiv__: "//",
  __rmod__: "%",
  __rpow__: "**",
  __rmatmul__: "@",
  __rlshift__: "<<",
  __rrshift__: ">>",
  __rand__: "&",
  __ror__: "|",
  __rxor__: "^",
};

/** `__add__` and its like. */
export const DIRECT: Readonly<Record<string, BinaryOperator>> = Object.fromEntries(
  Object.entries(REFLECTED).map(([name, operator]) => [name.replace("__r", "__"), operator]),
);

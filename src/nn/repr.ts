import { pythonTypeName } from "../tensor/call-pointwise.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Module } from "./module.ts";

/** Python's name for the type of a value, that of a class for an instance of one. */
export function typeName(x: unknown): string {
  if (x instanceof Tensor) return x.type();
  const { constructor } = Object(x) as { constructor?: unknown };
  const own = x !== null && (typeof x === "object" || typeof x === "function") && typeof constructor === "function" ? constructor : null;
  return own === null || own === Object || own === Array || own === Function ? pythonTypeName(x) : own.name;
}

/** Lines after the first, indented by two. */
const indented = (text: string): string => text.split("\n").join("\n  ");

/** PyTorch's text of a module: its class, what it says of itself, and its children, one a line. */
export function reprModule(module: Module, children: readonly (readonly [string, Module])[]): string {
  const extra = module.extraRepr();
  const own = extra === "" ? [] : extra.split("\n");
  const lines = [...own, ...children.map(([name, child]) => `(${name}): ${indented(String(child))}`)];
  if (lines.length === 0) return `${typeName(module)}()`;
  if (own.length === 1 && children.length === 0) return `${typeName(module)}(${extra})`;
  return `${typeName(module)}(\n  ${lines.join("\n  ")}\n)`;
}

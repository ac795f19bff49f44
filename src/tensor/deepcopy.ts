import { Node } from "../autograd/node.ts";
import { Scalar } from "../core/dtype.ts";
import { deepcopyNonLeaf, notCopyable } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import { Generator } from "../core/random/generator.ts";
import { PhiloxGenerator } from "../core/random/philox-generator.ts";
import { Device } from "../dispatch/device.ts";
import { Operand } from "../dispatch/operand.ts";
import { copy } from "../dispatch/run.ts";
import { keep } from "../memory/ownership.ts";
import { Storage } from "../memory/storage.ts";
import { Tensor } from "./tensor.ts";

/** Copies by what they are copies of: what appears twice is copied once, and what contains itself ends. */
export type Memo = Map<object, unknown>;

/**
 * What copies itself, by a method with Python's name for it. For classes whose state lies in private members (`#x`), which nobody else can copy.
 *
 * @example
 * class Counter {
 *   #n = 0;
 *   __deepcopy__(): Counter { const c = new Counter(); c.#n = this.#n; return c; }
 * }
 */
export interface DeepCopyable {
  /** `memo` is to be handed on: `deepcopy(part, memo)`. */
  __deepcopy__(memo: Memo): unknown;
}

/**
 * A copy that shares nothing with `x` but what cannot change: tensors with storages of their own, modules, optimizers, arrays, Maps, Sets, and objects
 * of any class with copies of their fields. What `x` contains twice is one thing in the copy, too: a parameter that two layers share, a module that
 * an optimizer trains, views that share a storage. `requiresGrad` is kept, and the gradients of tensors are copied with them; parameters start without.
 * Functions, and with them a module's hooks, are the same in the copy; hooks of tensors stay behind.
 *
 * @example
 * const target = torch.deepcopy(model);
 * const [model2, optimizer2] = torch.deepcopy([model, optimizer]); // the second optimizer trains the second model
 * @throws GradError for a tensor that is not a leaf. ArgumentError for what nobody can copy: promises, weak collections, generators, graph nodes.
 */
export function deepcopy<T>(x: T, memo?: Memo): T {
  // A tensor belongs to the scope that is open, as any result does. What contains tensors is held by nobody knows whom: these live as long as it.
  if (memo === undefined && x instanceof Tensor && !("__deepcopy__" in x)) return copyTensor(x, new Map()) as T & Tensor;
  return copyOf(x, memo ?? new Map());
}

function copyOf<T>(x: T, memo: Memo): T {
  if ((typeof x !== "object" || x === null) && typeof x !== "function") return x;
  const known = memo.get(x);
  if (known !== undefined) return known as T;
  const own = (x as Partial<DeepCopyable>).__deepcopy__;
  const made = typeof own === "function" ? own.call(x, memo) : copyObject(x, memo);
  memo.set(x, made);
  if (made instanceof Tensor) keep(made);
  return made as T;
}

/** What holds no state that could change, and is the same everywhere. */
const isShared = (x: object): boolean => typeof x === "function" || x instanceof Scalar || x instanceof Device || x instanceof RegExp;

function isUncopyable(x: object): boolean {
  const types = [Promise, WeakMap, WeakSet, WeakRef, Node, Storage, Generator, PhiloxGenerator];
  if (types.some((type) => x instanceof type)) return true;
  return Object.prototype.toString.call(x).endsWith("Generator]"); // what `function*` gives
}

function copyObject(x: object, memo: Memo): object {
  if (isShared(x)) return x;
  if (x instanceof Tensor) return copyTensor(x, memo);
  if (isUncopyable(x)) throw notCopyable(x.constructor?.name || "generator");
  if (ArrayBuffer.isView(x)) return x instanceof DataView ? new DataView(bytesOf(x)) : (x as Uint8Array).slice();
  if (x instanceof ArrayBuffer) return x.slice(0);
  if (x instanceof Date) return new Date(x);
  return copyFields(x, emptyLike(x, memo), memo);
}

const bytesOf = (x: DataView): ArrayBuffer => new Uint8Array(x.buffer, x.byteOffset, x.byteLength).slice().buffer;

/** A new object of the same class, with copies of the entries of a collection. */
function emptyLike(x: object, memo: Memo): object {
  const prototype: object | null = Object.getPrototypeOf(x);
  if (Array.isArray(x)) return Object.setPrototypeOf([], prototype);
  if (x instanceof Map) {
    const made: Map<unknown, unknown> = Object.setPrototypeOf(new Map(), prototype);
    memo.set(x, made);
    for (const [key, value] of x) Map.prototype.set.call(made, copyOf(key, memo), copyOf(value, memo));
    return made;
  }
  if (x instanceof Set) {
    const made: Set<unknown> = Object.setPrototypeOf(new Set(), prototype);
    memo.set(x, made);
    for (const value of x) Set.prototype.add.call(made, copyOf(value, memo));
    return made;
  }
  return Object.create(prototype);
}

/** Gives `made` copies of the fields of `x`. Accessors are taken over as they are. */
export function copyFields<T extends object>(x: T, made: T, memo: Memo): T {
  memo.set(x, made);
  for (const key of Reflect.ownKeys(x)) {
    const field = Reflect.getOwnPropertyDescriptor(x, key)!;
    if ("value" in field) field.value = copyOf(field.value, memo);
    Reflect.defineProperty(made, key, field);
  }
  return made;
}

/** All of a storage, copied once for all tensors that share it. */
function copyStorage({ storage, dtype, device }: Operand, memo: Memo): Storage {
  const known = memo.get(storage);
  if (known !== undefined) return known as Storage;
  const n = Math.floor(storage.nbytes / device.backend.itemsize(dtype));
  const made = copy(new Operand(storage, Layout.contiguous([n]), dtype, device)).storage;
  memo.set(storage, made);
  return made;
}

function copyTensor(x: Tensor, memo: Memo): Tensor {
  if (!x.isLeaf) throw deepcopyNonLeaf();
  const { operand, grad } = x;
  const made = new Tensor(new Operand(copyStorage(operand, memo), operand.layout, operand.dtype, operand.device));
  if (x.requiresGrad) made.requiresGrad = true;
  memo.set(x, made);
  if (grad !== null) made.grad = copyOf(grad, memo);
  return made;
}

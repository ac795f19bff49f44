import { containerIndex, notModule } from "../core/errors.ts";
import { isOptions } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";
import { typeName } from "./repr.ts";

/** A position counted from the front. */
function position(index: number, length: number): number {
  if (!(index >= -length && index < length)) throw containerIndex(index);
  return index < 0 ? index + length : index;
}

/** The positions that a Python slice such as `"1:3"` or `"::2"` takes from a list. */
function slicePositions(slice: string, length: number): number[] {
  const [start, stop, step] = slice.split(":").map((part) => (part.trim() === "" ? null : Number(part)));
  const by = step ?? 1;
  const bound = (x: number | null | undefined, otherwise: number): number =>
    x == null ? otherwise : Math.min(Math.max(x < 0 ? x + length : x, by < 0 ? -1 : 0), by < 0 ? length - 1 : length);
  const positions: number[] = [];
  const to = bound(stop, by < 0 ? -1 : length);
  for (let i = bound(start, by < 0 ? length - 1 : 0); by < 0 ? i > to : i < to; i += by) positions.push(i);
  return positions;
}

/** Names and modules: an object, a Map, or pairs. */
export type NamedModules = Readonly<Record<string, Module>> | ReadonlyMap<string, Module> | Iterable<readonly [string, Module]>;

function isIterable(x: object): x is Iterable<readonly [string, Module]> {
  return Symbol.iterator in x;
}
const entriesOf = (modules: NamedModules): (readonly [string, Module])[] => (isIterable(modules) ? [...modules] : Object.entries(modules));

/** What a list of modules can do. The modules are fields named by their positions (or, in a `Sequential`, by names of their own). */
abstract class ModuleSequence extends Module implements Iterable<Module> {
  /** A module by position: `layers[0]`. */
  [index: number]: Module;

  /** Names and modules in order. A module held twice counts twice. */
  protected entries(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }
  override get length(): number {
    return this.entries().length;
  }
  [Symbol.iterator](): IterableIterator<Module> {
    return this.entries()
      .map(([, module]) => module)
      [Symbol.iterator]();
  }

  protected moduleAt(index: number): Module {
    const entries = this.entries();
    return entries[position(index, entries.length)]![1];
  }
  protected slice(slice: string): [string, Module][] {
    const entries = this.entries();
    return slicePositions(slice, entries.length).map((i) => entries[i]!);
  }
  /** Puts another module at a position. */
  setAt(index: number, module: Module): void {
    const entries = this.entries();
    if (!(module instanceof Module)) throw notModule(typeName(module));
    Reflect.set(this, entries[position(index, entries.length)]![0], module);
  }
  /** Adds a module at the end. */
  append(module: Module): this {
    this.addModule(String(this.length), module);
    return this;
  }
  /** Adds several modules at the end. */
  extend(modules: Iterable<Module>): this {
    for (const module of [...modules]) this.append(module);
    return this;
  }
  /** Adds a module before a position. */
  insert(index: number, module: Module): this {
    if (!(module instanceof Module)) throw notModule(typeName(module));
    const modules = [...this];
    if (!(index >= -modules.length && index <= modules.length)) throw containerIndex(index);
    modules.splice(index, 0, module);
    this.renumber(modules);
    return this;
  }
  /** Takes a module out and gives it back; those behind it move up. */
  pop(index: number = -1): Module {
    const modules = [...this];
    const [removed] = modules.splice(position(index, modules.length), 1);
    this.renumber(modules);
    return removed!;
  }
  private renumber(modules: readonly Module[]): void {
    for (const [name] of this.entries()) Reflect.deleteProperty(this, name);
    modules.forEach((module, i) => this.addModule(String(i), module));
  }
}

/**
 * Modules one after the other: each gets what the one before it gives. Made of modules, or of an object or Map with names.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 * model(x);      // (n, 784) -> (n, 10)
 * model[0];      // the first layer
 * new nn.Sequential({ hidden: new nn.Linear(2, 8), out: new nn.Linear(8, 1) });
 */
export class Sequential extends ModuleSequence {
  constructor(...modules: readonly Module[] | readonly [NamedModules]) {
    super();
    const [first] = modules;
    const named = modules.length === 1 && (first instanceof Map || isOptions(first)) ? entriesOf(first as NamedModules) : null;
    if (named !== null) for (const [name, module] of named) this.addModule(name, module);
    else (modules as readonly Module[]).forEach((module, i) => this.addModule(String(i), module));
  }

  forward(input: Tensor): Tensor {
    let x = input;
    for (const value of Object.values(this)) if (value instanceof Module) x = value(x) as Tensor;
    return x;
  }
  /** A module by position, counted from the end where negative; of a Python slice (`"1:3"`), a `Sequential` of the modules there. */
  at(index: number): Module;
  at(slice: string): Sequential;
  at(index: number | string): Module {
    if (typeof index === "number") return this.moduleAt(index);
    const taken = this.slice(index);
    // Names that are numbers sort themselves: from back to front there are new ones.
    const backward = taken.some(([name], i) => i > 0 && Number(name) < Number(taken[i - 1]![0]));
    return backward ? new Sequential(...taken.map(([, module]) => module)) : new Sequential(new Map(taken));
  }
}

/**
 * A list of modules, so that a model finds them. It has no `forward` of its own.
 *
 * @example
 * class Net extends nn.Module {
 *   readonly layers = new nn.ModuleList([1, 2, 3].map(() => new nn.Linear(8, 8)));
 *   forward(x: torch.Tensor): torch.Tensor { for (const layer of this.layers) x = layer(x).relu(); return x; }
 * }
 */
export class ModuleList extends ModuleSequence {
  declare readonly forward: (...input: never[]) => never;

  constructor(modules: Iterable<Module> = []) {
    super();
    this.extend(modules);
  }
  /** A module by position, counted from the end where negative; of a Python slice (`"1:3"`), a `ModuleList` of the modules there. */
  at(index: number): Module;
  at(slice: string): ModuleList;
  at(index: number | string): Module {
    return typeof index === "number" ? this.moduleAt(index) : new ModuleList(this.slice(index).map(([, module]) => module));
  }
}

/**
 * Modules by name, so that a model finds them. It has no `forward` of its own. Names that are whole numbers come first, in ascending order.
 *
 * @example
 * const heads = new nn.ModuleDict({ age: new nn.Linear(8, 1), kind: new nn.Linear(8, 5) });
 * heads.get("age")(x);
 */
export class ModuleDict extends Module implements Iterable<string> {
  declare readonly forward: (...input: never[]) => never;

  constructor(modules: NamedModules = {}) {
    super();
    this.update(modules);
  }
  /** Names and modules. */
  items(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }
  keys(): string[] {
    return this.items().map(([name]) => name);
  }
  values(): Module[] {
    return this.items().map(([, module]) => module);
  }
  override get length(): number {
    return this.items().length;
  }
  [Symbol.iterator](): IterableIterator<string> {
    return this.keys()[Symbol.iterator]();
  }
  has(name: string): boolean {
    return Object.hasOwn(this, name) && Reflect.get(this, name) instanceof Module;
  }
  get(name: string): Module {
    return this.getSubmodule(name);
  }
  set(name: string, module: Module): void {
    this.addModule(name, module);
  }
  /** Adds modules; those of a name that is there already take its place. */
  update(modules: NamedModules): void {
    for (const [name, module] of entriesOf(modules)) this.addModule(name, module);
  }
  /** Takes a module out and gives it back. */
  pop(name: string): Module {
    const module = this.get(name);
    Reflect.deleteProperty(this, name);
    return module;
  }
  clear(): void {
    for (const name of this.keys()) Reflect.deleteProperty(this, name);
  }
}

const asParameter = (x: Tensor): Parameter => (x instanceof Parameter ? x : new Parameter(x));
const describe = (name: string, x: Tensor): string => `  (${name}): Parameter containing: [${x.dtype} of size ${x.shape.join("x")}]`;

/** A list of parameters, so that a model finds them. Tensors become parameters. */
export class ParameterList extends Module implements Iterable<Parameter> {
  declare readonly forward: (...input: never[]) => never;
  /** A parameter by position: `list[0]`. */
  [index: number]: Parameter;

  constructor(values: Iterable<Tensor> = []) {
    super();
    this.extend(values);
  }
  override get length(): number {
    return [...this].length;
  }
  [Symbol.iterator](): IterableIterator<Parameter> {
    return this.namedParameters({ recurse: false, removeDuplicate: false })
      .map(([, x]) => x)
      [Symbol.iterator]();
  }
  /** A parameter by position, counted from the end where negative. */
  at(index: number): Parameter {
    const all = [...this];
    return all[position(index, all.length)]!;
  }
  /** Adds a parameter at the end. */
  append(value: Tensor): this {
    this.registerParameter(String([...this].length), asParameter(value));
    return this;
  }
  /** Adds several parameters at the end. */
  extend(values: Iterable<Tensor>): this {
    for (const value of [...values]) this.append(value);
    return this;
  }
  override extraRepr(): string {
    return [...this].map((x, i) => describe(String(i), x)).join("\n");
  }
}

/** Parameters by name, so that a model finds them. Tensors become parameters. Names that are whole numbers come first, in ascending order. */
export class ParameterDict extends Module implements Iterable<string> {
  declare readonly forward: (...input: never[]) => never;

  constructor(values: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor> = {}) {
    super();
    for (const [name, value] of values instanceof Map ? values : Object.entries(values)) this.set(name, value as Tensor);
  }
  items(): [string, Parameter][] {
    return this.namedParameters({ recurse: false, removeDuplicate: false });
  }
  keys(): string[] {
    return this.items().map(([name]) => name);
  }
  values(): Parameter[] {
    return this.items().map(([, x]) => x);
  }
  override get length(): number {
    return this.items().length;
  }
  [Symbol.iterator](): IterableIterator<string> {
    return this.keys()[Symbol.iterator]();
  }
  has(name: string): boolean {
    return this.keys().includes(name);
  }
  get(name: string): Parameter {
    return this.getParameter(name);
  }
  set(name: string, value: Tensor): void {
    this.registerParameter(name, asParameter(value));
  }
  override extraRepr(): string {
    return this.items()
      .map(([name, x]) => describe(name, x))
      .join("\n");
  }
}

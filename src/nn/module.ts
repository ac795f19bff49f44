import { withGrad } from "../autograd/modes.ts";
import { type DType, isDType } from "../core/dtype.ts";
import {
  attributeExists, attributeIsNot, bufferAssigned, forwardMissing, moduleDtype, noModuleAttribute, nonLeafParameterAssigned, notModule, parameterAssigned,
  registeredNameDot, registeredNameEmpty, registeredNameType, trainingMode,
} from "../core/errors.ts";
import * as types from "../core/dtype.ts";
import { byPosition } from "../tensor/arguments.ts";
import type { Device } from "../tensor/functional-ops.ts";
import { keep } from "../tensor/scratch.ts";
import { type RemovableHandle, Tensor } from "../tensor/tensor.ts";
import { BackwardHooks, type BackwardHook, HookList } from "./hooks.ts";
import { Parameter } from "./parameter.ts";
import { reprModule, typeName } from "./repr.ts";
import { type IncompatibleKeys, loadState, type StateDict, stateEntries } from "./state-dict.ts";

/** Runs before `forward` with its arguments; what it returns, if anything, takes their place (an array) or that of the only one. */
export type ForwardPreHook<M extends Module> = (module: M, input: Parameters<M["forward"]>) => unknown;
/** Runs after `forward` with its arguments and result; what it returns, if anything, takes the result's place. */
export type ForwardHook<M extends Module> = (module: M, input: Parameters<M["forward"]>, output: ReturnType<M["forward"]>) => unknown;

/** Set by Module below: only inside the class are its private members in reach. */
let invoke: (module: Module, input: readonly unknown[]) => unknown;

/**
 * Note [Modules are functions]. `model(x)` needs an object that can be called. This constructor gives back a function with the prototype of the class
 * that is being constructed; derived constructors, and with them fields and private members, then work on that function. Its own `name` and
 * `length` are deleted so that modules may have fields of these names.
 */
class Callable {
  constructor() {
    const self = (...input: readonly unknown[]): unknown => invoke(module, input);
    Reflect.deleteProperty(self, "name");
    Reflect.deleteProperty(self, "length");
    const module = Object.setPrototypeOf(self, new.target.prototype) as Module;
    // biome-ignore lint/correctness/noConstructorReturn: this is how an instance becomes callable
    return module;
  }
}

export interface Module {
  /** Runs `forward`, with the hooks around it. */
  (...input: Parameters<this["forward"]>): ReturnType<this["forward"]>;
}

/**
 * The base of everything with parameters: layers, losses, models. A subclass has its parts as fields and says in `forward` what it computes;
 * an instance is called like a function.
 *
 * Parameters, child modules and registered buffers are found among the object's own fields, in the order in which these were first assigned.
 *
 * @example
 * class Net extends nn.Module {
 *   readonly hidden = new nn.Linear(784, 128);
 *   readonly out = new nn.Linear(128, 10);
 *   forward(x: torch.Tensor): torch.Tensor { return this.out(this.hidden(x).relu()); } // (n, 784) -> (n, 10)
 * }
 * const net = new Net();
 * const scores = net(torch.randn(32, 784));
 */
export abstract class Module extends Callable {
  /** Whether the module is being trained: some layers (dropout, batch normalisation) then compute something else. */
  training: boolean = true;
  /** Names of buffers, and whether each is part of the state dict. */
  readonly #buffers: Map<string, boolean> = new Map();
  /** Names registered without a value. */
  readonly #absent: Set<string> = new Set();
  readonly #preHooks: HookList<ForwardPreHook<Module>> = new HookList();
  readonly #forwardHooks: HookList<ForwardHook<Module>> = new HookList();
  readonly #backwardHooks: HookList<BackwardHook<Module>> = new HookList();

  static {
    invoke = (module, input) => module.#run(input);
  }

  /** What the module computes. Call the module itself rather than this: the call runs the hooks. */
  // biome-ignore lint/suspicious/noExplicitAny: any signature; a module of unknown kind can be called with anything
  abstract forward(...input: any[]): any;

  #run(input: readonly unknown[]): unknown {
    if (typeof this.forward !== "function") throw forwardMissing(typeName(this));
    if (this.#preHooks.size + this.#forwardHooks.size + this.#backwardHooks.size === 0) return this.forward(...input);
    let args: unknown[] = [...input];
    for (const hook of this.#preHooks) {
      const replaced = hook(this, args);
      if (replaced !== undefined && replaced !== null) args = Array.isArray(replaced) ? replaced : [replaced];
    }
    const backward = this.#backwardHooks.size > 0 ? new BackwardHooks(this, [...this.#backwardHooks]) : null;
    if (backward !== null) args = [...backward.watchInputs(args)];
    let result: unknown = this.forward(...args);
    for (const hook of this.#forwardHooks) {
      const replaced = hook(this, args, result);
      if (replaced !== undefined && replaced !== null) result = replaced;
    }
    return backward === null ? result : backward.watchOutputs(result);
  }

  // ---- what the module holds

  /** The name under which a field appears in names and state dicts: layers of this library have PyTorch's. */
  protected stateName(field: string): string {
    return field;
  }
  /** Completes a state dict that is about to be loaded, where older files lack something. Keys start with `prefix`. */
  protected completeState(_state: Map<string, unknown>, _prefix: string): void {}

  /** The module's own parameters, by name. */
  #ownParameters(): [string, Parameter][] {
    const found: [string, Parameter][] = [];
    for (const [field, value] of Object.entries(this)) if (value instanceof Parameter) found.push([this.stateName(field), value]);
    return found;
  }
  /** The module's own buffers, by name. */
  #ownBuffers(persistent: boolean = false): [string, Tensor][] {
    const found: [string, Tensor][] = [];
    for (const [field, saved] of this.#buffers) {
      const value: unknown = Reflect.get(this, field);
      if (value instanceof Tensor && (saved || !persistent)) found.push([this.stateName(field), value]);
    }
    return found;
  }

  /** The direct children, by name. A module held under two names appears once. */
  namedChildren(): [string, Module][] {
    const found: [string, Module][] = [];
    const seen = new Set<Module>();
    for (const [name, child] of this.#children()) {
      if (seen.has(child)) continue;
      seen.add(child);
      found.push([name, child]);
    }
    return found;
  }
  #children(): [string, Module][] {
    const found: [string, Module][] = [];
    for (const [field, value] of Object.entries(this)) if (value instanceof Module) found.push([this.stateName(field), value]);
    return found;
  }
  /** The direct children. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** The module itself and all below it, by dotted name (its own is `prefix`). */
  namedModules(...args: [prefix?: string | NamedModulesOptions, removeDuplicate?: boolean | NamedModulesOptions]): [string, Module][] {
    const [start = "", unique = true] = byPosition("namedModules", ["prefix", "removeDuplicate"], args) as [string?, boolean?];
    const found: [string, Module][] = [];
    const seen = new Set<Module>();
    const visit = (name: string, module: Module): void => {
      if (unique && seen.has(module)) return;
      seen.add(module);
      found.push([name, module]);
      for (const [key, child] of module.#children()) visit(joined(name, key), child);
    };
    visit(start, this);
    return found;
  }
  /** The module itself and all below it. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  #members<T>(of: (module: Module) => [string, T][], args: readonly unknown[], name: string): [string, T][] {
    const [prefix = "", recurse = true, unique = true] = byPosition(name, ["prefix", "recurse", "removeDuplicate"], args) as [string?, boolean?, boolean?];
    const found: [string, T][] = [];
    const seen = new Set<T>();
    for (const [path, module] of recurse ? this.namedModules(prefix, unique) : [[prefix, this] as const]) {
      for (const [key, value] of of(module)) {
        if (unique && seen.has(value)) continue;
        seen.add(value);
        found.push([joined(path, key), value]);
      }
    }
    return found;
  }

  /**
   * All parameters with their dotted names: the module's own, then those of its children. One that is shared appears once.
   * @example for (const [name, p] of model.namedParameters()) console.log(name, p.shape);
   */
  namedParameters(...args: MemberArguments): [string, Parameter][] {
    return this.#members((module) => module.#ownParameters(), args, "namedParameters");
  }
  /** All parameters, for an optimizer; with `recurse: false` only the module's own. */
  parameters(recurse: boolean | { recurse?: boolean } = true): Parameter[] {
    return this.namedParameters("", memberOptions(recurse)).map(([, parameter]) => parameter);
  }
  /** All buffers with their dotted names. */
  namedBuffers(...args: MemberArguments): [string, Tensor][] {
    return this.#members((module) => module.#ownBuffers(), args, "namedBuffers");
  }
  /** All buffers: state that is not trained, such as running statistics. */
  buffers(recurse: boolean | { recurse?: boolean } = true): Tensor[] {
    return this.namedBuffers("", memberOptions(recurse)).map(([, buffer]) => buffer);
  }

  // ---- registration

  #checkName(kind: string, name: unknown, taken: (name: string) => boolean): asserts name is string {
    if (typeof name !== "string") throw registeredNameType(kind, typeName(name));
    if (kind !== "module") checkText(kind, name);
    if (name in this && !taken(name)) throw attributeExists(name);
    if (kind === "module") checkText(kind, name);
  }
  #assign(name: string, value: unknown): void {
    if (value === null) this.#absent.add(name);
    else this.#absent.delete(name);
    Reflect.set(this, name, value);
  }

  /**
   * Adds a tensor that belongs to the module's state but is not trained. It is there as a field of this name; `persistent: false` leaves it out of
   * the state dict.
   */
  registerBuffer(name: string, tensor: Tensor | null, persistent: boolean | { persistent?: boolean } = true): void {
    this.#checkName("buffer", name, (n) => this.#buffers.has(n));
    if (tensor !== null && !(tensor instanceof Tensor)) throw bufferAssigned(typeName(tensor), name);
    if (tensor !== null) keep(tensor);
    this.#buffers.set(name, typeof persistent === "boolean" ? persistent : (persistent.persistent ?? true));
    this.#assign(name, tensor);
  }
  /** Adds a parameter under a name. Assigning it to a field does the same. */
  registerParameter(name: string, parameter: Parameter | null): void {
    this.#checkName("parameter", name, (n) => this.#absent.has(n) || Reflect.get(this, n) instanceof Parameter);
    if (parameter !== null && !(parameter instanceof Parameter)) throw parameterAssigned(typeName(parameter), name);
    if (parameter?.gradFn != null) throw nonLeafParameterAssigned(name);
    this.#assign(name, parameter);
  }
  /** Adds a child module under a name. Assigning it to a field does the same. */
  registerModule(name: string, module: Module | null): void {
    if (module !== null && !(module instanceof Module)) throw notModule(typeName(module));
    this.#checkName("module", name, (n) => this.#absent.has(n) || Reflect.get(this, n) instanceof Module);
    this.#assign(name, module);
  }
  /** The same as `registerModule`. */
  addModule(name: string, module: Module | null): void {
    this.registerModule(name, module);
  }

  #member(name: string): unknown {
    const field = Object.keys(this).find((key) => this.stateName(key) === name) ?? name;
    return Reflect.get(this, field);
  }
  /** The module at a dotted path: `model.getSubmodule("layers.0.attention")`. */
  getSubmodule(target: string): Module {
    let module: Module = this;
    for (const name of target === "" ? [] : target.split(".")) {
      const next = module.#member(name);
      if (next === undefined) throw noModuleAttribute(typeName(module), name);
      if (!(next instanceof Module)) throw attributeIsNot(name, "an nn.Module");
      module = next;
    }
    return module;
  }
  #at(target: string): { owner: Module; name: string; value: unknown } {
    const dot = target.lastIndexOf(".");
    const owner = this.getSubmodule(target.slice(0, Math.max(dot, 0)));
    const name = target.slice(dot + 1);
    const value = owner.#member(name);
    if (value === undefined) throw noModuleAttribute(typeName(owner), name);
    return { owner, name, value };
  }
  /** The parameter at a dotted path. */
  getParameter(target: string): Parameter {
    const { name, value } = this.#at(target);
    if (!(value instanceof Parameter)) throw attributeIsNot(name, "an nn.Parameter");
    return value;
  }
  /** The buffer at a dotted path. */
  getBuffer(target: string): Tensor {
    const { owner, name, value } = this.#at(target);
    if (!owner.#ownBuffers().some(([, buffer]) => buffer === value)) throw attributeIsNot(name, "a buffer");
    return value as Tensor;
  }

  // ---- hooks

  /** Calls `hook` before every forward. Returns a handle whose `remove()` takes it away. */
  registerForwardPreHook(hook: ForwardPreHook<this>): RemovableHandle {
    return this.#preHooks.add(hook as ForwardPreHook<Module>);
  }
  /** Calls `hook` after every forward. Returns a handle whose `remove()` takes it away. */
  registerForwardHook(hook: ForwardHook<this>): RemovableHandle {
    return this.#forwardHooks.add(hook as ForwardHook<Module>);
  }
  /**
   * Calls `hook` whenever the gradients of the module's inputs have been computed, with these and the gradients of its outputs (null where there is
   * none); what it returns, if anything, takes the place of the former.
   */
  registerFullBackwardHook(hook: BackwardHook<this>): RemovableHandle {
    return this.#backwardHooks.add(hook as BackwardHook<Module>);
  }

  // ---- modes

  /** Puts the module and all below it into training mode (or out of it). */
  train(mode: boolean = true): this {
    if (typeof mode !== "boolean") throw trainingMode();
    this.training = mode;
    for (const child of this.children()) child.train(mode);
    return this;
  }
  /** Puts the module and all below it into evaluation mode: `train(false)`. */
  eval(): this {
    return this.train(false);
  }
  /** Says of all parameters whether they are trained. */
  requiresGrad_(requiresGrad: boolean = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad;
    return this;
  }
  /** Sets the gradients of all parameters to zero, or takes them away. */
  zeroGrad(setToNone: boolean | { setToNone?: boolean } = false): void {
    const remove = typeof setToNone === "boolean" ? setToNone : (setToNone.setToNone ?? false);
    for (const parameter of this.parameters()) {
      const { grad } = parameter;
      if (grad === null) continue;
      if (remove) {
        parameter.grad = null;
        continue;
      }
      if (grad.gradFn !== null) grad.detach_();
      else grad.requiresGrad = false;
      grad.zero_();
    }
  }
  /** Calls `f` with every module below this one, children first, and then with this one. */
  apply(f: (module: Module) => void): this {
    for (const child of this.children()) child.apply(f);
    f(this);
    return this;
  }

  // ---- other dtypes and devices

  /**
   * All parameters and buffers as another dtype (floating-point ones only) or on another device. They stay the same objects, so an optimizer made
   * before goes on working. Moving to a device is awaited, as that of a tensor is; if it fails, nothing has been moved.
   * @example await model.to("webgpu");
   */
  to(dtype: DType): this;
  to(device: string | Device, dtype?: DType): Promise<this>;
  to(other: Tensor): Promise<this>;
  to(target: DType | string | Device | Tensor, dtype?: DType): this | Promise<this> {
    if (isDType(target)) {
      if (!target.isFloatingPoint) throw moduleDtype(String(target));
      return this.#convert((x) => (x.isFloatingPoint() ? x.to(target) : x));
    }
    if (target instanceof Tensor) return this.#move(target.device, target.dtype);
    return this.#move(target, dtype);
  }
  /** All parameters and buffers on the CPU. */
  cpu(): Promise<this> {
    return this.#move("cpu", undefined);
  }
  /** Floating-point parameters and buffers as float32. */
  float(): this {
    return this.to(types.float32);
  }
  /** Floating-point parameters and buffers as float64. */
  double(): this {
    return this.to(types.float64);
  }
  /** Floating-point parameters and buffers as float16. */
  half(): this {
    return this.to(types.float16);
  }
  /** Floating-point parameters and buffers as bfloat16. */
  bfloat16(): this {
    return this.to(types.bfloat16);
  }

  /** Every tensor of the module's state once: parameters, their gradients, buffers. */
  #tensors(): Set<Tensor> {
    const all = new Set<Tensor>(this.parameters());
    for (const parameter of this.parameters()) if (parameter.grad !== null) all.add(parameter.grad);
    for (const buffer of this.buffers()) all.add(buffer);
    return all;
  }
  #convert(f: (x: Tensor) => Tensor): this {
    withGrad(false, () => {
      for (const x of this.#tensors()) replaceData(x, f(x));
    });
    return this;
  }
  async #move(device: string | Device, dtype: DType | undefined): Promise<this> {
    const all = [...this.#tensors()];
    const moved = await Promise.all(
      all.map(async (x) => {
        const y = x.detach();
        const there = await (dtype === undefined || !x.isFloatingPoint() ? y.to(device) : y.to(device, dtype));
        if (there !== y) y.dispose();
        return there;
      }),
    );
    all.forEach((x, i) => replaceData(x, moved[i]!));
    return this;
  }

  // ---- state

  /**
   * The module's whole state by dotted name: of each module its parameters, then its persistent buffers, then its children. The tensors share
   * their memory with the module's own; `keepVars` gives these themselves.
   * @example await torch.save(model.stateDict(), "model.pt");
   */
  stateDict({ prefix = "", keepVars = false }: StateDictOptions = {}): StateDict {
    const found: StateDict = {};
    for (const [name, x] of stateEntries(Module.#stateParts, this, prefix)) found[name] = keepVars ? x : x.detach();
    return found;
  }
  /**
   * Copies the values of a state dict into the module. With `strict`, the names have to be the same; shapes always have to fit. Nothing is
   * written unless everything fits.
   * @example model.loadStateDict(await torch.load("model.pt"));
   */
  loadStateDict(stateDict: StateDict | ReadonlyMap<string, Tensor>, strict: boolean | { strict?: boolean } = true): IncompatibleKeys {
    return loadState(Module.#stateParts, this, stateDict, typeof strict === "boolean" ? strict : (strict.strict ?? true));
  }
  static #stateParts = {
    own: (module: Module): [string, Tensor][] => [...module.#ownParameters(), ...module.#ownBuffers(true)],
    children: (module: Module): [string, Module][] => module.#children(),
    complete: (module: Module, state: Map<string, unknown>, prefix: string): void => module.completeState(state, prefix),
  };

  /** Gives the memory of all parameters and buffers back. */
  dispose(): void {
    for (const x of this.#tensors()) x.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  // ---- text

  /** What stands between the parentheses of the module's text, beside its children. */
  extraRepr(): string {
    return "";
  }
  /** The module with its parts, as PyTorch prints it. */
  override toString(): string {
    return reprModule(this, this.#children());
  }
}

export interface NamedModulesOptions {
  prefix?: string;
  removeDuplicate?: boolean;
}
/** What `namedParameters` and `namedBuffers` list. */
export interface MemberOptions extends NamedModulesOptions {
  /** Whether children count too. */
  recurse?: boolean;
}
export type MemberArguments = [prefix?: string | MemberOptions, recurse?: boolean | MemberOptions, removeDuplicate?: boolean | MemberOptions];
export interface StateDictOptions {
  /** Stands before all names. */
  prefix?: string;
  keepVars?: boolean;
}

const joined = (prefix: string, name: string): string => (prefix === "" ? name : `${prefix}.${name}`);
const memberOptions = (recurse: boolean | { recurse?: boolean }): MemberOptions => (typeof recurse === "boolean" ? { recurse } : recurse);

function checkText(kind: string, name: string): void {
  if (name.includes(".")) throw registeredNameDot(kind, name);
  if (name === "") throw registeredNameEmpty(kind);
}

/** Puts the data of a fresh tensor into `x`, which stays the same object. */
function replaceData(x: Tensor, fresh: Tensor): void {
  if (fresh === x) return;
  x.data = fresh;
  fresh.dispose();
}

// What console.log shows in Node.
Object.defineProperty(Module.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: Module.prototype.toString });

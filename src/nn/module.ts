import * as types from "../core/dtype.ts";
import { type DType, isDType } from "../core/dtype.ts";
import {
  attributeIsNot,
  bufferAssigned,
  forwardMissing,
  moduleDtype,
  noModuleAttribute,
  nonLeafParameterAssigned,
  notModule,
  parameterAssigned,
  trainingMode,
} from "../core/errors.ts";
import { copyFields, type Memo } from "../tensor/deepcopy.ts";
import type { Device } from "../tensor/functional-ops.ts";
import { keep } from "../tensor/scratch.ts";
import { type RemovableHandle, Tensor } from "../tensor/tensor.ts";
import { Callable } from "./callable.ts";
import { convertAll, moveAll } from "./conversion.ts";
import { type BackwardHook, BackwardHooks, HookList } from "./hooks.ts";
import {
  type MemberArguments,
  type MemberOptions,
  type NamedModulesArguments,
  namedMembers,
  namedModules,
  type Parts,
  unique,
} from "./members.ts";
import { Parameter } from "./parameter.ts";
import { checkName } from "./registration.ts";
import { reprModule, typeName } from "./repr.ts";
import { type IncompatibleKeys, loadState, type StateDict, stateEntries } from "./state-dict.ts";

/** Runs before `forward` with its arguments; what it returns, if anything, takes their place (an array) or that of the only one. */
export type ForwardPreHook<M extends Module> = (module: M, input: Parameters<M["forward"]>) => unknown;
/** Runs after `forward` with its arguments and result; what it returns, if anything, takes the result's place. */
export type ForwardHook<M extends Module> = (module: M, input: Parameters<M["forward"]>, output: ReturnType<M["forward"]>) => unknown;

export interface Module {
  /** Runs `forward`, with the hooks around it. */
  // biome-ignore lint/style/useShorthandFunctionType: an interface merges with the class below
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

  static #invoke(module: Module, input: readonly unknown[]): unknown {
    return module.#run(input);
  }
  constructor() {
    super(Module.#invoke);
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

  #children(): [string, Module][] {
    const found: [string, Module][] = [];
    for (const [field, value] of Object.entries(this)) if (value instanceof Module) found.push([this.stateName(field), value]);
    return found;
  }
  static readonly #parts: Parts = {
    parameters: (module) => module.#ownParameters(),
    buffers: (module, persistent) => module.#ownBuffers(persistent),
    children: (module) => module.#children(),
    complete: (module, state, prefix) => module.completeState(state, prefix),
  };

  /** The direct children, by name. A module held under two names appears once. */
  namedChildren(): [string, Module][] {
    return unique(this.#children());
  }
  /** The direct children. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }
  /** The module itself and all below it, by dotted name (its own is `prefix`). */
  namedModules(...args: NamedModulesArguments): [string, Module][] {
    return namedModules(Module.#parts, this, args);
  }
  /** The module itself and all below it. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }
  /**
   * All parameters with their dotted names: the module's own, then those of its children. One that is shared appears once.
   * @example for (const [name, p] of model.namedParameters()) console.log(name, p.shape);
   */
  namedParameters(...args: MemberArguments): [string, Parameter][] {
    return namedMembers(Module.#parts, this, (module) => module.#ownParameters(), "namedParameters", args);
  }
  /** All parameters, for an optimizer; with `recurse: false` only the module's own. */
  parameters(recurse: boolean | { recurse?: boolean } = true): Parameter[] {
    return this.namedParameters(memberOptions(recurse)).map(([, parameter]) => parameter);
  }
  /** All buffers with their dotted names. */
  namedBuffers(...args: MemberArguments): [string, Tensor][] {
    return namedMembers(Module.#parts, this, (module) => module.#ownBuffers(), "namedBuffers", args);
  }
  /** All buffers: state that is not trained, such as running statistics. */
  buffers(recurse: boolean | { recurse?: boolean } = true): Tensor[] {
    return this.namedBuffers(memberOptions(recurse)).map(([, buffer]) => buffer);
  }

  // ---- registration

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
    checkName(this, "buffer", name, (n) => this.#buffers.has(n));
    if (tensor !== null && !(tensor instanceof Tensor)) throw bufferAssigned(typeName(tensor), name);
    if (tensor !== null) keep(tensor);
    this.#buffers.set(name, typeof persistent === "boolean" ? persistent : (persistent.persistent ?? true));
    this.#assign(name, tensor);
  }
  /** Adds a parameter under a name. Assigning it to a field does the same. */
  registerParameter(name: string, parameter: Parameter | null): void {
    checkName(this, "parameter", name, (n) => this.#absent.has(n) || Reflect.get(this, n) instanceof Parameter);
    if (parameter !== null && !(parameter instanceof Parameter)) throw parameterAssigned(typeName(parameter), name);
    if (parameter?.gradFn != null) throw nonLeafParameterAssigned(name);
    this.#assign(name, parameter);
  }
  /** Adds a child module under a name. Assigning it to a field does the same. */
  registerModule(name: string, module: Module | null): void {
    if (module !== null && !(module instanceof Module)) throw notModule(typeName(module));
    checkName(this, "module", name, (n) => this.#absent.has(n) || Reflect.get(this, n) instanceof Module);
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

  /**
   * A module of the same class with copies of all fields and the same hooks: what `torch.deepcopy` calls. A class with private members of its own
   * (`#x`) has to override it, because only it can copy these.
   */
  __deepcopy__(memo: Memo): this {
    // The constructors of subclasses, which want arguments, do not run.
    const made = Reflect.construct(Module, [], this.constructor) as this;
    for (const [name, persistent] of this.#buffers) made.#buffers.set(name, persistent);
    for (const name of this.#absent) made.#absent.add(name);
    for (const hook of this.#preHooks) made.#preHooks.add(hook);
    for (const hook of this.#forwardHooks) made.#forwardHooks.add(hook);
    for (const hook of this.#backwardHooks) made.#backwardHooks.add(hook);
    return copyFields(this, made, memo);
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
      const grad = parameter.borrowedGrad;
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
      convertAll(this.#tensors(), target);
      return this;
    }
    const [device, type] = target instanceof Tensor ? [target.device, target.dtype] : [target, dtype];
    return moveAll(this.#tensors(), device, type).then(() => this);
  }
  /** All parameters and buffers on the CPU. */
  cpu(): Promise<this> {
    return this.to("cpu");
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

  /**
   * Every tensor of the module's state once: parameters, their gradients, buffers. The gradients as user code gets them: others may take their place
   * while they are moved, which takes some time.
   */
  #tensors(): Set<Tensor> {
    const all = new Set<Tensor>(this.parameters());
    for (const parameter of this.parameters()) if (parameter.grad !== null) all.add(parameter.grad);
    for (const buffer of this.buffers()) all.add(buffer);
    return all;
  }
  // ---- state

  /**
   * The module's whole state by dotted name: of each module its parameters, then its persistent buffers, then its children. The tensors share
   * their memory with the module's own; `keepVars` gives these themselves.
   * @example await torch.save(model.stateDict(), "model.pt");
   */
  stateDict({ prefix = "", keepVars = false }: StateDictOptions = {}): StateDict {
    const found: StateDict = {};
    for (const [name, x] of stateEntries(Module.#parts, this, prefix)) found[name] = keepVars ? x : x.detach();
    return found;
  }
  /**
   * Copies the values of a state dict into the module. With `strict`, the names have to be the same; shapes always have to fit. Nothing is
   * written unless everything fits.
   * @example model.loadStateDict(await torch.load("model.pt"));
   */
  loadStateDict(stateDict: StateDict | ReadonlyMap<string, Tensor>, strict: boolean | { strict?: boolean } = true): IncompatibleKeys {
    return loadState(Module.#parts, this, stateDict, typeof strict === "boolean" ? strict : (strict.strict ?? true));
  }

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

export interface StateDictOptions {
  /** Stands before all names. */
  prefix?: string;
  keepVars?: boolean;
}

const memberOptions = (recurse: boolean | { recurse?: boolean }): MemberOptions => (typeof recurse === "boolean" ? { recurse } : recurse);

import { enableGrad, withGrad } from "../autograd/modes.ts";
import {
  groupCount,
  groupNotDict,
  groupSize,
  missingOption,
  nonLeafParameter,
  noParameters,
  notIterable,
  parametersNotIterable,
  parameterType,
  repeatedParameter,
} from "../core/errors.ts";
import { type PythonValue, strValue } from "../core/print/python.ts";
import { isOptions } from "../tensor/arguments.ts";
import { pythonTypeName } from "../tensor/call-pointwise.ts";
import { tensor } from "../tensor/creation.ts";
import { checkReadable, uploaded } from "../tensor/functional-ops.ts";
import { keepState, ownedBy } from "../tensor/scratch.ts";
import { Tensor } from "../tensor/tensor.ts";
import { camelFields, field, fieldsOf, snakeCase } from "./names.ts";

/** Parameters that are updated with the same options. */
export type ParamGroup<Options> = Options & { params: Tensor[] };
/** A group as it is given: options left out are the optimizer's defaults. */
export type ParamGroupInput<Options> = Partial<Options> & { params: Tensor | Iterable<Tensor> };
/** What an optimizer is made for: parameters, or groups of them with options of their own. */
export type Params<Options> = Iterable<Tensor> | Iterable<ParamGroupInput<Options>>;

/** A parameter in a step: with its gradient, and what the optimizer remembers of it. */
export interface Updated<State> {
  readonly p: Tensor;
  readonly g: Tensor;
  readonly state: Partial<State>;
}

/** The state of an optimizer in PyTorch's form, with PyTorch's names: parameters are numbered through all groups. */
export interface OptimizerStateDict {
  state: Record<string, Record<string, unknown>>;
  param_groups: (Record<string, unknown> & { params: number[] })[];
}

/**
 * The base of all optimizers. A subclass states its defaults and how one parameter is updated.
 *
 * @example
 * class SignSGD extends optim.Optimizer<{ lr?: number }> {
 *   constructor(params: optim.Params<{ lr?: number }>, lr: number) { super(params, { lr }); }
 *   protected update(p: Tensor, g: Tensor, { lr }: { lr?: number }): void { p.sub_(g.sign(), { alpha: lr }); }
 * }
 */
export abstract class Optimizer<Options extends object = Record<string, unknown>, State extends object = Record<string, unknown>> {
  /** Options of groups that do not bring their own. */
  readonly defaults: Options;
  /** The parameters and their options. Options may be changed between steps: `optimizer.paramGroups[0].lr = 0.01`. */
  readonly paramGroups: ParamGroup<Options>[] = [];
  /** What the optimizer remembers of each parameter, once it has been updated. */
  readonly state: Map<Tensor, Partial<State>> = new Map();

  /** `defaults`: an option that is undefined must be given with each group. */
  constructor(params: Params<Options>, defaults: Options) {
    this.defaults = defaults;
    if (params instanceof Tensor) throw parametersNotIterable(params.type());
    if (typeof (params as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== "function") throw notIterable(pythonTypeName(params));
    const list: readonly (Tensor | ParamGroupInput<Options>)[] = [...params];
    if (list.length === 0) throw noParameters();
    const groups: readonly unknown[] = isOptions(list[0]) ? list : [{ params: list }];
    for (const group of groups) this.addParamGroup(group as ParamGroupInput<Options>);
  }

  /** Updates one parameter by its gradient. What it creates is released at the end, except tensors put into `state`. */
  protected abstract update(p: Tensor, g: Tensor, group: ParamGroup<Options>, state: Partial<State>): void;

  /**
   * Updates the parameters of a group that have a gradient, each of them once: all, or none. Gives false, with nothing written, where that cannot be;
   * then `update` is called for each. It is not asked where the group's option `foreach` is false, nor where the update is to be recorded.
   */
  protected updateEach(_updates: readonly Updated<State>[], _group: ParamGroup<Options>): boolean {
    return false;
  }

  /** Whether `update` or `updateEach` may keep a gradient that it is given. Where it does not, the memory is free as soon as the next gradient takes its place. */
  protected get keepsGradients(): boolean {
    return true;
  }

  /** Numbers in the state that PyTorch keeps as tensors of one element. */
  protected get tensorState(): readonly string[] {
    return [];
  }

  /**
   * Updates every parameter that has a gradient. With `closure`, which computes the gradients again and gives the loss, that is called first.
   * @returns what the closure gave, or null.
   */
  step(): null;
  step<T>(closure: () => T): T;
  step<T>(closure?: () => T): T | null {
    const loss = closure === undefined ? null : enableGrad(closure);
    if (loss instanceof Promise) {
      return loss.then((value: unknown) => {
        this.updateAll();
        return value;
      }) as T;
    }
    this.updateAll();
    return loss;
  }

  private updateAll(): void {
    const differentiable = (this.defaults as { differentiable?: boolean }).differentiable === true;
    withGrad(differentiable, () => {
      for (const group of this.paramGroups) {
        const updates = this.updatesOf(group);
        const together = !differentiable && (group as { foreach?: boolean | null }).foreach !== false && updates.length > 0;
        if (!together || !this.updateTogether(updates, group)) for (const one of updates) this.updateOne(one, group);
      }
    });
  }

  private updatesOf(group: ParamGroup<Options>): Updated<State>[] {
    const { keepsGradients } = this;
    const updates: Updated<State>[] = [];
    for (const p of group.params) {
      const g = keepsGradients ? p.grad : p.borrowedGrad;
      if (g !== null) updates.push({ p, g, state: this.state.get(p) ?? {} });
    }
    return updates;
  }

  /** Updates parameters by `updateEach`; false, with nothing written, where that does not serve. */
  private updateTogether(updates: readonly Updated<State>[], group: ParamGroup<Options>): boolean {
    // A parameter that is there twice goes on from where it has come to.
    if (new Set(group.params).size < group.params.length) return false;
    return ownedBy(
      () => {
        if (!this.updateEach(updates, group)) return false;
        for (const { p, state } of updates) {
          if (!this.state.has(p)) this.state.set(p, state);
          keepTensors(state);
        }
        return true;
      },
      () => [],
    );
  }

  private updateOne({ p, g }: Updated<State>, group: ParamGroup<Options>): void {
    const known = this.state.get(p);
    const state = known ?? {};
    if (known === undefined) this.state.set(p, state);
    ownedBy(
      () => {
        try {
          this.update(p, g, group, state);
        } catch (error) {
          // A state that is only begun would pass for a whole one in the next step.
          if (known === undefined) this.state.delete(p);
          throw error;
        } finally {
          keepTensors(state);
        }
      },
      () => [],
    );
  }

  /** Sets the gradients of all parameters to zero, or takes them away: then a parameter that gets none is not updated by `step`. */
  zeroGrad(setToNone: boolean | { setToNone?: boolean } = false): void {
    const none = typeof setToNone === "boolean" ? setToNone : (setToNone.setToNone ?? false);
    for (const { params } of this.paramGroups) {
      for (const p of params) {
        const grad = p.borrowedGrad;
        if (grad === null) continue;
        if (none) {
          p.grad = null;
          continue;
        }
        if (grad.gradFn !== null) grad.detach_();
        else grad.requiresGrad_(false);
        grad.zero_();
      }
    }
  }

  /** Adds parameters, with options of their own where `group` has any, as when frozen layers are to be trained after all. */
  addParamGroup(group: ParamGroupInput<Options>): void {
    if (!isOptions(group)) throw groupNotDict();
    const { params } = group;
    const list: unknown[] = params instanceof Tensor ? [params] : [...(params as Iterable<unknown>)];
    for (const p of list) {
      if (!(p instanceof Tensor)) throw parameterType(pythonTypeName(p));
      const differentiable = (this.defaults as { differentiable?: boolean }).differentiable;
      if (!differentiable && !p.isLeaf && !p.retainsGrad) throw nonLeafParameter();
    }
    const options = group as Record<string, unknown>;
    for (const [name, value] of Object.entries(this.defaults)) {
      if (options[name] === undefined && value === undefined) throw missingOption(snakeCase(name));
      if (options[name] === undefined) options[name] = value;
    }
    options.params = list;
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    if (new Set(list).size < list.length) {
      console.warn(
        "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; see github.com/pytorch/pytorch/issues/40967 for more information",
      );
    }
    if (list.some((p) => known.has(p as Tensor))) throw repeatedParameter();
    this.paramGroups.push(group as ParamGroup<Options>);
  }

  /** The state and the groups' options, in PyTorch's form. Its tensors are the optimizer's own, not copies. */
  stateDict(): OptimizerStateDict {
    const numbers = new Map<Tensor, number>();
    const param_groups = this.paramGroups.map(({ params, ...options }) => {
      for (const p of params) if (!numbers.has(p)) numbers.set(p, numbers.size);
      const packed = Object.fromEntries(
        Object.entries(options).map(([name, value]) => [snakeCase(name), Array.isArray(value) ? [...value] : value]),
      );
      return { ...packed, params: params.map((p) => numbers.get(p)!) };
    });
    const state: OptimizerStateDict["state"] = {};
    for (const [p, mine] of this.state) {
      const entries = Object.entries(mine).map(([name, value]) => [
        snakeCase(name),
        this.tensorState.includes(name) ? tensor(value as number, { device: "cpu" }) : value,
      ]);
      state[numbers.get(p)!] = Object.fromEntries(entries);
    }
    return { state, param_groups };
  }

  /** Takes over a state, of this library or of PyTorch, as copies with each parameter's dtype and on its device. */
  loadStateDict(stateDict: OptimizerStateDict | ReadonlyMap<string, unknown>): void {
    const groups = [...(field(stateDict, "param_groups") as Iterable<object>)];
    if (groups.length !== this.paramGroups.length) throw groupCount();
    const saved = groups.map((group) => camelFields(group) as ParamGroup<Options> & { params: (number | bigint)[] });
    if (saved.some((group, i) => group.params.length !== this.paramGroups[i]!.params.length)) throw groupSize();
    const params = new Map(saved.flatMap((group, i) => group.params.map((number, j) => [String(number), this.paramGroups[i]!.params[j]!])));
    const state = fieldsOf(field(stateDict, "state") as object).flatMap(([number, entries]) => {
      const p = params.get(number);
      return p === undefined ? [] : [[p, this.loadedState(p, entries as object)] as const];
    });
    this.state.clear();
    for (const [p, mine] of state) this.state.set(p, mine);
    for (const [i, group] of this.paramGroups.entries()) Object.assign(group, saved[i], { params: group.params });
  }

  private loadedState(p: Tensor, entries: object): Partial<State> {
    const state: Record<string, unknown> = camelFields(entries);
    ownedBy(
      () => {
        for (const [name, value] of Object.entries(state)) {
          if (!(value instanceof Tensor)) continue;
          const isNumber = this.tensorState.includes(name);
          if (isNumber) checkReadable(value, `the number \`${snakeCase(name)}\` of an optimizer's state`);
          state[name] = isNumber ? Number(value.itemSync()) : withGrad(false, () => like(p, value));
        }
        keepTensors(state);
      },
      () => [],
    );
    return state as Partial<State>;
  }

  /** The groups and their options, as PyTorch prints them. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _, ...options }, i) => {
      const lines = Object.entries(options).map(([name, value]) => [snakeCase(name), strValue(value as PythonValue)] as const);
      lines.sort(([a], [b]) => (a < b ? -1 : 1));
      return `\nParameter Group ${i}\n${lines.map(([name, text]) => `    ${name}: ${text}\n`).join("")}`;
    });
    return `${this.constructor.name} (${groups.join("")})`;
  }
}

/** State lives as long as the optimizer, whatever scope is open. */
function keepTensors(state: Readonly<Record<string, unknown>>): void {
  for (const name in state) if (state[name] instanceof Tensor) keepState(state[name]);
}

/** A copy of `x` with the dtype of a parameter and on its device. */
function like(p: Tensor, x: Tensor): Tensor {
  const dtype = p.isFloatingPoint() ? p.dtype : x.dtype;
  if (x.device !== p.device) return uploaded(x, p.device, dtype);
  return x.dtype === dtype ? x.clone() : x.to(dtype);
}

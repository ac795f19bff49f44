import type { Module } from "./module.ts";

/**
 * Note [Modules are functions]. `model(x)` needs an object that can be called. This constructor gives back a function with the prototype of the class
 * that is being constructed; derived constructors, and with them fields and private members, then work on that function. Its own `name` and
 * `length` are deleted so that modules may have fields of these names.
 */
export class Callable {
  /** `invoke`: how a module runs. Module itself says so: only inside the class are its private members in reach. */
  constructor(invoke: (module: Module, input: readonly unknown[]) => unknown) {
    const self = (...input: readonly unknown[]): unknown => invoke(module, input);
    Reflect.deleteProperty(self, "name");
    Reflect.deleteProperty(self, "length");
    const module = Object.setPrototypeOf(self, new.target.prototype) as Module;
    // biome-ignore lint/correctness/noConstructorReturn: this is how an instance becomes callable
    return module;
  }
}

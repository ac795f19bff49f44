/**
 * The border between Python's values and the library: names, arguments and results. Everything the runner does goes through the
 * public names of the library, looked up before they are called, so that a missing one is told apart from one that fails.
 */
import { readsAtOnce } from "./devices.ts";
import { camelCase } from "./python/names.ts";
import {
  BoundMethod,
  driveNow,
  ELLIPSIS,
  floatsFromJs,
  fromJs,
  type Keywords,
  MissingAttribute,
  PyFloat,
  PyFunction,
  PySlice,
  PyTuple,
  type Run,
  settle,
} from "./python/values.ts";

/** What the runner itself needs of a tensor. */
export interface TensorLike {
  readonly shape: readonly number[];
  readonly dtype: DTypeLike;
  requiresGrad: boolean;
  readonly isLeaf: boolean;
  readonly gradFn: unknown;
  grad: TensorLike | null;
  stride(): readonly number[];
  toTypedArray(): Promise<ArrayLike<number | bigint>>;
  asStrided(size: readonly number[], stride: readonly number[], offset: number): TensorLike;
  detach(): TensorLike;
  clone(): TensorLike;
  untypedStorage(): unknown;
}

export interface DTypeLike {
  readonly name: string;
  readonly isFloatingPoint: boolean;
}

/** How a scalar argument is written: as an operand of arithmetic, as a plain setting, or as tensor data. */
type Style = "operand" | "plain" | "data";

/** Functions whose scalars become a tensor's elements, with the positions and names of those arguments. */
const DATA_ARGUMENTS: Readonly<Record<string, readonly (number | string)[]>> = {
  tensor: [0, "data"],
  as_tensor: [0, "data"],
  scalar_tensor: [0, "s"],
  new_tensor: [0, "data"],
  full: [1, "fill_value"],
};

/** Functions whose scalars are settings and never take part in type promotion: a whole float is a plain number there. */
const WITH_SETTINGS: ReadonlySet<string> = new Set([
  "bernoulli",
  "bernoulli_",
  "uniform_",
  "normal",
  "normal_",
  "exponential_",
  "geometric_",
  "cauchy_",
  "log_normal_",
  "random_",
  "dropout",
  "rrelu",
  "allclose",
  "isclose",
  "norm",
  "dist",
  "cdist",
  "renorm",
  "renorm_",
  "histc",
  "logit",
  "logit_",
  "quantile",
  "nanquantile",
  "linspace",
  "logspace",
]);

export class Api {
  readonly torch: object;
  readonly device: string;
  /** Whether every read of a value has to be awaited. */
  readonly waits: boolean;
  readonly #Tensor: unknown;
  readonly #arithmeticNamespaces: ReadonlySet<unknown>;

  constructor(torch: object, device: string) {
    this.torch = torch;
    this.device = device;
    this.waits = !readsAtOnce(torch, device);
    this.#Tensor = Reflect.get(torch, "Tensor");
    const inner = ["special", "linalg", "masked", "fft"].map((name) => Reflect.get(torch, name));
    this.#arithmeticNamespaces = new Set([torch, ...inner.filter((n) => n !== undefined)]);
  }

  isTensor(value: unknown): value is TensorLike {
    return typeof this.#Tensor === "function" && value instanceof this.#Tensor;
  }

  isDType(value: unknown): value is DTypeLike {
    return typeof value === "function" && Reflect.get(value, "isFloatingPoint") !== undefined;
  }

  dtype(name: string): DTypeLike {
    const dtype = this.attribute(this.torch, name);
    return (dtype instanceof BoundMethod ? dtype.method : dtype) as unknown as DTypeLike;
  }

  /** The attribute of a library object by its Python name. */
  attribute(owner: object, name: string): unknown {
    for (const key of [camelCase(name), name]) {
      if (!hasOwnMeaning(owner, key)) continue;
      const value: unknown = Reflect.get(owner, key);
      const plain = typeof value !== "function" || isClass(value) || this.isDType(value) || this.#isModule(value);
      return plain ? fromJs(value) : new BoundMethod(owner, name, value as (...args: never[]) => unknown);
    }
    throw new MissingAttribute(this.typeName(owner), name);
  }

  setAttribute(owner: object, name: string, value: unknown): void {
    const camel = camelCase(name);
    const key = !hasOwnMeaning(owner, name) && hasOwnMeaning(owner, camel) ? camel : name; // a new one keeps the name that the text gives it
    Reflect.set(owner, key, this.toJs(value));
  }

  has(owner: object, name: string): boolean {
    return hasOwnMeaning(owner, camelCase(name)) || hasOwnMeaning(owner, name);
  }

  /** What a dotted Python path names: `torch.nn.functional.relu`. */
  resolve(path: string): unknown {
    let value: unknown = this.torch;
    for (const name of path.replace(/^torch\./, "").split(".")) {
      if ((typeof value !== "object" && typeof value !== "function") || value === null) throw new MissingAttribute("module", path);
      try {
        value = this.attribute(value, name);
      } catch (error) {
        if (error instanceof MissingAttribute) throw new MissingAttribute("module", path.replace(/^torch\./, ""));
        throw error;
      }
    }
    return value;
  }

  /** The name Python's messages give to the type of a value. */
  typeName(value: unknown): string {
    if (value === null) return "NoneType";
    if (typeof value === "bigint") return "int";
    if (typeof value === "boolean") return "bool";
    if (typeof value === "string") return "str";
    if (value instanceof PyFloat) return "float";
    if (value instanceof PyTuple) return "tuple";
    if (Array.isArray(value)) return "list";
    if (value instanceof Map) return "dict";
    if (value instanceof Set) return "set";
    if (value === ELLIPSIS) return "ellipsis";
    if (value instanceof PyFunction) return "function";
    if (value instanceof BoundMethod) return "builtin_function_or_method";
    if (this.isTensor(value)) return value.constructor.name === "Parameter" ? "Parameter" : "Tensor";
    if (this.#arithmeticNamespaces.has(value)) return "module";
    if (typeof value === "function" && isClass(value)) return "type";
    const constructor: unknown = Reflect.get(Object(value), "constructor");
    return typeof constructor === "function" && constructor !== Object ? constructor.name : "module";
  }

  /** Calls a function, method or class of the library with Python's arguments, and gives Python's view of the result. */
  *call(callee: unknown, args: readonly unknown[], keywords: Keywords): Run<unknown> {
    const bound = callee instanceof BoundMethod;
    const method = (bound ? callee.method : callee) as (...args: unknown[]) => unknown;
    const owner = bound ? callee.owner : undefined;
    const name = bound ? callee.name : "";
    const arithmetic = this.isTensor(owner) || this.#arithmeticNamespaces.has(owner);
    const style: Style = arithmetic && !WITH_SETTINGS.has(name) ? "operand" : "plain";
    const data = style === "operand" ? (DATA_ARGUMENTS[name] ?? []) : [];
    const values = args.map((value, i) => this.toJs(value, data.includes(i) ? "data" : style));
    if (keywords.size > 0) {
      const options = [...keywords].map(([key, value]) => [camelCase(key), this.toJs(value, data.includes(key) ? "data" : style)]);
      values.push(Object.fromEntries(options));
    }
    const result: unknown = isClass(method) ? Reflect.construct(method, values) : this.applyOrTwin(method, owner, name, values);
    const settled = yield* settle(result);
    const floats = (name === "item" || name === "tolist") && this.isTensor(owner) && owner.dtype.isFloatingPoint;
    return floats ? floatsFromJs(settled) : fromJs(settled);
  }

  /** Calls a method. One that has to read values and cannot wait for them on this device has a twin that can: `equalAsync`. */
  applyOrTwin(method: (...args: unknown[]) => unknown, owner: unknown, name: string, values: readonly unknown[]): unknown {
    try {
      return Reflect.apply(method, owner, values);
    } catch (error) {
      const twin: unknown =
        this.waits && this.#isDeviceError(error) ? Reflect.get(Object(owner) as object, `${camelCase(name)}Async`) : undefined;
      if (typeof twin !== "function") throw error;
      return Reflect.apply(twin, owner, values);
    }
  }

  /** A Python value as the library takes it. */
  toJs(value: unknown, style: Style = "plain"): unknown {
    if (typeof value === "bigint") return style !== "data" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
    if (value instanceof PyFloat) return style === "operand" && Number.isInteger(value.value) ? this.#float(value.value) : value.value;
    if (value instanceof PyTuple || Array.isArray(value)) {
      const items: readonly unknown[] = value instanceof PyTuple ? value.items : value;
      if (style === "data") return this.#data(items);
      return items.map((item) => this.toJs(item, "plain"));
    }
    if (value === ELLIPSIS) return "...";
    if (value instanceof Map) {
      const spell = value.has("params") ? camelCase : String; // the settings of a parameter group are options
      return Object.fromEntries([...value].map(([key, item]) => [spell(String(key)), this.toJs(item)]));
    }
    if (value instanceof PyFunction) return this.functionToJs(value);
    if (value instanceof BoundMethod) return value.method.bind(value.owner);
    return value;
  }

  /** A Python function as one that the library can call. Its name is kept; a lambda has none, as an arrow function. */
  functionToJs(fn: PyFunction): (...args: unknown[]) => unknown {
    const wrapped = (...args: unknown[]): unknown => this.toJs(driveNow(fn.call(args.map(fromJs), new Map())));
    Object.defineProperty(wrapped, "name", { value: fn.name === "<lambda>" ? "" : fn.name });
    return wrapped;
  }

  /** One entry of an index: `x.at(...)` takes slices as text. */
  indexToJs(index: unknown): unknown {
    if (index instanceof PySlice) return this.#sliceText(index);
    if (index instanceof PyTuple || Array.isArray(index)) {
      const items: readonly unknown[] = index instanceof PyTuple ? index.items : index;
      return items.map((item) => this.indexToJs(item));
    }
    return this.toJs(index);
  }

  #sliceText(slice: PySlice): string {
    const part = (value: unknown): string => (value === null ? "" : String(this.toJs(value)));
    return `${part(slice.start)}:${part(slice.stop)}${slice.step === null ? "" : `:${part(slice.step)}`}`;
  }

  /** Nested data for `torch.tensor`: integers as bigint, and as numbers where a float stands among them. */
  #data(items: readonly unknown[]): unknown[] {
    const float = hasFloat(items);
    const convert = (raw: unknown): unknown => {
      const value = fromJs(raw); // a list of the library holds plain numbers
      if (value instanceof PyTuple) return value.items.map(convert);
      if (Array.isArray(value)) return value.map(convert);
      if (float && (typeof value === "bigint" || typeof value === "boolean")) return Number(value);
      return this.toJs(value, "data");
    };
    return items.map(convert);
  }

  #float(value: number): unknown {
    const float: unknown = Reflect.get(this.torch, "float");
    return typeof float === "function" ? Reflect.apply(float, undefined, [value]) : value;
  }

  #isDeviceError(error: unknown): boolean {
    const DeviceError: unknown = Reflect.get(this.torch, "DeviceError");
    return typeof DeviceError === "function" && error instanceof DeviceError;
  }

  #isModule(value: object): boolean {
    const nn: unknown = Reflect.get(this.torch, "nn");
    const Module: unknown = typeof nn === "object" && nn !== null ? Reflect.get(nn, "Module") : undefined;
    return typeof Module === "function" && value instanceof Module;
  }
}

function hasFloat(items: readonly unknown[]): boolean {
  return items.some((item) => {
    if (item instanceof PyTuple) return hasFloat(item.items);
    return Array.isArray(item) ? hasFloat(item) : fromJs(item) instanceof PyFloat;
  });
}

/** Whether a function has to be called with `new`. */
export function isClass(value: unknown): value is new (...args: unknown[]) => object {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

/** Whether an object has a property of its own making, not one that every JavaScript object or function has. */
function hasOwnMeaning(owner: object, key: string): boolean {
  if (typeof owner === "function" && ["name", "length", "prototype", "arguments", "caller"].includes(key) && Object.hasOwn(owner, key)) {
    return false;
  }
  for (let holder: object | null = owner; holder !== null; holder = Reflect.getPrototypeOf(holder)) {
    if (holder === Object.prototype || holder === Function.prototype || holder === Array.prototype) return false;
    if (Object.hasOwn(holder, key)) return true;
  }
  return false;
}

/** Recorded tensors as tensors of the library, and the other way round. */
import type { Api, TensorLike } from "./api.ts";
import { compareClose, compareExact, type Elements, errorBetween, numbers, sameShape, tolerance } from "./compare.ts";
import type { Case, RecordedValue, Resolver, StoredTensor } from "./corpus.ts";
import { check, expect } from "./outcome.ts";
import { BoundMethod, drive, PyFunction, PyTuple } from "./python/values.ts";

/** The tensors of one case, each made once: an index used twice is the same tensor. */
export class CaseTensors implements Resolver {
  readonly device: string;
  readonly #api: Api;
  readonly #test: Case;
  readonly #made: Map<number, TensorLike> = new Map();

  constructor(api: Api, test: Case) {
    this.device = api.device;
    this.#api = api;
    this.#test = test;
  }

  tensor(index: number): TensorLike {
    const known = this.#made.get(index);
    if (known) return known;
    const tensor = makeTensor(this.#api, this.#test.tensor(index));
    this.#made.set(index, tensor);
    return tensor;
  }

  dtype(name: string): unknown {
    return this.#api.dtype(name);
  }

  /** Which stored tensor each tensor was made from. */
  get made(): ReadonlyMap<number, TensorLike> {
    return this.#made;
  }
}

/** A tensor with the stored layout: the whole storage is uploaded and viewed with the recorded strides. */
export function makeTensor(api: Api, stored: StoredTensor): TensorLike {
  const base = fromElements(api, stored.dtype, numbers(stored.dtype, stored.storage));
  const whole = stored.contiguous && stored.shape.length === 1;
  const tensor = whole ? base : base.asStrided(stored.shape, stored.strides, stored.offset).detach();
  if (stored.requiresGrad) tensor.requiresGrad = true;
  return tensor;
}

/** A tensor of one dimension. */
export function fromElements(api: Api, dtype: string, values: Elements): TensorLike {
  const data = dtype === "bool" ? Array.from(values, Boolean) : ArrayBuffer.isView(values) ? values : Array.from(values);
  const options: Record<string, unknown> = { dtype: api.dtype(dtype) };
  if (api.device !== "cpu") options["device"] = api.device;
  return callNow(api, "torch.tensor", data, options) as TensorLike;
}

/** Calls a function of the library with JavaScript's own values. */
export function callNow(api: Api, path: string, ...args: readonly unknown[]): unknown {
  const fn = api.resolve(path);
  const method = (fn instanceof BoundMethod ? fn.method : fn) as (...a: readonly unknown[]) => unknown;
  return method(...args);
}

/** Calls a function of the library with Python's values and waits for the result. */
export async function call(
  api: Api,
  callee: unknown,
  args: readonly unknown[],
  keywords: ReadonlyMap<string, unknown> = new Map(),
): Promise<unknown> {
  if (callee instanceof PyFunction) return await drive(callee.call(args, keywords));
  return await drive(api.call(callee, args, keywords));
}

/** The values of a tensor as numbers. */
export async function read(tensor: TensorLike): Promise<Elements> {
  return numbers(tensor.dtype.name, (await tensor.toTypedArray()) as Elements);
}

/** How a value is compared; `t` is exact where no truth is recorded. */
export type Mode = "close" | "exact" | "shape" | "dtype";

/** Fails unless `got` is the tensor that is recorded. */
export async function checkTensor(what: string, got: TensorLike, test: Case, recorded: RecordedValue, mode: Mode = "close"): Promise<void> {
  const stored = test.tensor(recorded.t as number);
  expect(got.dtype.name === stored.dtype, () => `${what}: dtype ${got.dtype.name}, expected ${stored.dtype}`);
  expect(sameShape(got.shape, stored.shape), () => `${what}: shape [${got.shape.join(", ")}], expected [${stored.shape.join(", ")}]`);
  const values = await read(got); // always: a device may have kept an error for the next read
  if (mode === "shape" || mode === "dtype") return;
  const value = numbers(stored.dtype, test.elements(stored.index));
  if (mode === "exact" || recorded.truth === undefined || recorded.err === undefined) {
    check(what, compareExact(values, value));
  } else {
    const truth = numbers(stored.dtype, test.elements(recorded.truth));
    check(what, compareClose(values, { value, truth, error: recorded.err }));
  }
}

/** Fails unless `got` is tensor `index` up to the rounding of a float32 computation: for values recorded without a truth. */
export async function checkNear(what: string, got: TensorLike, test: Case, index: number, looser: number = 1): Promise<void> {
  const stored = test.tensor(index);
  expect(got.dtype.name === stored.dtype, () => `${what}: dtype ${got.dtype.name}, expected ${stored.dtype}`);
  expect(sameShape(got.shape, stored.shape), () => `${what}: shape [${got.shape.join(", ")}], expected [${stored.shape.join(", ")}]`);
  const value = numbers(stored.dtype, test.elements(index));
  const values = await read(got);
  if (!stored.dtype.includes("float")) check(what, compareExact(values, value));
  else check(what, compareClose(values, { value, truth: null, error: [0, 0] }, looser * tolerance(errorBetween(value, value))));
}

/** Waits for every tensor found in a value, so that errors kept for the next read show. */
export async function readAll(api: Api, value: unknown): Promise<void> {
  if (api.isTensor(value)) await value.toTypedArray();
  else if (value instanceof PyTuple) for (const item of value.items) await readAll(api, item);
  else if (Array.isArray(value) || value instanceof Set) for (const item of value) await readAll(api, item);
  else if (value instanceof Map) for (const item of value.values()) await readAll(api, item);
}

/** Runs `body` where no graph is recorded. */
export async function withoutGrad<T>(api: Api, body: () => Promise<T>): Promise<T> {
  const guard = callNow(api, "torch.no_grad") as Partial<Disposable>;
  try {
    return await body();
  } finally {
    guard[Symbol.dispose]?.();
  }
}

export function manualSeed(api: Api, seed: number | string): void {
  const value = BigInt(seed);
  callNow(api, "torch.manual_seed", Number.isSafeInteger(Number(value)) ? Number(value) : value);
}

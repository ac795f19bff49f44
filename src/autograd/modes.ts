/** What a block changes about recording. */
export interface Mode {
  readonly grad: boolean;
  readonly inference: boolean;
}

/** A block that is open. Blocks are removed by identity: the innermost that is still open wins, in whatever order they close. */
interface Token extends Mode {
  open: boolean;
}

interface TaskStorage {
  getStore(): Token | undefined;
  run<T>(token: Token, f: () => T): T;
}

const base: Mode = { grad: true, inference: false };
const stack: Token[] = [];
let current: Mode = base;
let globalGrad = true;
let openTasks = 0;
let tasks: TaskStorage | null | undefined;

/** AsyncLocalStorage where the host has it (Node). In browsers, overlapping tasks share one state. */
function taskStorage(): TaskStorage | null {
  if (tasks === undefined) {
    const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
    const hooks = host?.getBuiltinModule?.("node:async_hooks") as { AsyncLocalStorage: new () => TaskStorage } | undefined;
    tasks = hooks === undefined ? null : new hooks.AsyncLocalStorage();
  }
  return tasks;
}

const mode = (): Mode => {
  // The task's own storage is consulted only while an asynchronous block is open anywhere: asking costs tens of nanoseconds.
  if (current !== base || openTasks === 0) return current;
  const token = tasks?.getStore();
  return token?.open ? token : base;
};

/** Whether operations on tensors that require gradients are recorded. */
export function isGradEnabled(): boolean {
  const m = mode();
  return m === base ? globalGrad : m.grad;
}
/** Whether tensors are made outside of autograd altogether. */
export const isInferenceModeEnabled = (): boolean => mode().inference;

function enter(m: Mode): Token {
  const token: Token = { ...m, open: true };
  stack.push(token);
  current = token;
  return token;
}

function leave(token: Token): void {
  token.open = false;
  dropClosed();
}

/** The innermost block that is still open is the current one. */
function dropClosed(): void {
  while (stack.length > 0 && !stack[stack.length - 1]!.open) stack.pop();
  current = stack.length > 0 ? stack[stack.length - 1]! : base;
}

// Never closed, so that one object of each kind serves every call of withGrad.
const fixed = (grad: boolean, inference: boolean): Token => ({ grad, inference, open: true });
const recording = fixed(true, false);
const silent = fixed(false, false);
const recordingInference = fixed(true, true);
const silentInference = fixed(false, true);

/** Turns recording on or off for the library's own code, which is synchronous: cheaper than a block. `endGrad` has to follow in a `finally`. */
export function beginGrad(grad: boolean): number {
  const token = isInferenceModeEnabled() ? (grad ? recordingInference : silentInference) : grad ? recording : silent;
  const depth = stack.push(token);
  current = token;
  return depth;
}
/** Ends what `beginGrad` began and gave, and what was opened since and is still open. */
export function endGrad(depth: number): void {
  while (stack.length >= depth) stack.pop();
  // Code of the user's that ran meanwhile may have closed the blocks around it.
  dropClosed();
}

/** Runs `f` with recording on or off. For the library's own use. */
export function withGrad<T>(grad: boolean, f: () => T): T {
  const depth = beginGrad(grad);
  try {
    return f();
  } finally {
    endGrad(depth);
  }
}

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/** Makes `wrapper` look like `f` from outside, as `functools.wraps` does: the name, the number of parameters, the text and `wrapped`. */
export function wraps<F extends AnyFunction>(f: F, wrapper: F): F {
  Object.defineProperties(wrapper, {
    name: { value: f.name, configurable: true },
    length: { value: f.length, configurable: true },
    wrapped: { value: f, configurable: true },
    toString: { value: () => f.toString(), configurable: true },
  });
  for (const key of Reflect.ownKeys(f)) {
    if (!Object.hasOwn(wrapper, key)) Object.defineProperty(wrapper, key, Object.getOwnPropertyDescriptor(f, key)!);
  }
  return wrapper;
}

/** An open block: `using _ = noGrad()`, or a method decorator. */
export interface Guard extends Disposable {
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F;
}

/**
 * A block that changes how operations are recorded. It serves as callback (`noGrad(() => ...)`, also with an async function), as
 * `using _ = noGrad()`, as method decorator (`@noGrad()`), and as `noGrad.wrap(f)`.
 */
export interface GradMode {
  /** Runs `f` inside the block and gives its result. */
  <T>(f: () => T): T;
  /** Opens the block until the guard is disposed of. */
  (): Guard;
  /** A function that runs `f` inside the block; it keeps the name, the number of parameters and the text of `f`. */
  wrap<F extends AnyFunction>(f: F): F;
}

function run<T>(m: Mode, f: () => T): T {
  const token: Token = { ...m, open: true };
  const storage = taskStorage();
  const sync = enter(m);
  let result: T;
  openTasks++;
  try {
    result = storage === null ? f() : storage.run(token, f);
  } catch (e) {
    close();
    throw e;
  }
  if (!(result instanceof Promise)) {
    close();
    return result;
  }
  // From the first await on, only the task's own storage knows the block; without one, the shared state keeps it to the end.
  if (storage !== null) leave(sync);
  return result.finally(close) as T;

  function close(): void {
    leave(sync);
    token.open = false;
    openTasks--;
  }
}

function block(m: Mode): GradMode {
  function wrap<F extends AnyFunction>(f: F): F {
    const wrapper = function (this: unknown, ...args: never[]): unknown {
      return run(m, () => f.apply(this, args));
    };
    return wraps(f, wrapper as F);
  }
  function open(f?: () => unknown): unknown {
    if (f !== undefined) return run(m, f);
    // A decorator call never runs as a block: the token is opened lazily only for `using`, which disposes of the guard.
    const token = enter(m);
    const guard = ((method: AnyFunction) => {
      leave(token);
      return wrap(method);
    }) as unknown as Guard;
    Object.defineProperty(guard, Symbol.dispose, { value: () => leave(token) });
    return guard;
  }
  return Object.assign(open as GradMode, { wrap });
}

/** Operations inside are not recorded: results do not require gradients. */
export const noGrad: GradMode = block({ grad: false, inference: false });
/** Operations inside are recorded, also within a `noGrad` block. */
export const enableGrad: GradMode = block({ grad: true, inference: false });
/** Like `noGrad`, and what is made inside can never take part in autograd. */
export const inferenceMode: GradMode = block({ grad: false, inference: true });

/** Turns recording on or off until it is set again. Blocks inside still decide for themselves. */
export function setGradEnabled(enabled: boolean): void {
  globalGrad = enabled;
}

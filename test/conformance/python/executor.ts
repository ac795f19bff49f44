/** Runs statements. */
import type { Expression, Statement } from "./ast.ts";
import { StaticMethod } from "./classes.ts";
import type { Interpreter } from "./evaluator.ts";
import { mathModule } from "./math-module.ts";
import { Scope } from "./scope.ts";
import { ExceptionClass, MissingAttribute, type PyFunction, PyTuple, PythonError, type Run, settle } from "./values.ts";

export class ReturnSignal {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

class LoopSignal {
  readonly kind: "break" | "continue";
  constructor(kind: "break" | "continue") {
    this.kind = kind;
  }
}

/** Runs statements in order; the value of the last one where that is an expression, else null. */
export function* execute(interpreter: Interpreter, statements: readonly Statement[], scope: Scope): Run<unknown> {
  let last: unknown = null;
  for (const statement of statements) last = yield* run(interpreter, statement, scope);
  return last;
}

function* run(interpreter: Interpreter, s: Statement, scope: Scope): Run<unknown> {
  const evaluate = (e: Expression): Run<unknown> => interpreter.expression(e, scope);
  const { model } = interpreter;
  switch (s.kind) {
    case "expression":
      return yield* evaluate(s.value);
    case "assign": {
      const value = yield* evaluate(s.value);
      for (const target of s.targets) yield* interpreter.assign(target, value, scope);
      return null;
    }
    case "augmented": {
      const value = yield* evaluate(s.target);
      yield* interpreter.assign(s.target, yield* model.augmented(s.operator, value, yield* evaluate(s.value)), scope);
      return null;
    }
    case "pass":
      return null;
    case "break":
    case "continue":
      throw new LoopSignal(s.kind);
    case "return":
      throw new ReturnSignal(s.value ? yield* evaluate(s.value) : null);
    case "raise": {
      const error = s.value ? yield* evaluate(s.value) : new PythonError("RuntimeError", "No active exception to reraise");
      throw error instanceof ExceptionClass ? new PythonError(error.name, "") : error;
    }
    case "assert":
      if (yield* model.truth(yield* evaluate(s.test))) return null;
      throw new PythonError("AssertionError", s.message ? yield* model.str(yield* evaluate(s.message)) : "");
    case "delete":
      for (const target of s.targets) yield* remove(interpreter, target, scope);
      return null;
    case "import":
      for (const { name, alias } of s.names) {
        const root = name.split(".")[0] as string;
        scope.set(alias ?? root, importModule(interpreter, alias ? name : root));
      }
      return null;
    case "from": {
      const module = importModule(interpreter, s.module);
      for (const { name, alias } of s.names) scope.set(alias ?? name, interpreter.attribute(module, name));
      return null;
    }
    case "if":
      return yield* execute(interpreter, (yield* model.truth(yield* evaluate(s.test))) ? s.body : s.otherwise, scope);
    case "while":
      while (yield* model.truth(yield* evaluate(s.test))) if (!(yield* loopBody(interpreter, s.body, scope))) break;
      return null;
    case "for": {
      const iterator = yield* model.iterator(yield* evaluate(s.source));
      for (let step = yield* iterator.next(); step !== null; step = yield* iterator.next()) {
        yield* interpreter.assign(s.target, step.value, scope);
        if (!(yield* loopBody(interpreter, s.body, scope))) break;
      }
      return null;
    }
    case "with":
      return yield* withStatement(interpreter, s, scope);
    case "try":
      return yield* tryStatement(interpreter, s, scope);
    case "def": {
      const fn = yield* interpreter.define(s.name, s.parameters, scope, function* (inner) {
        yield* execute(interpreter, s.body, inner);
        return null; // where no `return` was met
      });
      yield* decorate(interpreter, s.name, fn, s.decorators, scope);
      return null;
    }
    case "class": {
      const { positional } = yield* interpreter.arguments(s.bases, scope);
      const closure = new Scope(scope); // holds __class__ for super()
      const body = new Scope(closure);
      yield* execute(interpreter, s.body, body);
      yield* decorate(interpreter, s.name, interpreter.class(s.name, positional, body.names, closure), s.decorators, scope);
      return null;
    }
  }
}

function* decorate(interpreter: Interpreter, name: string, value: unknown, decorators: readonly Expression[], scope: Scope): Run<void> {
  let decorated = value;
  for (const decorator of decorators.toReversed()) {
    if (decorator.kind === "name" && decorator.name === "staticmethod") decorated = new StaticMethod(decorated as PyFunction);
    else decorated = yield* interpreter.call(yield* interpreter.expression(decorator, scope), [decorated]);
  }
  scope.set(name, decorated);
}

/** Runs a loop's body once; false where it breaks. */
function* loopBody(interpreter: Interpreter, body: readonly Statement[], scope: Scope): Run<boolean> {
  try {
    yield* execute(interpreter, body, scope);
  } catch (signal) {
    if (!(signal instanceof LoopSignal)) throw signal;
    return signal.kind === "continue";
  }
  return true;
}

function* withStatement(interpreter: Interpreter, s: Extract<Statement, { kind: "with" }>, scope: Scope): Run<unknown> {
  const open: object[] = [];
  try {
    for (const { context, target } of s.items) {
      const value = (yield* interpreter.expression(context, scope)) as object;
      if (!(Symbol.dispose in value) && !(Symbol.asyncDispose in value)) {
        throw new MissingAttribute(interpreter.api.typeName(value), "__enter__");
      }
      open.push(value);
      if (target) yield* interpreter.assign(target, value, scope);
    }
    return yield* execute(interpreter, s.body, scope);
  } finally {
    for (const value of open.toReversed()) {
      const close: unknown = Reflect.get(value, Symbol.dispose) ?? Reflect.get(value, Symbol.asyncDispose);
      yield* settle(Reflect.apply(close as () => unknown, value, []));
    }
  }
}

function* tryStatement(interpreter: Interpreter, s: Extract<Statement, { kind: "try" }>, scope: Scope): Run<unknown> {
  try {
    yield* execute(interpreter, s.body, scope);
    return yield* execute(interpreter, s.otherwise, scope);
  } catch (error) {
    const type: unknown = error instanceof Error ? Reflect.get(error, "pythonType") : undefined;
    if (type === undefined || error instanceof MissingAttribute) throw error;
    for (const handler of s.handlers) {
      const accepted = handler.type ? yield* interpreter.expression(handler.type, scope) : new ExceptionClass("Exception");
      const classes = accepted instanceof PyTuple ? accepted.items : [accepted];
      if (!classes.some((c) => c instanceof ExceptionClass && (c.name === "Exception" || c.name === type))) continue;
      if (handler.name) scope.set(handler.name, error);
      return yield* execute(interpreter, handler.body, scope);
    }
    throw error;
  } finally {
    yield* execute(interpreter, s.final, scope);
  }
}

function* remove(interpreter: Interpreter, target: Expression, scope: Scope): Run<void> {
  if (target.kind === "name") {
    scope.names.delete(target.name);
    return;
  }
  if (target.kind !== "attribute" && target.kind !== "subscript") throw new PythonError("SyntaxError", "cannot delete expression");
  const owner = (yield* interpreter.expression(target.object, scope)) as object;
  const key = target.kind === "attribute" ? target.name : yield* interpreter.expression(target.index, scope);
  if (owner instanceof Map) owner.delete(key);
  else Reflect.deleteProperty(owner, key as PropertyKey);
}

/** Modules of Python that texts import beside torch's. */
function importModule(interpreter: Interpreter, name: string): unknown {
  if (name === "torch") return interpreter.api.torch;
  if (name.startsWith("torch.")) return interpreter.api.resolve(name);
  if (name === "math") return mathModule();
  if (name === "collections")
    return new Map<string, unknown>([
      ["__name__", name],
      ["OrderedDict", interpreter.globals.get("dict")],
    ]);
  throw new PythonError("ModuleNotFoundError", `No module named '${name}'`);
}

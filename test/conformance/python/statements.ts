/** The statements of the Python subset, on top of the expression parser. */
import type { BinaryOperator, Expression, ImportedName, Statement } from "./ast.ts";
import type { Parser } from "./parser.ts";

/** All statements up to the end of the source. */
export function parseStatements(parser: Parser): Statement[] {
  const statements: Statement[] = [];
  for (parser.skipNewlines(); parser.peek().kind !== "end"; parser.skipNewlines()) statements.push(...statement(parser));
  return statements;
}

type StatementParser = (parser: Parser) => Statement;

const COMPOUND: Readonly<Record<string, StatementParser>> = {
  if: (p) => ifStatement(p),
  while: (p) => ({ kind: "while", test: p.expression(), body: block(p) }),
  for: (p) => {
    const target = p.targetList();
    p.expect("in");
    return { kind: "for", target, source: p.expressionList(), body: block(p) };
  },
  with: (p) => withStatement(p),
  try: (p) => tryStatement(p),
  def: (p) => definition(p, []),
  class: (p) => classDefinition(p, []),
};

function statement(p: Parser): Statement[] {
  if (p.is("@")) return [decorated(p)];
  const compound = p.peek().kind === "name" ? COMPOUND[p.peek().text] : undefined;
  if (compound) {
    p.next();
    return [compound(p)];
  }
  return simpleLine(p);
}

/** One or more simple statements separated by semicolons. */
function simpleLine(p: Parser): Statement[] {
  const statements = [simpleStatement(p)];
  while (p.accept(";")) {
    if (p.peek().kind === "newline" || p.peek().kind === "end") break;
    statements.push(simpleStatement(p));
  }
  if (p.peek().kind === "newline") p.next();
  else if (p.peek().kind !== "end") p.fail("the end of the statement expected");
  return statements;
}

const SIMPLE: Readonly<Record<string, StatementParser>> = {
  pass: () => ({ kind: "pass" }),
  break: () => ({ kind: "break" }),
  continue: () => ({ kind: "continue" }),
  return: (p) => ({ kind: "return", value: ends(p) ? null : p.expressionList() }),
  raise: (p) => ({ kind: "raise", value: ends(p) ? null : p.expression() }),
  assert: (p) => ({ kind: "assert", test: p.expression(), message: p.accept(",") ? p.expression() : null }),
  del: (p) => {
    const targets = p.targetList();
    return { kind: "delete", targets: targets.kind === "tuple" ? targets.items : [targets] };
  },
  import: (p) => ({ kind: "import", names: imported(p, () => dottedName(p)) }),
  from: (p) => {
    const module = dottedName(p);
    p.expect("import");
    const bracket = p.accept("(");
    const names = imported(p, () => p.identifier());
    if (bracket) p.expect(")");
    return { kind: "from", module, names };
  },
};

function simpleStatement(p: Parser): Statement {
  const keyword = p.peek().kind === "name" ? SIMPLE[p.peek().text] : undefined;
  if (keyword) {
    p.next();
    return keyword(p);
  }
  const first = p.expressionList();
  const token = p.peek();
  if (token.kind === "operator" && token.text.length > 1 && token.text.endsWith("=") && !["==", "!=", "<=", ">="].includes(token.text)) {
    p.next();
    return { kind: "augmented", target: first, operator: token.text.slice(0, -1) as BinaryOperator, value: p.expressionList() };
  }
  if (p.accept(":")) p.expression(); // an annotation
  const chain = [first];
  while (p.accept("=")) chain.push(p.expressionList());
  const value = chain.pop() as Expression;
  return chain.length > 0 ? { kind: "assign", targets: chain, value } : { kind: "expression", value };
}

function ends(p: Parser): boolean {
  return p.is(";") || p.peek().kind === "newline" || p.peek().kind === "end";
}

function dottedName(p: Parser): string {
  let name = p.identifier();
  while (p.accept(".")) name += `.${p.identifier()}`;
  return name;
}

function imported(p: Parser, name: () => string): ImportedName[] {
  const names: ImportedName[] = [];
  do {
    if (p.is(")")) break;
    names.push({ name: p.accept("*") ? "*" : name(), alias: p.accept("as") ? p.identifier() : null });
  } while (p.accept(","));
  return names;
}

/** The body behind a colon: statements on the same line, or an indented block. */
function block(p: Parser): Statement[] {
  p.expect(":");
  if (p.peek().kind !== "newline") return simpleLine(p);
  p.skipNewlines();
  if (p.peek().kind !== "indent") p.fail("an indented block expected");
  p.next();
  const body: Statement[] = [];
  while (p.peek().kind !== "dedent" && p.peek().kind !== "end") {
    body.push(...statement(p));
    p.skipNewlines();
  }
  if (p.peek().kind === "dedent") p.next();
  return body;
}

function ifStatement(p: Parser): Statement {
  const test = p.expression();
  const body = block(p);
  if (p.accept("elif")) return { kind: "if", test, body, otherwise: [ifStatement(p)] };
  return { kind: "if", test, body, otherwise: p.accept("else") ? block(p) : [] };
}

function withStatement(p: Parser): Statement {
  const items: { context: Expression; target: Expression | null }[] = [];
  do {
    const context = p.expression();
    items.push({ context, target: p.accept("as") ? p.targetList() : null });
  } while (p.accept(","));
  return { kind: "with", items, body: block(p) };
}

function tryStatement(p: Parser): Statement {
  const body = block(p);
  const handlers: { type: Expression | null; name: string | null; body: Statement[] }[] = [];
  while (p.accept("except")) {
    const type = p.is(":") ? null : p.expression();
    const name = p.accept("as") ? p.identifier() : null;
    handlers.push({ type, name, body: block(p) });
  }
  const otherwise = p.accept("else") ? block(p) : [];
  return { kind: "try", body, handlers, otherwise, final: p.accept("finally") ? block(p) : [] };
}

function decorated(p: Parser): Statement {
  const decorators: Expression[] = [];
  while (p.accept("@")) {
    decorators.push(p.expression());
    p.skipNewlines();
  }
  if (p.accept("class")) return classDefinition(p, decorators);
  p.expect("def");
  return definition(p, decorators);
}

function definition(p: Parser, decorators: readonly Expression[]): Statement {
  const name = p.identifier();
  p.expect("(");
  const parameters = p.parameters(")");
  p.expect(")");
  if (p.accept("->")) p.expression();
  return { kind: "def", name, decorators, parameters, body: block(p) };
}

function classDefinition(p: Parser, decorators: readonly Expression[]): Statement {
  const name = p.identifier();
  const bases = p.accept("(") ? p.args() : [];
  return { kind: "class", name, decorators, bases, body: block(p) };
}

/** A recursive-descent parser of the Python subset in `ast.ts`. */
import type { Argument, BinaryOperator, CompareOperator, Expression, Parameter, Statement } from "./ast.ts";
import { parseFormatParts } from "./format-string.ts";
import { PythonSyntaxError, type Token, tokenize } from "./lexer.ts";
import { parseStatements } from "./statements.ts";

/** The statements of a program. */
export function parseProgram(source: string): Statement[] {
  const parser = new Parser(source);
  return parseStatements(parser);
}

/** The one expression that `source` consists of. */
export function parseExpression(source: string): Expression {
  const parser = new Parser(source.trim());
  const value = parser.expressionList();
  parser.skipNewlines();
  if (parser.peek().kind !== "end") parser.fail("one expression expected");
  return value;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  "and",
  "as",
  "assert",
  "break",
  "class",
  "continue",
  "def",
  "del",
  "elif",
  "else",
  "except",
  "finally",
  "for",
  "from",
  "global",
  "if",
  "import",
  "in",
  "is",
  "lambda",
  "nonlocal",
  "not",
  "or",
  "pass",
  "raise",
  "return",
  "try",
  "while",
  "with",
  "yield",
  "async",
  "await",
]);

/** Binary operators by precedence, the loosest first. */
const PRECEDENCE: readonly (readonly BinaryOperator[])[] = [["|"], ["^"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/", "//", "%", "@"]];

export class Parser {
  readonly source: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(source: string) {
    this.source = source;
    this.#tokens = tokenize(source);
  }

  peek(ahead: number = 0): Token {
    return (this.#tokens[this.#at + ahead] ?? this.#tokens.at(-1)) as Token;
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  fail(message: string): never {
    throw new PythonSyntaxError(`${message}, got ${JSON.stringify(this.peek().text || this.peek().kind)}`, this.source, this.peek().at);
  }

  /** Is the next token this operator or keyword? */
  is(text: string): boolean {
    const token = this.peek();
    return (token.kind === "operator" || token.kind === "name") && token.text === text;
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.#at++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`${JSON.stringify(text)} expected`);
  }

  identifier(): string {
    const token = this.peek();
    if (token.kind !== "name" || KEYWORDS.has(token.text)) this.fail("a name expected");
    this.#at++;
    return token.text;
  }

  skipNewlines(): void {
    while (this.peek().kind === "newline") this.#at++;
  }

  /** `a`, or `a, b` as a tuple: what stands on either side of `=`, after `return` and inside `[ ]`. */
  expressionList(element: () => Expression = () => this.starOrExpression(), slices: boolean = false): Expression {
    const first = element();
    if (!this.is(",")) return first;
    const items = [first];
    while (this.accept(",")) {
      if (!this.#startsExpression() && !(slices && this.is(":"))) break;
      items.push(element());
    }
    return { kind: "tuple", items };
  }

  starOrExpression(): Expression {
    if (this.accept("*")) return { kind: "starred", value: this.#binary(0) };
    return this.expression();
  }

  expression(): Expression {
    if (this.is("lambda")) return this.#lambda();
    if (this.peek().kind === "name" && this.peek(1).text === ":=" && this.peek(1).kind === "operator") {
      const name = this.identifier();
      this.expect(":=");
      return { kind: "walrus", name, value: this.expression() };
    }
    const value = this.#or();
    if (!this.accept("if")) return value;
    const test = this.#or();
    this.expect("else");
    return { kind: "conditional", test, value, otherwise: this.expression() };
  }

  /** What `for` and comprehensions assign to: no comparison, or `in` would be read as one. */
  targetList(): Expression {
    return this.expressionList(() => (this.accept("*") ? { kind: "starred", value: this.#binary(0) } : this.#binary(0)));
  }

  parameters(close: string): Parameter[] {
    const parameters: Parameter[] = [];
    let keywordOnly = false;
    while (!this.is(close)) {
      if (this.accept("**")) parameters.push({ name: this.identifier(), kind: "**", fallback: null });
      else if (this.accept("*")) {
        keywordOnly = true;
        if (!this.is(",")) parameters.push({ name: this.identifier(), kind: "*", fallback: null });
      } else if (!this.accept("/")) {
        const name = this.identifier();
        if (close === ")" && this.accept(":")) this.expression(); // an annotation
        const fallback = this.accept("=") ? this.expression() : null;
        parameters.push({ name, kind: keywordOnly ? "keyword" : "plain", fallback });
      }
      if (!this.accept(",")) break;
    }
    return parameters;
  }

  /** The arguments of a call or the bases of a class, up to and including `)`. */
  args(): Argument[] {
    const args: Argument[] = [];
    while (!this.accept(")")) {
      if (this.accept("**")) args.push({ spread: "**", keyword: null, value: this.expression() });
      else if (this.accept("*")) args.push({ spread: "*", keyword: null, value: this.expression() });
      else if (this.peek().kind === "name" && this.peek(1).kind === "operator" && this.peek(1).text === "=") {
        const keyword = this.identifier();
        this.expect("=");
        args.push({ spread: "", keyword, value: this.expression() });
      } else {
        const value = this.expression();
        args.push({ spread: "", keyword: null, value: this.is("for") ? this.#comprehension("generator", null, value) : value });
      }
      if (!this.is(")")) this.expect(",");
    }
    return args;
  }

  #startsExpression(): boolean {
    const { kind, text } = this.peek();
    if (kind === "operator") return ["(", "[", "{", "-", "+", "~", "*", "..."].includes(text);
    if (kind === "name") return !KEYWORDS.has(text) || text === "lambda" || text === "not";
    return kind === "integer" || kind === "float" || kind === "string" || kind === "fstring";
  }

  #lambda(): Expression {
    this.expect("lambda");
    const parameters = this.parameters(":");
    this.expect(":");
    return { kind: "lambda", parameters, body: this.expression() };
  }

  #or(): Expression {
    let left = this.#and();
    while (this.accept("or")) left = { kind: "boolean", operator: "or", left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.accept("and")) left = { kind: "boolean", operator: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (this.accept("not")) return { kind: "unary", operator: "not", operand: this.#not() };
    return this.#comparison();
  }

  #comparison(): Expression {
    const first = this.#binary(0);
    const rest: { operator: CompareOperator; operand: Expression }[] = [];
    for (let operator = this.#compareOperator(); operator; operator = this.#compareOperator()) {
      rest.push({ operator, operand: this.#binary(0) });
    }
    return rest.length > 0 ? { kind: "compare", first, rest } : first;
  }

  #compareOperator(): CompareOperator | null {
    for (const operator of ["==", "!=", "<=", ">=", "<", ">", "in"] as const) if (this.accept(operator)) return operator;
    if (this.is("not") && this.peek(1).text === "in") {
      this.#at += 2;
      return "not in";
    }
    if (!this.accept("is")) return null;
    return this.accept("not") ? "is not" : "is";
  }

  #binary(level: number): Expression {
    const operators = PRECEDENCE[level];
    if (!operators) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const token = this.peek();
      const operator = token.kind === "operator" ? operators.find((o) => o === token.text) : undefined;
      if (!operator) return left;
      this.#at++;
      left = { kind: "binary", operator, left, right: this.#binary(level + 1) };
    }
  }

  #unary(): Expression {
    for (const operator of ["-", "+", "~"] as const) {
      if (this.peek().kind === "operator" && this.accept(operator)) return { kind: "unary", operator, operand: this.#unary() };
    }
    const base = this.#postfix();
    if (!this.accept("**")) return base;
    return { kind: "binary", operator: "**", left: base, right: this.#unary() }; // binds tighter than a minus on its left only
  }

  #postfix(): Expression {
    let value = this.#atom();
    for (;;) {
      if (this.peek().kind !== "operator") return value;
      if (this.accept(".")) value = { kind: "attribute", object: value, name: this.next().text };
      else if (this.accept("(")) value = { kind: "call", callee: value, args: this.args() };
      else if (this.accept("[")) {
        const index = this.expressionList(() => this.#sliceOrExpression(), true);
        this.expect("]");
        value = { kind: "subscript", object: value, index };
      } else return value;
    }
  }

  #sliceOrExpression(): Expression {
    const start = this.is(":") ? null : this.starOrExpression();
    if (!this.is(":")) return start as Expression;
    const part = (): Expression | null => (this.is(":") || this.is("]") || this.is(",") ? null : this.expression());
    this.expect(":");
    const stop = part();
    const step = this.accept(":") ? part() : null;
    return { kind: "slice", start, stop, step };
  }

  #atom(): Expression {
    const token = this.peek();
    switch (token.kind) {
      case "integer":
        this.#at++;
        return { kind: "integer", value: BigInt(token.text.toLowerCase()) };
      case "float":
        this.#at++;
        return { kind: "float", value: Number(token.text) };
      case "string":
      case "fstring":
        return this.#strings();
      case "name":
        return this.#nameOrConstant();
      case "operator":
        if (this.accept("(")) return this.#parenthesised();
        if (this.accept("[")) return this.#list();
        if (this.accept("{")) return this.#braces();
        if (this.accept("...")) return { kind: "ellipsis" };
    }
    return this.fail("an expression expected");
  }

  #nameOrConstant(): Expression {
    for (const [text, value] of [
      ["None", null],
      ["True", true],
      ["False", false],
    ] as const) {
      if (this.accept(text)) return { kind: "constant", value };
    }
    return { kind: "name", name: this.identifier() };
  }

  /** Neighbouring literals are one string. */
  #strings(): Expression {
    const parts: Extract<Expression, { kind: "format" }>["parts"][number][] = [];
    let formatted = false;
    for (let token = this.peek(); token.kind === "string" || token.kind === "fstring"; token = this.peek()) {
      this.#at++;
      if (token.kind === "string") parts.push({ kind: "text", text: token.text });
      else {
        formatted = true;
        parts.push(...parseFormatParts(token.text, token.raw === true, parseExpression));
      }
    }
    if (formatted) return { kind: "format", parts };
    return { kind: "string", value: parts.map((p) => (p.kind === "text" ? p.text : "")).join("") };
  }

  #parenthesised(): Expression {
    if (this.accept(")")) return { kind: "tuple", items: [] };
    const value = this.expressionList();
    if (this.is("for")) {
      const generator = this.#comprehension("generator", null, value);
      this.expect(")");
      return generator;
    }
    this.expect(")");
    return value;
  }

  #list(): Expression {
    if (this.accept("]")) return { kind: "list", items: [] };
    const items = [this.starOrExpression()];
    if (this.is("for")) {
      const list = this.#comprehension("list", null, items[0] as Expression);
      this.expect("]");
      return list;
    }
    while (this.accept(",") && !this.is("]")) items.push(this.starOrExpression());
    this.expect("]");
    return { kind: "list", items };
  }

  #braces(): Expression {
    if (this.accept("}")) return { kind: "dict", entries: [] };
    if (this.accept("**")) return this.#dict({ key: null, value: this.#binary(0) });
    const first = this.starOrExpression();
    if (this.accept(":")) {
      const value = this.expression();
      if (this.is("for")) {
        const dict = this.#comprehension("dict", first, value);
        this.expect("}");
        return dict;
      }
      return this.#dict({ key: first, value });
    }
    if (this.is("for")) {
      const set = this.#comprehension("set", null, first);
      this.expect("}");
      return set;
    }
    const items = [first];
    while (this.accept(",") && !this.is("}")) items.push(this.starOrExpression());
    this.expect("}");
    return { kind: "set", items };
  }

  #dict(first: { key: Expression | null; value: Expression }): Expression {
    const entries = [first];
    while (this.accept(",") && !this.is("}")) {
      if (this.accept("**")) entries.push({ key: null, value: this.#binary(0) });
      else {
        const key = this.expression();
        this.expect(":");
        entries.push({ key, value: this.expression() });
      }
    }
    this.expect("}");
    return { kind: "dict", entries };
  }

  #comprehension(of: "list" | "set" | "generator" | "dict", key: Expression | null, element: Expression): Expression {
    const clauses: { target: Expression; source: Expression; conditions: Expression[] }[] = [];
    while (this.accept("for")) {
      const target = this.targetList();
      this.expect("in");
      const source = this.#or();
      const conditions: Expression[] = [];
      while (this.accept("if")) conditions.push(this.#or());
      clauses.push({ target, source, conditions });
    }
    return { kind: "comprehension", of, key, element, clauses };
  }
}

/**
 * Splits Python source into tokens, with INDENT and DEDENT tokens as CPython's tokenizer makes them.
 * Strings come out decoded; an f-string keeps its raw body, which the parser splits.
 */

export type TokenKind = "name" | "integer" | "float" | "string" | "fstring" | "operator" | "newline" | "indent" | "dedent" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** The text of a name or an operator, the digits of a number, the decoded value of a string, the raw body of an f-string. */
  readonly text: string;
  /** Offset in the source, for messages. */
  readonly at: number;
  /** f-strings only: whether backslashes are literal. */
  readonly raw?: boolean;
}

/** The text is not Python, or not in the subset that is understood here. */
export class PythonSyntaxError extends Error {
  override readonly name = "PythonSyntaxError";
  constructor(message: string, source: string, at: number) {
    const line = source.slice(0, at).split("\n").length;
    super(`${message} (line ${line}: ${JSON.stringify(source.split("\n")[line - 1] ?? "")})`);
  }
}

/** Longest first, so that `**=` is not read as `**` and `=`. */
const OPERATORS = [
  "**=",
  "//=",
  "<<=",
  ">>=",
  "...",
  "**",
  "//",
  "<<",
  ">>",
  "<=",
  ">=",
  "==",
  "!=",
  "->",
  ":=",
  "+=",
  "-=",
  "*=",
  "/=",
  "%=",
  "@=",
  "&=",
  "|=",
  "^=",
  "+",
  "-",
  "*",
  "/",
  "%",
  "@",
  "&",
  "|",
  "^",
  "~",
  "<",
  ">",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  ".",
  ";",
  "=",
] as const;

const NUMBER =
  /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.(?:\d[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+|\d[\d_]*/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const STRING_START = /([rRbBfFuU]{0,2})("""|'''|"|')/y;

/** The tokens of `source`, ending in `end`. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const indents = [0];
  let depth = 0; // open brackets: no newline or indentation inside them
  let at = 0;
  let lineStart = true;

  const push = (kind: TokenKind, text: string, start: number): void => void tokens.push({ kind, text, at: start });
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };

  while (at < source.length) {
    if (lineStart && depth === 0) {
      const width = indentation(source, at);
      at += width;
      const char = source[at];
      if (char === "\n" || char === "#" || char === undefined) {
        at = endOfLine(source, at) + 1; // a blank line has no indentation
        continue;
      }
      lineStart = false;
      if (width > (indents.at(-1) ?? 0)) {
        indents.push(width);
        push("indent", "", at);
      }
      while (width < (indents.at(-1) ?? 0)) {
        indents.pop();
        push("dedent", "", at);
      }
      if (width !== indents.at(-1)) throw new PythonSyntaxError("unindent does not match any outer indentation level", source, at);
    }
    const char = source[at] as string;
    if (char === "\n") {
      if (depth === 0) {
        push("newline", "", at);
        lineStart = true;
      }
      at++;
    } else if (char === " " || char === "\t" || char === "\r") {
      at++;
    } else if (char === "#") {
      at = endOfLine(source, at);
    } else if (char === "\\" && source[at + 1] === "\n") {
      at += 2;
    } else {
      const start = at;
      const string = match(STRING_START);
      const number = string ? null : match(NUMBER);
      const name = string || number ? null : match(NAME);
      if (string) {
        at = readString(source, start, string, tokens);
      } else if (number) {
        const text = number[0].replaceAll("_", "");
        at += number[0].length;
        push(/^0[xXoObB]/.test(text) || /^\d+$/.test(text) ? "integer" : "float", text, start);
      } else if (name) {
        at += name[0].length;
        push("name", name[0], start);
      } else {
        const operator = OPERATORS.find((o) => source.startsWith(o, at));
        if (!operator) throw new PythonSyntaxError(`unexpected character ${JSON.stringify(char)}`, source, at);
        at += operator.length;
        if ("([{".includes(operator)) depth++;
        if (")]}".includes(operator)) depth--;
        push("operator", operator, start);
      }
    }
  }
  if (depth > 0) throw new PythonSyntaxError("a bracket is never closed", source, source.length);
  if (!lineStart) push("newline", "", source.length);
  for (let i = 1; i < indents.length; i++) push("dedent", "", source.length);
  push("end", "", source.length);
  return tokens;
}

function indentation(source: string, at: number): number {
  let end = at;
  while (source[end] === " " || source[end] === "\t") end++;
  return end - at;
}

function endOfLine(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}

/** Reads the string literal that starts at `start` and returns the offset behind it. */
function readString(source: string, start: number, opening: RegExpExecArray, tokens: Token[]): number {
  const prefix = (opening[1] ?? "").toLowerCase();
  const quote = opening[2] as string;
  const bodyStart = start + opening[0].length;
  let at = bodyStart;
  while (!source.startsWith(quote, at)) {
    if (at >= source.length || (quote.length === 1 && source[at] === "\n")) {
      throw new PythonSyntaxError("a string is never closed", source, start);
    }
    at += source[at] === "\\" ? 2 : 1;
  }
  const body = source.slice(bodyStart, at);
  const raw = prefix.includes("r");
  if (prefix.includes("f")) tokens.push({ kind: "fstring", text: body, at: start, raw });
  else tokens.push({ kind: "string", text: raw ? body : decodeEscapes(body, source, start), at: start });
  return at + quote.length;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

/** Python's backslash escapes; an unknown one stays as it is written. */
export function decodeEscapes(body: string, source: string = body, at: number = 0): string {
  return body.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|[\s\S])/g, (whole, escape: string) => {
    const simple = SIMPLE_ESCAPES[escape];
    if (simple !== undefined) return simple;
    if (/^[xuU]/.test(escape) && escape.length > 1) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCodePoint(Number.parseInt(escape, 8));
    if (escape.startsWith("N{")) throw new PythonSyntaxError("\\N{...} escapes are not understood", source, at);
    return whole;
  });
}

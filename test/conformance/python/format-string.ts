/** F-strings: `text {value!conversion:format} text`. */
import type { Expression, FormatPart } from "./ast.ts";
import { decodeEscapes, PythonSyntaxError } from "./lexer.ts";

/** The parts of an f-string's body; `parse` reads the expressions in braces. */
export function parseFormatParts(body: string, raw: boolean, parse: (source: string) => Expression): FormatPart[] {
  const parts: FormatPart[] = [];
  let text = "";
  const flush = (): void => {
    if (text) parts.push({ kind: "text", text: raw ? text : decodeEscapes(text, body) });
    text = "";
  };
  for (let at = 0; at < body.length; ) {
    const char = body[at] as string;
    if ((char === "{" || char === "}") && body[at + 1] === char) {
      text += char;
      at += 2;
    } else if (char === "{") {
      flush();
      const field = readField(body, at + 1);
      parts.push({
        kind: "value",
        value: parse(body.slice(at + 1, field.valueEnd)),
        conversion: field.conversion,
        format: field.format === null ? [] : parseFormatParts(field.format, raw, parse),
      });
      at = field.end;
    } else if (char === "}") {
      throw new PythonSyntaxError("f-string: single '}' is not allowed", body, at);
    } else {
      text += char;
      at++;
    }
  }
  flush();
  return parts;
}

interface Field {
  readonly valueEnd: number;
  readonly conversion: string;
  readonly format: string | null;
  /** Offset behind the closing brace. */
  readonly end: number;
}

/** Finds where the value of a field ends: at `!r`, `:` or `}` outside of brackets and strings. */
function readField(body: string, start: number): Field {
  let depth = 0;
  let quote = "";
  for (let at = start; at < body.length; at++) {
    const char = body[at] as string;
    if (quote) {
      if (char === quote) quote = "";
    } else if (char === "'" || char === '"') {
      quote = char;
    } else if ("([{".includes(char)) {
      depth++;
    } else if (depth > 0 && ")]}".includes(char)) {
      depth--;
    } else if (depth === 0) {
      const conversion = char === "!" ? /^!([rsa])/.exec(body.slice(at, at + 2))?.[1] : undefined;
      if (char === "}" || char === ":" || conversion !== undefined) return finishField(body, at, conversion ?? "");
    }
  }
  throw new PythonSyntaxError("f-string: expecting '}'", body, start);
}

function finishField(body: string, valueEnd: number, conversion: string): Field {
  let at = valueEnd + (conversion ? 2 : 0);
  if (body[at] === "}") return { valueEnd, conversion, format: null, end: at + 1 };
  if (body[at] !== ":") throw new PythonSyntaxError("f-string: expecting '}'", body, at);
  const start = ++at;
  for (let depth = 0; at < body.length; at++) {
    if (body[at] === "{") depth++;
    else if (body[at] === "}" && depth-- === 0) return { valueEnd, conversion, format: body.slice(start, at), end: at + 1 };
  }
  throw new PythonSyntaxError("f-string: expecting '}'", body, start);
}

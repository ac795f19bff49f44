/** The syntax tree of the Python subset that the recorded texts are written in. */

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "@" | "**" | "<<" | ">>" | "&" | "|" | "^";
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "is" | "is not";

export interface Argument {
  /** `*value` and `**value`; a plain positional or keyword argument otherwise. */
  readonly spread: "" | "*" | "**";
  readonly keyword: string | null;
  readonly value: Expression;
}

export interface Parameter {
  readonly name: string;
  readonly kind: "plain" | "*" | "**" | "keyword";
  readonly fallback: Expression | null;
}

export interface Comprehension {
  readonly target: Expression;
  readonly source: Expression;
  readonly conditions: readonly Expression[];
}

/** One piece of an f-string: literal text, or a value with its conversion and format. */
export type FormatPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly value: Expression; readonly conversion: string; readonly format: readonly FormatPart[] };

export type Expression =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "format"; readonly parts: readonly FormatPart[] }
  | { readonly kind: "constant"; readonly value: boolean | null }
  | { readonly kind: "ellipsis" }
  | { readonly kind: "list" | "tuple" | "set"; readonly items: readonly Expression[] }
  | { readonly kind: "dict"; readonly entries: readonly { readonly key: Expression | null; readonly value: Expression }[] }
  | {
      readonly kind: "comprehension";
      readonly of: "list" | "set" | "generator" | "dict";
      readonly key: Expression | null;
      readonly element: Expression;
      readonly clauses: readonly Comprehension[];
    }
  | { readonly kind: "starred"; readonly value: Expression }
  | { readonly kind: "unary"; readonly operator: "-" | "+" | "~" | "not"; readonly operand: Expression }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "boolean"; readonly operator: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "compare";
      readonly first: Expression;
      readonly rest: readonly { readonly operator: CompareOperator; readonly operand: Expression }[];
    }
  | { readonly kind: "conditional"; readonly test: Expression; readonly value: Expression; readonly otherwise: Expression }
  | { readonly kind: "lambda"; readonly parameters: readonly Parameter[]; readonly body: Expression }
  | { readonly kind: "attribute"; readonly object: Expression; readonly name: string }
  | { readonly kind: "subscript"; readonly object: Expression; readonly index: Expression }
  | { readonly kind: "slice"; readonly start: Expression | null; readonly stop: Expression | null; readonly step: Expression | null }
  | { readonly kind: "call"; readonly callee: Expression; readonly args: readonly Argument[] }
  | { readonly kind: "walrus"; readonly name: string; readonly value: Expression };

export interface ImportedName {
  readonly name: string;
  readonly alias: string | null;
}

export type Statement =
  | { readonly kind: "expression"; readonly value: Expression }
  | { readonly kind: "assign"; readonly targets: readonly Expression[]; readonly value: Expression }
  | { readonly kind: "augmented"; readonly target: Expression; readonly operator: BinaryOperator; readonly value: Expression }
  | { readonly kind: "pass" | "break" | "continue" }
  | { readonly kind: "return"; readonly value: Expression | null }
  | { readonly kind: "raise"; readonly value: Expression | null }
  | { readonly kind: "assert"; readonly test: Expression; readonly message: Expression | null }
  | { readonly kind: "delete"; readonly targets: readonly Expression[] }
  | { readonly kind: "import"; readonly names: readonly ImportedName[] }
  | { readonly kind: "from"; readonly module: string; readonly names: readonly ImportedName[] }
  | {
      readonly kind: "if";
      readonly test: Expression;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: "while"; readonly test: Expression; readonly body: readonly Statement[] }
  | { readonly kind: "for"; readonly target: Expression; readonly source: Expression; readonly body: readonly Statement[] }
  | {
      readonly kind: "with";
      readonly items: readonly { readonly context: Expression; readonly target: Expression | null }[];
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: "try";
      readonly body: readonly Statement[];
      readonly handlers: readonly { readonly type: Expression | null; readonly name: string | null; readonly body: readonly Statement[] }[];
      readonly otherwise: readonly Statement[];
      readonly final: readonly Statement[];
    }
  | {
      readonly kind: "def";
      readonly name: string;
      readonly decorators: readonly Expression[];
      readonly parameters: readonly Parameter[];
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: "class";
      readonly name: string;
      readonly decorators: readonly Expression[];
      readonly bases: readonly Argument[];
      readonly body: readonly Statement[];
    };

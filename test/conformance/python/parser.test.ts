import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Corpus } from "../corpus.ts";
import { folder } from "../folder.ts";
import { rngProgram } from "../sections/rng-text.ts";
import { recipeOf } from "../sections/training-recipes.ts";
import { PythonSyntaxError } from "./lexer.ts";
import { parseExpression, parseProgram } from "./parser.ts";

const corpus = await Corpus.open(folder(fileURLToPath(new URL("../../golden", import.meta.url))));

describe("every recorded text parses", () => {
  it("errors", async () => {
    const texts = (await corpus.cases("errors")).map((c) => c.field<string>("code") ?? "");
    for (const text of texts) expect(parseProgram(text).length, text).toBeGreaterThan(0);
    expect(texts.length).toBeGreaterThan(200);
  });

  it("rng", async () => {
    for (const test of await corpus.cases("rng")) {
      const source = rngProgram(test.field<string>("call") ?? "", test.field<string>("seed") ?? "0");
      expect(parseProgram(source).length, source).toBeGreaterThan(2);
    }
  });

  it("printing", async () => {
    for (const test of await corpus.cases("printing")) {
      const text = test.field<string>("text") ?? test.field<string | null>("grad_fn");
      if (text) expect(parseExpression(test.field<string>("expr") ?? "").kind).toBeTypeOf("string");
    }
  });

  it("lr_scheduler and training", async () => {
    for (const test of await corpus.cases("lr_scheduler")) {
      const spec = test.field<string | null>("spec");
      if (spec) expect(parseExpression(`S(${spec})`).kind).toBe("call");
    }
    for (const test of await corpus.cases("training")) {
      const recipe = recipeOf(test);
      for (const source of [recipe.build, recipe.order, recipe.batch, ...Object.values(recipe.answers)]) parseProgram(source);
    }
  });
});

describe("precedence", () => {
  const shape = (source: string): string => show(parseExpression(source));

  it("follows Python", () => {
    expect(shape("a + b * c")).toBe("(a + (b * c))");
    expect(shape("-a ** 2")).toBe("-(a ** 2)");
    expect(shape("a ** -b ** c")).toBe("(a ** -(b ** c))");
    expect(shape("a | b ^ c & d << e + f")).toBe("(a | (b ^ (c & (d << (e + f)))))");
    expect(shape("a @ b // c % d")).toBe("(((a @ b) // c) % d)");
    expect(shape("not a == b and c or d")).toBe("((not(a == b) and c) or d)");
    expect(shape("a < b <= c")).toBe("(a < b <= c)");
    expect(shape("a not in b")).toBe("(a not in b)");
    expect(shape("~a.b[0](c)")).toBe("~a.b[0](c)");
  });

  it("reads indices with slices anywhere", () => {
    expect(shape("x[1:, ..., None, ::2, :]")).toBe("x[1::, ..., None, ::2, ::]");
    expect(shape("x[0, :, 0]")).toBe("x[0, ::, 0]");
    expect(shape("x[(1, 2)]")).toBe("x[1, 2]");
  });

  it("keeps a tuple in a list an element", () => {
    expect(parseExpression("[(1, 2)]")).toMatchObject({ kind: "list", items: [{ kind: "tuple" }] });
    expect(parseExpression("(1,)")).toMatchObject({ kind: "tuple", items: [{ kind: "integer" }] });
  });
});

describe("literals", () => {
  it("reads numbers", () => {
    expect(parseExpression("1_000")).toEqual({ kind: "integer", value: 1000n });
    expect(parseExpression("0xff")).toEqual({ kind: "integer", value: 255n });
    expect(parseExpression(".5e-3")).toEqual({ kind: "float", value: 0.0005 });
    expect(parseExpression("5.")).toEqual({ kind: "float", value: 5 });
  });

  it("reads strings", () => {
    expect(parseExpression('\'a\\n\\x41\' r\'\\n\' """b"""')).toEqual({ kind: "string", value: "a\nA\\nb" });
    expect(parseExpression("f'{x!r:>{w}.3f}{{'")).toMatchObject({
      kind: "format",
      parts: [
        { kind: "value", conversion: "r", format: [{ text: ">" }, { kind: "value" }, { text: ".3f" }] },
        { kind: "text", text: "{" },
      ],
    });
  });
});

describe("statements", () => {
  it("reads blocks, decorators and several statements a line", () => {
    const source =
      "class A(B):\n  @staticmethod\n  def f(x, *, y=1): return x; pass\n\n  z = 1\nwith a as b, c: d += 1; e\nfor i, j in k:\n  if i: break\n  else: continue";
    expect(parseProgram(source).map((s) => s.kind)).toEqual(["class", "with", "for"]);
  });

  it("reads chains of targets and imports", () => {
    expect(parseProgram("a = b, *c = d")[0]).toMatchObject({ kind: "assign", targets: [{ kind: "name" }, { kind: "tuple" }] });
    expect(parseProgram("from a.b import (c as d, e)")[0]).toMatchObject({
      module: "a.b",
      names: [{ name: "c", alias: "d" }, { name: "e" }],
    });
  });

  it("refuses what is not Python", () => {
    for (const source of ["a b", "f(", "x = ", "1 +", "if a:\nb", "'abc", "a ? b", "two passes over DataLoader(ds)", "  a\n b"]) {
      expect(() => parseProgram(source), source).toThrow(PythonSyntaxError);
    }
  });
});

/** An expression with all brackets. */
function show(e: ReturnType<typeof parseExpression>): string {
  switch (e.kind) {
    case "name":
      return e.name;
    case "integer":
      return String(e.value);
    case "constant":
      return "None";
    case "ellipsis":
      return "...";
    case "unary":
      return `${e.operator}${show(e.operand)}`;
    case "binary":
    case "boolean":
      return `(${show(e.left)} ${e.operator} ${show(e.right)})`;
    case "compare":
      return `(${show(e.first)}${e.rest.map((r) => ` ${r.operator} ${show(r.operand)}`).join("")})`;
    case "attribute":
      return `${show(e.object)}.${e.name}`;
    case "subscript":
      return `${show(e.object)}[${e.index.kind === "tuple" ? e.index.items.map(show).join(", ") : show(e.index)}]`;
    case "slice":
      return [e.start, e.stop, e.step].map((part) => (part ? show(part) : "")).join(":");
    case "call":
      return `${show(e.callee)}(${e.args.map((a) => show(a.value)).join(", ")})`;
    default:
      throw new Error(`no text for ${e.kind}`);
  }
}

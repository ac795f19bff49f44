import { describe, expect, it } from "vitest";
import { Api } from "../api.ts";
import { Interpreter } from "./evaluator.ts";
import { floatRepr, formatValue } from "./numbers.ts";
import { MissingAttribute, PyFloat } from "./values.ts";

class Tensor {}

/** A small library that records how it is called. */
function library(): { torch: object; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const record =
    (name: string) =>
    (...args: unknown[]): unknown => {
      calls.push([name, ...args]);
      return args[0];
    };
  class Base {
    readonly seen: unknown[];
    constructor(...args: unknown[]) {
      this.seen = args;
    }
    run(x: number): unknown {
      return (this as unknown as { forward(x: number): unknown }).forward(x);
    }
  }
  const float = (value: number): object => ({ scalar: value });
  const torch = { Tensor, float, Base, logSoftmax: record("logSoftmax"), tensor: record("tensor"), nn: { relu6: record("relu6") } };
  return { torch, calls };
}

function interpreter(): { run: (source: string) => Promise<unknown>; text: (source: string) => Promise<string>; calls: unknown[][] } {
  const { torch, calls } = library();
  const python = new Interpreter(new Api(torch, "cpu"), { torch });
  return { calls, run: (source) => python.run(source), text: async (source) => String(await python.evaluate(`repr((${source}))`)) };
}

describe("Python's own values", () => {
  const { text } = interpreter();
  const cases: readonly (readonly [string, string])[] = [
    ["1 / 2", "0.5"],
    ["7 // -2", "-4"],
    ["-7 % 3", "2"],
    ["2 ** 100", "1267650600228229401496703205376"],
    ["2 ** -1", "0.5"],
    ["1e16, 1e-5, 123456789.0, 0.0001, -0.0", "(1e+16, 1e-05, 123456789.0, 0.0001, -0.0)"],
    ["True + 1", "2"],
    ["[i * j for i in range(3) for j in (1, 2) if i]", "[1, 2, 2, 4]"],
    ["{k: v for k, v in {'a': 1, 'b': 2}.items()}", "{'a': 1, 'b': 2}"],
    ["(lambda a, *b, c=3, **d: (a, b, c, d))(1, 2, c=4, e=5)", "(1, (2,), 4, {'e': 5})"],
    ["[1, 2, 3][::-1], 'abc'[1:], (1, 2, 3)[-2]", "([3, 2, 1], 'bc', 2)"],
    ["1 < 2 < 3, 1 in [1], None is None, [1, 2] == [1, 2], (1, 2) < (1, 3)", "(True, True, True, True, True)"],
    ["f'{1.5:.3f}|{255:x}|{3:>5}|{\"a\"!r}|{{'", "\"1.500|ff|    3|'a'|{\""],
    ["sum([1, 2.5]), max(3, 1), min([2, 1]), sorted([3, 1, 2]), abs(-2)", "(3.5, 3, 1, [1, 2, 3], 2)"],
    ["list(zip([1, 2], 'ab')), list(enumerate('a', 1))", "([(1, 'a'), (2, 'b')], [(1, 'a')])"],
    ["'-'.join(str(i) for i in range(3)) if True else 0", "'0-1-2'"],
    ["int('12') + int(2.9), float('inf'), round(2.5), round(3.14159, 2)", "(14, inf, 2, 3.14)"],
  ];
  it.each(cases)("%s is %s", async (source, wanted) => {
    expect(await text(source)).toBe(wanted);
  });
});

describe("statements", () => {
  it("runs loops, functions, exceptions and classes", async () => {
    const { run } = interpreter();
    const source = `
def f(n):
  total = 0
  for i in range(n):
    if i == 1: continue
    if i == 4: break
    total += i
  return total
class A:
  def __init__(self, x): self.x = x
  def twice(self): return self.x * 2
class B(A):
  def __init__(self): super().__init__(21)
try:
  [][1]
except IndexError as e:
  caught = True
a, (b, *c) = 1, (2, 3, 4)
[f(10), B().twice(), caught, a, b, c]`;
    expect(await run(source)).toEqual([5n, 42n, true, 1n, 2n, [3n, 4n]]);
  });

  it("raises Python's errors", async () => {
    const { run } = interpreter();
    await expect(run("1 + 'a'")).rejects.toMatchObject({
      pythonType: "TypeError",
      message: "unsupported operand type(s) for +: 'int' and 'str'",
    });
    await expect(run("a, b = [1, 2, 3]")).rejects.toMatchObject({
      pythonType: "ValueError",
      message: "too many values to unpack (expected 2)",
    });
    await expect(run("nothing")).rejects.toMatchObject({ pythonType: "NameError" });
    await expect(run("1 // 0")).rejects.toMatchObject({ pythonType: "ZeroDivisionError" });
    await expect(run("assert 1 == 2, 'no'")).rejects.toMatchObject({ pythonType: "AssertionError", message: "no" });
  });
});

describe("the border to the library", () => {
  it("spells names and keywords in camelCase and keeps 1 and 1.0 apart", async () => {
    const { run, calls } = interpreter();
    await run("torch.log_softmax(1, 2., 0.5, keep_dim=True)");
    await run("torch.tensor([1, 2]); torch.tensor([1, 2.5]); torch.tensor([[True]])");
    await run("torch.nn.relu6(2., [1, (2, 3)])");
    expect(calls).toEqual([
      ["logSoftmax", 1, { scalar: 2 }, 0.5, { keepDim: true }],
      ["tensor", [1n, 2n]],
      ["tensor", [1, 2.5]],
      ["tensor", [[true]]],
      ["relu6", 2, [1, [2, 3]]],
    ]);
  });

  it("tells a missing name from a failing one", async () => {
    const { run } = interpreter();
    await expect(run("torch.no_such(1)")).rejects.toBeInstanceOf(MissingAttribute);
    await expect(run("torch.no_such(1)")).rejects.toMatchObject({ message: "module 'torch' has no attribute 'no_such'" });
    await expect(run("torch.to_string()")).rejects.toBeInstanceOf(MissingAttribute); // toString is JavaScript's, not the library's
  });

  it("derives classes from those of the library", async () => {
    const { run } = interpreter();
    const source =
      "class M(torch.Base):\n  def __init__(self, k): super().__init__(5); self.k = k\n  def forward(self, x): return x * self.k\nM(3).run(2)";
    expect(await run(source)).toBe(6n);
  });

  it("has no instance before super().__init__()", async () => {
    const { run } = interpreter();
    await expect(run("class M(torch.Base):\n  def __init__(self): self.k = 1\nM()")).rejects.toBeInstanceOf(ReferenceError);
  });
});

describe("numbers as text", () => {
  it("writes floats as Python does", () => {
    expect([0.1, 1e22, 1.5e-7, 100, Number.NaN, -1e-5].map(floatRepr)).toEqual(["0.1", "1e+22", "1.5e-07", "100.0", "nan", "-1e-05"]);
  });

  it("formats by a specification", () => {
    expect(formatValue(new PyFloat(1234.5), ",.2f")).toBe("1,234.50");
    expect(formatValue(new PyFloat(0.000012345), ".3g")).toBe("1.23e-05");
    expect(formatValue(-5n, "05d")).toBe("-0005");
    expect(formatValue(new PyFloat(0.5), ".1%")).toBe("50.0%");
    expect(formatValue("a", "*^5")).toBe("**a**");
    expect(() => formatValue(1n, "q")).toThrow("Unknown format code 'q'");
  });
});

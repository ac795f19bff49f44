import { describe, expect, test } from "vitest";
import { ModuleBuilder } from "../../src/backends/cpu/wasm/assembler.ts";
import { opcodes } from "../../src/backends/cpu/wasm/opcodes.ts";
import { functionText, moduleText } from "../../src/backends/cpu/wasm/text.ts";

type Exports = Record<string, (...args: (number | bigint)[]) => number | bigint>;

function instance(m: ModuleBuilder, imports: WebAssembly.Imports = {}): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), imports).exports as Exports;
}

describe("constants", () => {
  test.each([0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)])("i32 %d", (n) => {
    const m = new ModuleBuilder();
    m.func("f", [], ["i32"]).i32(n);
    expect(instance(m).f!()).toBe(n);
  });

  test.each([0n, 1n, -1n, 64n, -64n, -65n, 2n ** 31n, -(2n ** 31n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)])("i64 %d", (n) => {
    const m = new ModuleBuilder();
    m.func("f", [], ["i64"]).i64(n);
    expect(instance(m).f!()).toBe(n);
  });

  test.each([0, -0, 1.5, 1e-40, Number.POSITIVE_INFINITY, Number.NaN])("floats %d", (x) => {
    const m = new ModuleBuilder();
    m.func("f", [], ["f32"]).f32(x);
    m.func("g", [], ["f64"]).f64(x);
    expect(instance(m).f!()).toBe(Math.fround(x));
    expect(instance(m).g!()).toBe(x);
  });

  test("vectors", () => {
    const m = new ModuleBuilder();
    m.func("a", [], ["f32"]).v128("f32x4", 2.5).lane("f32x4.extract_lane", 3);
    m.func("b", [], ["i32"]).v128("i32x4", -7).lane("i32x4.extract_lane", 2);
    m.func("c", [], ["f64"]).v128("f64x2", 0.1).lane("f64x2.extract_lane", 1);
    m.func("d", [], ["i64"])
      .v128("i64x2", 2n ** 40n)
      .lane("i64x2.extract_lane", 1);
    m.func("e", [], ["i32"]).v128Bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]).lane("i8x16.extract_lane_s", 15);
    const { a, b, c, d, e } = instance(m);
    expect([a!(), b!(), c!(), d!(), e!()]).toEqual([2.5, -7, 0.1, 2n ** 40n, -1]);
  });
});

test("a loop with blocks, branches and locals", () => {
  // Greatest common divisor by Euclid
  const m = new ModuleBuilder();
  const f = m.func("gcd", ["i32", "i32"], ["i32"]);
  const t = f.local("i32");
  f.block((done) => {
    f.loop((top) => {
      f.get(1).op("i32.eqz").brIf(done);
      f.get(0).get(1).op("i32.rem_u").set(t).get(1).set(0).get(t).set(1).br(top);
    });
  }).get(0);
  expect(instance(m).gcd!(1071, 462)).toBe(21);
});

test("if with a result, and calls of imported and own functions", () => {
  const m = new ModuleBuilder();
  const sqrt = m.importFunction("host", "sqrt", ["f64"], ["f64"]);
  expect(m.importFunction("host", "sqrt", ["f64"], ["f64"])).toBe(sqrt);
  const square = m.func("square", ["f64"], ["f64"], false);
  square.get(0).get(0).op("f64.mul");
  const f = m.func("norm", ["f64", "f64"], ["f64"]);
  f.get(0)
    .get(0)
    .op("f64.ne")
    .if(
      () => f.f64(0),
      () => f.get(0).call(square.index).get(1).call(square.index).op("f64.add").call(sqrt),
      "f64",
    );
  const { norm, square: hidden } = instance(m, { host: { sqrt: Math.sqrt } });
  expect(norm!(3, 4)).toBe(5);
  expect(norm!(Number.NaN, 4)).toBe(0);
  expect(hidden).toBeUndefined();
});

test("functions are imported before the first one is built", () => {
  const m = new ModuleBuilder();
  m.func("f", []);
  expect(() => m.importFunction("host", "late", [], [])).toThrow("import functions before the first function is built");
});

test("an instruction that does not exist", () => {
  const m = new ModuleBuilder();
  // @ts-expect-error not an instruction
  expect(() => m.func("f", []).op("f32.fma")).toThrow("no such instruction: f32.fma");
});

test("the prologue runs before the body, and equal keys share a local", () => {
  const m = new ModuleBuilder();
  const f = m.func("f", ["i32"], ["i32"]);
  const seven = (): number => f.hoist("i32", "seven", () => f.get(0).i32(7).op("i32.add"));
  f.get(seven()).i32(0).set(0).get(seven()).op("i32.mul");
  expect(instance(m).f!(3)).toBe(100);
});

test("memory: loads and stores with offsets, lanes, copy and fill", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
  const m = new ModuleBuilder();
  m.importMemory("env", "memory", { initial: 1, maximum: 2, shared: true });
  const f = m.func("f", ["i32"]);
  f.get(0).get(0).load("f32.load", 300).store("f32.store", 4);
  f.get(0).get(0).get(0).load("v128.load").loadLane(16, 7, 300).store("v128.store", 16);
  f.get(0).get(0).load("v128.load", 300).storeLane(32, 0, 64);
  f.i32(1000).get(0).i32(8).memoryCopy();
  f.i32(2000).i32(7).i32(3).memoryFill();
  const view = new DataView(memory.buffer);
  view.setFloat32(400, 1.25, true);
  view.setInt32(100, 77, true);
  instance(m, { env: { memory } }).f!(100);
  expect([view.getFloat32(104, true), view.getInt32(116, true), view.getUint16(130, true), view.getFloat32(164, true)]).toEqual([
    1.25,
    77,
    view.getUint16(400, true),
    1.25,
  ]);
  expect([view.getInt32(1000, true), view.getFloat32(1004, true), view.getUint8(1999), view.getUint8(2002), view.getUint8(2003)]).toEqual([
    77, 1.25, 0, 7, 0,
  ]);
});

test("functions may be longer than their parts' lengths in one byte", () => {
  const m = new ModuleBuilder();
  const f = m.func("f", [], ["i32"]);
  f.i32(0);
  for (let k = 0; k < 20000; k++) f.i32(1).op("i32.add");
  for (let k = 0; k < 300; k++) m.func(`g${k}`, [], ["i32"]).i32(k);
  expect(instance(m).f!()).toBe(20000);
  expect(instance(m).g299!()).toBe(299);
});

/** What an instruction takes from the stack and leaves there, where its name tells. */
const vectorTests = Object.keys(opcodes).filter(
  (name) => /^(i8x16|i16x8|i32x4|i64x2|f32x4|f64x2)\./.test(name) && !name.includes("relaxed"),
);
test.each(vectorTests)("%s is what V8 calls so", (name) => {
  // The engine checks the operands' types, so an opcode of another instruction is found unless its type is the same.
  const op = name as keyof typeof opcodes;
  const [shape, kind] = name.split(".") as [string, string];
  const m = new ModuleBuilder();
  const scalar = shape === "i64x2" ? "i64" : shape === "f32x4" ? "f32" : shape === "f64x2" ? "f64" : "i32";
  if (kind === "splat") m.func("f", [scalar], ["v128"]).get(0).op(op);
  else if (kind.startsWith("extract_lane")) m.func("f", ["v128"], [scalar]).get(0).lane(op, 0);
  else if (kind === "replace_lane") m.func("f", ["v128", scalar], ["v128"]).get(0).get(1).lane(op, 0);
  else if (kind === "shuffle") m.func("f", ["v128"], ["v128"]).get(0).get(0).shuffle32(0, 1, 2, 3);
  else if (kind === "all_true" || kind === "bitmask") m.func("f", ["v128"], ["i32"]).get(0).op(op);
  else if (/^sh[lr]/.test(kind)) m.func("f", ["v128", "i32"], ["v128"]).get(0).get(1).op(op);
  else {
    const one = /^(abs|neg|popcnt|sqrt|ceil|floor|trunc|nearest|extend_|extadd|convert|demote|promote)/.test(kind);
    const f = m.func("f", ["v128", "v128"], ["v128"]).get(0);
    if (!one) f.get(1);
    f.op(op);
  }
  expect(WebAssembly.validate(m.toBytes())).toBe(true);
});

test("the text form", () => {
  const m = new ModuleBuilder();
  const f = m.func("run", ["i32", "i32"], ["f32"]);
  const x = f.local("v128");
  f.loop((top) => {
    f.get(0).load("v128.load", 16).tee(x).get(x).shuffle32(3, 2, 1, 0).set(x);
    f.get(1).i32(-4).op("i32.add").tee(1).brIf(top);
  });
  f.get(f.hoist("v128", "c", () => f.v128("f32x4", 0.5)))
    .get(x)
    .op("f32x4.mul")
    .lane("f32x4.extract_lane", 0);
  m.func("two", [], ["f64"]).f64(2);
  expect(functionText(f)).toMatchInlineSnapshot(`
    "run($0 i32, $1 i32) f32 {
      $3 = v128.const(f32x4 0.5)
      loop {
        $2 = i8x16.shuffle(($2 = v128.load($0, +16)), $2, lanes 3 2 1 0)
        if (($1 = i32.add($1, -4))) br 0
      }
      -> f32x4.extract_lane(f32x4.mul($3, $2), lane 0)
    }"
  `);
  expect(moduleText(m).endsWith("two() f64 {\n  -> f64.const(2)\n}")).toBe(true);
});

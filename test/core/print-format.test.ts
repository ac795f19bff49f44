import { describe, expect, test } from "vitest";
import {
  formatSpec,
  type PythonValue,
  reprFloat,
  reprInt,
  reprList,
  reprNumber,
  reprReturnType,
  reprSize,
  reprString,
  reprTuple,
  reprValue,
  strValue,
} from "../../src/core/print/python.ts";

// All texts and sentences in the tables are Python 3.11's.

const FORMATS: readonly [x: number | bigint | boolean, spec: string, text: string][] = [
  [1.23456789, ".3f", "1.235"],
  [2.5, ".0f", "2"],
  [3.5, ".0f", "4"],
  [0.125, ".2f", "0.12"],
  [2.675, ".2f", "2.67"],
  [1e22, ".1f", "10000000000000000000000.0"],
  [1e23, "f", "99999999999999991611392.000000"],
  [5e-324, ".3e", "4.941e-324"],
  [5e-324, ".330f", `0.${"0".repeat(323)}4940656`],
  [-0, ".1f", "-0.0"],
  [-0.04, ".1f", "-0.0"],
  [-0.04, "z.1f", "0.0"],
  [-0, "z", "0.0"],
  [1234.5, ".2e", "1.23e+03"],
  [9.995, ".2e", "9.99e+00"],
  [0, "e", "0.000000e+00"],
  [1e100, "E", "1.000000E+100"],
  [0.1234, ".1%", "12.3%"],
  [1, "%", "100.000000%"],
  [Infinity, "%", "inf%"],
  [1234.5678, ".4g", "1235"],
  [123456, ".4g", "1.235e+05"],
  [1e-5, "g", "1e-05"],
  [0.0001, "g", "0.0001"],
  [1000000, "g", "1e+06"],
  [0, "g", "0"],
  [1.5, "#g", "1.50000"],
  [10000000000, "#.3g", "1.00e+10"],
  [3, "#.0f", "3."],
  [1e20, "#", "1.e+20"],
  [100, ".0g", "1e+02"],
  [1e-10, "G", "1E-10"],
  [3, "", "3.0"],
  [3, ">8", "     3.0"],
  [1e16, "10", "     1e+16"],
  [100, ".3", "1e+02"],
  [3, ".3", "3.0"],
  [1234567, ".3", "1.23e+06"],
  [12345.678, ",.2f", "12,345.68"],
  [1234567, "_", "1_234_567.0"],
  [1234567.891, "012,.1f", "01,234,567.9"],
  [1234, "06,", "1,234.0"],
  [0.5, "n", "0.5"],
  [3.1424, "08.3f", "0003.142"],
  [-3.1424, "08.3f", "-003.142"],
  [-3.1424, "=+9.2f", "-    3.14"],
  [3.1424, "*^12.3f", "***3.142****"],
  [3.1424, "<10.2f", "3.14      "],
  [3.1424, "x<9.2f", "3.14xxxxx"],
  [3.1424, "+.1f", "+3.1"],
  [3.1424, " .1f", " 3.1"],
  [3.1424, "*<08.1f", "3.1*****"],
  [1.5, "😀>6", "😀😀😀1.5"],
  [Infinity, "08.3f", "00000inf"],
  [-Infinity, "F", "-INF"],
  [NaN, "+e", "+nan"],
  [NaN, "6G", "   NAN"],
  [Infinity, "010,.1f", "0000000inf"],
  [42n, "d", "42"],
  [42n, "5d", "   42"],
  [42n, "05", "00042"],
  [-42n, "+d", "-42"],
  [1234567n, ",", "1,234,567"],
  [1234567n, "_d", "1_234_567"],
  [255n, "x", "ff"],
  [255n, "#X", "0XFF"],
  [255n, "#b", "0b11111111"],
  [65535n, "_b", "1111_1111_1111_1111"],
  [-255n, "#06x", "-0x0ff"],
  [8n, "o", "10"],
  [65n, "c", "A"],
  [65n, "3c", "  A"],
  [1180591620717411303424n, "d", "1180591620717411303424"],
  [3n, ".2f", "3.00"],
  [100000000000000000000n, "e", "1.000000e+20"],
  [1n, "%", "100.000000%"],
  [0n, "08,", "0,000,000"],
  [7n, "n", "7"],
  [true, "", "True"],
  [true, "5", "    1"],
  [false, "d", "0"],
  [true, ".1f", "1.0"],
];

const ERRORS: readonly [x: number | bigint | boolean, spec: string, pythonType: string, message: string][] = [
  [1.5, "d", "ValueError", "Unknown format code 'd' for object of type 'float'"],
  [1.5, "s", "ValueError", "Unknown format code 's' for object of type 'float'"],
  [7n, "s", "ValueError", "Unknown format code 's' for object of type 'int'"],
  [true, "s", "ValueError", "Unknown format code 's' for object of type 'bool'"],
  [1n, ".2", "ValueError", "Precision not allowed in integer format specifier"],
  [1n, "z", "ValueError", "Negative zero coercion (z) not allowed in integer format specifier"],
  [1n, "+c", "ValueError", "Sign not allowed with integer format specifier 'c'"],
  [1n, "#c", "ValueError", "Alternate form (#) not allowed with integer format specifier 'c'"],
  [-1n, "c", "OverflowError", "%c arg not in range(0x110000)"],
  [9223372036854775808n, "c", "OverflowError", "Python int too large to convert to C long"],
  [10n ** 400n, "f", "OverflowError", "int too large to convert to float"],
  [1.5, ",n", "ValueError", "Cannot specify ',' with 'n'."],
  [1n, ",b", "ValueError", "Cannot specify ',' with 'b'."],
  [1.5, ", ", "ValueError", "Cannot specify ',' with '\\x20'."],
  [1.5, "_,", "ValueError", "Cannot specify both ',' and '_'."],
  [1.5, ".", "ValueError", "Format specifier missing precision"],
  [1.5, ".3ff", "ValueError", "Invalid format specifier '.3ff' for object of type 'float'"],
  [1.5, "9223372036854775808f", "ValueError", "Too many decimal digits in format string"],
  [1.5, ".2147483648f", "ValueError", "precision too big"],
  [1.5, "é", "ValueError", "Unknown format code '\\xe9' for object of type 'float'"],
];

const FLOATS: readonly [x: number, text: string][] = [
  [0, "0.0"],
  [-0, "-0.0"],
  [1, "1.0"],
  [0.1, "0.1"],
  [0.0001, "0.0001"],
  [1e-5, "1e-05"],
  [0.00012345, "0.00012345"],
  [1000000000000000, "1000000000000000.0"],
  [1e16, "1e+16"],
  [1.2345678901234568e17, "1.2345678901234568e+17"],
  [1e22, "1e+22"],
  [1.5e300, "1.5e+300"],
  [5e-324, "5e-324"],
  [1.7976931348623157e308, "1.7976931348623157e+308"],
  [0.30000000000000004, "0.30000000000000004"],
  [Infinity, "inf"],
  [-Infinity, "-inf"],
  [NaN, "nan"],
];

const STRINGS: readonly [x: string, text: string][] = [
  ["a", "'a'"],
  ["", "''"],
  ["it's", '"it\'s"'],
  ['say "hi"', "'say \"hi\"'"],
  ['it\'s "it"', "'it\\'s \"it\"'"],
  ["a\\b\n\t\r", "'a\\\\b\\n\\t\\r'"],
  ["\u0000\u001f\u007f", "'\\x00\\x1f\\x7f'"],
  ["\u00a0\u00ad", "'\\xa0\\xad'"],
  ["\u00e9\u4e2d\ud83d\ude00", "'\u00e9\u4e2d\ud83d\ude00'"],
  ["\u200b\u2028\ue000", "'\\u200b\\u2028\\ue000'"],
  ["\udbff\udfff", "'\\U0010ffff'"],
];

describe("formatSpec", () => {
  test.each(FORMATS)("%s as '%s' is '%s'", (x, spec, text) => {
    expect(formatSpec(x, spec)).toBe(text);
  });

  test.each(ERRORS)("%s as '%s' raises %s", (x, spec, pythonType, message) => {
    expect(() => formatSpec(x, spec)).toThrow(expect.objectContaining({ pythonType, message }));
  });

  test("a whole number counts as int where the specification asks for one, unless its kind is given", () => {
    expect(formatSpec(42, "5d")).toBe("   42");
    expect(formatSpec(255, "#x")).toBe("0xff");
    expect(formatSpec(3, "")).toBe("3.0");
    expect(formatSpec(3, "", "int")).toBe("3");
    expect(formatSpec(1, "", "bool")).toBe("True");
    expect(() => formatSpec(42, "d", "float")).toThrow("Unknown format code 'd' for object of type 'float'");
  });
});

test.each(FLOATS)("reprFloat(%s)", (x, text) => {
  expect(reprFloat(x)).toBe(text);
});

test.each(STRINGS)("reprString(%j)", (x, text) => {
  expect(reprString(x)).toBe(text);
});

test("reprNumber and reprInt", () => {
  expect([3, 0.5, 1e-5, 7n, true, -0, 1e16, Number.POSITIVE_INFINITY].map(reprNumber)).toEqual([
    "3",
    "0.5",
    "1e-05",
    "7",
    "True",
    "-0.0",
    "10000000000000000",
    "inf",
  ]);
  expect(reprInt(1e22)).toBe("10000000000000000000000");
});

test("tuples, lists and other values", () => {
  expect(reprTuple([3, 3])).toBe("(3, 3)");
  expect(reprTuple([2])).toBe("(2,)");
  expect(reprTuple([])).toBe("()");
  expect(reprTuple([[1, 2], [0.5]])).toBe("((1, 2), (0.5,))");
  expect(reprList([1, [2.5, null], "a"])).toBe("[1, [2.5, None], 'a']");
  expect(reprList([[1, 2.5]], reprFloat)).toBe("[[1.0, 2.5]]");
  expect(reprSize([4])).toBe("torch.Size([4])");
  const values: PythonValue[] = ["zeros", null, undefined, false, [0.9, 0.999], 1e-8];
  expect(values.map(reprValue)).toEqual(["'zeros'", "None", "None", "False", "(0.9, 0.999)", "1e-08"]);
  expect(values.map(strValue)).toEqual(["zeros", "None", "None", "False", "(0.9, 0.999)", "1e-08"]);
  expect(
    reprReturnType("sort", [
      ["values", "a"],
      ["indices", "b"],
    ]),
  ).toBe("torch.return_types.sort(\nvalues=a,\nindices=b)");
});

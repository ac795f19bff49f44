import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { Api } from "./api.ts";
import { Corpus, contiguousStrides, type StorageArray } from "./corpus.ts";
import { folder } from "./folder.ts";
import { parseOptions } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import type { Report } from "./report.ts";
import { runCorpus } from "./runner.ts";

const FILES = folder(fileURLToPath(new URL("../golden", import.meta.url)));

class LibraryError extends Error {
  readonly pythonType: string;
  readonly unexpectedKeyword: string | undefined;
  constructor(pythonType: string, message: string, unexpectedKeyword?: string) {
    super(message);
    this.pythonType = pythonType;
    this.unexpectedKeyword = unexpectedKeyword;
  }
}

const dtype = (name: string): object => ({ name, isFloatingPoint: name.startsWith("float") });

const not = (x: number | bigint): number | bigint => (typeof x === "bigint" ? ~x : ~x);

/** As much of a tensor as the runner needs to judge a function of whole numbers. */
class Tensor {
  readonly values: ArrayLike<number | bigint>;
  readonly dtype: object;
  readonly shape: readonly number[];
  readonly #strides: readonly number[];
  requiresGrad = false;
  readonly isLeaf = true;
  readonly gradFn = null;
  constructor(values: ArrayLike<number | bigint>, of: object, shape: readonly number[] = [values.length], strides?: readonly number[]) {
    this.values = values;
    this.dtype = of;
    this.shape = shape;
    this.#strides = strides ?? contiguousStrides(shape);
  }
  stride(): readonly number[] {
    return this.#strides;
  }
  async toTypedArray(): Promise<ArrayLike<number | bigint>> {
    return this.values;
  }
  asStrided(shape: readonly number[], strides: readonly number[], offset: number): Tensor {
    const all = contiguousStrides(shape);
    const count = shape.reduce((a, b) => a * b, 1);
    const at = (i: number): number =>
      shape.reduce((sum, n, d) => sum + (Math.floor(i / (all[d] as number)) % n) * (strides[d] as number), offset);
    return new Tensor(
      Array.from({ length: count }, (_, i) => this.values[at(i)] as number),
      this.dtype,
      shape,
    );
  }
  detach(): Tensor {
    return this;
  }
  clone(): Tensor {
    return new Tensor(Array.from(this.values), this.dtype, this.shape);
  }
  untypedStorage(): unknown {
    return this.values;
  }
  map(f: (x: number | bigint) => number | bigint): Tensor {
    return new Tensor(Array.from(this.values, f), this.dtype, this.shape);
  }
  bitwiseNot_(): Tensor {
    return this.map(not);
  }
}

/** A library that knows one function, and a Python class for the errors of another. */
function library(bitwiseNot: (x: number | bigint) => number | bigint, strides?: (shape: readonly number[]) => readonly number[]): object {
  const types = Object.fromEntries(["bool", "int32", "int64", "float32"].map((name) => [name, dtype(name)]));
  return {
    ...types,
    Tensor,
    nn: {},
    noGrad: () => ({ [Symbol.dispose]: () => {} }),
    tensor: (values: StorageArray | readonly number[], options: { dtype: object }) =>
      new Tensor(values as ArrayLike<number>, options.dtype),
    bitwiseNot: (x: Tensor) => new Tensor(x.map(bitwiseNot).values, x.dtype, x.shape, strides?.(x.shape)),
    eye: (...args: unknown[]) => {
      throw new LibraryError("RuntimeError", (args[0] as number) < 0 ? `n must be greater or equal to 0, got ${String(args[0])}` : "wrong");
    },
    cumsum: () => {
      throw new LibraryError("TypeError", "cumsum() got an unexpected keyword argument 'dim'", "dim");
    },
  };
}

async function outcomes(
  torch: object,
  match: RegExp,
  dtypes: readonly string[] = ["bool", "int32", "int64", "float32"],
): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  await runCorpus(
    FILES,
    new Api(torch, "cpu"),
    new Set(dtypes),
    { section: "ops", match },
    (_, id, outcome) => void found.set(id, outcome),
  );
  return found;
}

const NOT = /bitwise_not\/(int32|int64)/;

describe("a case", () => {
  it("passes when the result is right in value, dtype, shape and layout", async () => {
    const result = await outcomes(library(not), NOT);
    expect(result.size).toBeGreaterThan(2);
    for (const [id, outcome] of result) expect(outcome, id).toEqual({ kind: "passed" });
  });

  it("fails when a value is wrong", async () => {
    const result = await outcomes(
      library((x) => (typeof x === "bigint" ? ~x + 1n : ~x + 1)),
      NOT,
    );
    for (const [id, outcome] of result) if ((await elementsOf(id)).length > 0) expect(outcome.kind, id).toBe("failed");
  });

  it("fails when the layout is wrong", async () => {
    const result = await outcomes(
      library(not, (shape) => contiguousStrides(shape).map((s) => s * 2)),
      NOT,
    );
    for (const [id, outcome] of result) if ((await elementsOf(id)).length > 1) expect(outcome.kind, id).toBe("failed");
  });

  it("is not implemented when the name or the option is missing, and never passed", async () => {
    for (const [id, outcome] of await outcomes(library(not), /^ops\/(sinh|cumsum)\/int32/)) expect(outcome.kind, id).toBe("notImplemented");
    for (const [id, outcome] of await outcomes(library(not), /^ops\/(sinh|gcd)\/error/)) expect(outcome.kind, id).toBe("notImplemented");
  });

  it("passes by the recorded error, and by no other", async () => {
    const result = await outcomes(library(not), /^ops\/eye\/error/);
    const kinds = [...result.values()].map((outcome) => outcome.kind);
    expect(result.get("eye/error/1")?.kind).toBe("passed");
    expect(result.get("eye/error/2")?.kind).toBe("failed");
    expect(new Set(kinds)).toEqual(new Set(["passed", "failed"]));
  });

  it("is unsupported by its dtypes alone", async () => {
    const result = await outcomes(library(not), NOT, ["int32"]);
    for (const [id, outcome] of result) {
      if (id.includes("int64")) expect(outcome).toEqual({ kind: "unsupported", why: "cpu has no int64" });
      else expect(outcome.kind).not.toBe("unsupported");
    }
  });
});

async function elementsOf(id: string): Promise<ArrayLike<number | bigint>> {
  const { cases } = await (await Corpus.open(FILES)).group("ops", "bitwise_not");
  return cases.find((c) => c.id === id)?.elements(0) ?? [];
}

describe("a device whose errors come with the next read", () => {
  let kept: Error | null = null;
  class LateTensor extends Tensor {
    override async toTypedArray(): Promise<ArrayLike<number | bigint>> {
      const error = kept;
      kept = null;
      if (error) throw error;
      return this.values;
    }
  }
  const late: object = {
    ...library(not),
    Tensor: LateTensor,
    device: () => ({ backend: {} }), // no readSync
    ones: () => new LateTensor([1], dtype("float32")),
    cumsum: () => {
      kept = new LibraryError("RuntimeError", "found in the values");
      throw new LibraryError("TypeError", "cumsum() got an unexpected keyword argument 'dim'", "dim");
    },
    eye: (n: number) => {
      kept ??= new LibraryError("RuntimeError", n < 0 ? `n must be greater or equal to 0, got ${n}` : "wrong");
      return new LateTensor([], dtype("float32"));
    },
    sinh: (x: Tensor) => {
      kept = new LibraryError("RuntimeError", "found in the values");
      return new LateTensor(x.values, x.dtype, x.shape);
    },
  };

  it("is judged by them, case by case", async () => {
    const found = new Map<string, Outcome>();
    const selection = { section: "ops", match: /^ops\/(cumsum\/float32|eye\/error|sinh\/float32)/ };
    await runCorpus(FILES, new Api(late, "late"), new Set(["float32"]), selection, (_, id, outcome) => void found.set(id, outcome));
    expect(found.get("cumsum/float32/0")?.kind).toBe("notImplemented");
    expect(found.get("eye/error/1")?.kind).toBe("passed"); // and not failed by what cumsum left behind
    expect(found.get("eye/error/2")?.kind).toBe("failed");
    expect(found.get("sinh/float32/0")).toEqual({ kind: "failed", why: expect.stringContaining("found in the values") as string });
    expect(kept).toBeNull();
  });
});

describe("the report", () => {
  let report: Report;
  beforeAll(async () => {
    report = await runCorpus(
      FILES,
      new Api(library(not), "cpu"),
      new Set(["int32", "float32"]),
      { section: "ops", match: /^ops\/(eye|sinh)\// },
      () => {},
    );
  });

  it("counts every case once", async () => {
    const { passed, failed, notImplemented, unsupported } = report.total;
    const corpus = await Corpus.open(FILES);
    const groups = await Promise.all(["eye", "sinh"].map(async (name) => (await corpus.group("ops", name)).cases.length));
    expect(passed + failed + notImplemented + unsupported).toBe(groups.reduce((a, b) => a + b));
    expect(report.toJSON().sections["ops"]?.groups["eye"]?.counts.passed).toBe(passed);
    expect(report.toJSON().sections["ops"]?.groups["eye"]?.failures).toHaveLength(failed);
    expect(Math.min(passed, failed, notImplemented)).toBeGreaterThan(0);
  });

  it("succeeds only where nothing failed, and completely only where nothing is missing", () => {
    const of = (counts: Partial<Report["total"]>): boolean[] => {
      Object.assign(report.total, { passed: 1, failed: 0, notImplemented: 0, unsupported: 0 }, counts);
      return [report.succeeded(false), report.succeeded(true)];
    };
    expect(of({})).toEqual([true, true]);
    expect(of({ failed: 1 })).toEqual([false, false]);
    expect(of({ notImplemented: 1 })).toEqual([true, false]);
    expect(of({ unsupported: 1 })).toEqual([true, false]);
    expect(of({ passed: 0 })).toEqual([false, false]); // nothing was selected
  });
});

describe("the command line", () => {
  it("has defaults and refuses what it does not know", () => {
    expect(parseOptions([], "d")).toEqual({
      corpus: "d",
      device: "cpu",
      browser: false,
      isolated: false,
      section: null,
      match: null,
      json: null,
      complete: false,
      verbose: false,
    });
    expect(parseOptions(["--corpus", "c", "--match", "a.b", "--complete"], "d")).toMatchObject({
      corpus: "c",
      match: /a.b/,
      complete: true,
    });
    expect(() => parseOptions(["--skip"], "d")).toThrow();
    expect(() => parseOptions(["--isolated"], "d")).toThrow("--browser");
  });
});

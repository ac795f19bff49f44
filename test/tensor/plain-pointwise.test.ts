import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import type { Pointwise } from "../../src/ops/define.ts";
import * as ops from "../../src/ops/index.ts";
import { callPointwise, callPointwiseInplace } from "../../src/tensor/call-pointwise.ts";
import { Data } from "../backends/case.ts";

// Plain calls skip most of what a call looks at: whatever they take, the general call gives the same for.

const pointwise = Object.entries(ops as Record<string, unknown>).filter((entry): entry is [string, Pointwise] => {
  return typeof entry[1] === "function" && (entry[1] as { kind?: string }).kind === "pointwise";
});
const dtypes = [torch.float32, torch.float16, torch.int64, torch.bool];

type Make = (values: () => number, dtype: torch.DType) => Tensor;
const filled = (shape: readonly number[], values: () => number, dtype: torch.DType): Tensor =>
  torch
    .tensor(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, values), { dtype: torch.float64 })
    .reshape(shape)
    .to(dtype);
const layouts: Readonly<Record<string, Make>> = {
  contiguous: (v, d) => filled([3, 4], v, d),
  "a later part": (v, d) => filled([5, 4], v, d).narrow(0, 2, 3),
  transposed: (v, d) => filled([4, 3], v, d).t(),
  "one row": (v, d) => filled([4], v, d),
  "a column of strides of its own": (v, d) => filled([3, 4], v, d).narrow(1, 1, 1),
  stretched: (v, d) => filled([3, 1], v, d).expand([3, 4]),
  "no dimensions": (v, d) => filled([], v, d),
  "no elements": (v, d) => filled([0, 4], v, d),
  "another shape": (v, d) => filled([2, 5], v, d),
};

interface Outcome {
  readonly error?: string;
  readonly result?: unknown;
}
function outcome(f: () => Tensor, more: () => unknown = () => null): Outcome {
  try {
    const y = f();
    const bits = y.dtype.isFloatingPoint ? y.to(torch.float64) : y;
    return { result: [y.shape, y.stride(), y.dtype.name, y.requiresGrad, y.gradFn?.name, String(bits.contiguous().tolistSync()), more()] };
  } catch (error) {
    return { error: `${(error as Error).name}: ${(error as Error).message}` };
  }
}

/** Operands for a call: tensors of these layouts, or a number in place of the last. */
function operands(op: Pointwise, made: readonly string[], dtype: torch.DType, number: boolean, seed: number): (Tensor | number)[] {
  const data = new Data(seed);
  const whole = !dtype.isFloatingPoint;
  const value = (): number => (whole ? data.int(1, 5) : data.int(1, 80) / 16);
  return Array.from({ length: op.arity }, (_, i) =>
    number && i === op.arity - 1 && i > 0 ? value() : layouts[made[i % made.length]!]!(value, dtype),
  );
}

const pairs = Object.keys(layouts).flatMap((a) => ["contiguous", "one row", a].map((b) => [a, b] as const));

/** Whether an op takes no operands of a dtype alone. */
function refuses(op: Pointwise, dtype: torch.DType): boolean {
  const one = outcome(() => callPointwise(op, ...operands(op, ["contiguous"], dtype, false, 1)));
  return one.error !== undefined;
}

describe.each(pointwise)("%s by a plain call is what it is by a general one", (_, op) => {
  test.each(dtypes.map((d) => [d.name, d] as const))("of %s", (_, dtype) => {
    let taken = 0;
    pairs.forEach((made, k) => {
      for (const number of [false, true]) {
        for (const grad of dtype.isFloatingPoint && k % 3 === 0 ? [false, true] : [false]) {
          const run = (call: (...xs: unknown[]) => unknown): Outcome => {
            const xs = operands(op, made, dtype, number, k + 1);
            const leaves = xs.filter((x) => x instanceof torch.Tensor).map((x) => (grad ? x.detach().requiresGrad_() : x));
            const args = xs.map((x) => (x instanceof torch.Tensor ? leaves.shift()! : x));
            return outcome(
              () => call(...args) as Tensor,
              () => {
                if (!grad || !dtype.isFloatingPoint || dtype === torch.float16) return null;
                const y = call(...args) as Tensor;
                if (!y.requiresGrad) return null;
                y.sum().backward();
                return args.map((x) => (x instanceof torch.Tensor ? String(x.grad?.tolistSync()) : null));
              },
            );
          };
          const general = run((...xs) => callPointwise(op, ...xs));
          expect(run((...xs) => Reflect.apply(op, undefined, xs))).toEqual(general);
          if (general.error === undefined) taken++;
        }
      }
    });
    expect(taken).toBeGreaterThan(refuses(op, dtype) ? -1 : 10);
  });
});

const inplace = pointwise.filter(([, op]) => "inplace" in op);
describe.each(inplace)("%s in place by a plain call is what it is by a general one", (name, op) => {
  test.each(dtypes.map((d) => [d.name, d] as const))("of %s", (_, dtype) => {
    pairs.forEach((made, k) => {
      for (const number of [false, true]) {
        const run = (call: (...xs: unknown[]) => Tensor): Outcome => {
          const xs = operands(op, made, dtype, number, k + 1);
          const before = (xs[0] as Tensor).version;
          return outcome(
            () => call(...xs),
            () => (xs[0] as Tensor).version - before,
          );
        };
        const method = (...[x, ...rest]: unknown[]): Tensor => (x as Tensor)[`${name}_` as "add_"](...(rest as [number]));
        expect(run(method)).toEqual(run((...xs) => callPointwiseInplace(op, ...xs)));
      }
    });
  });
});

describe("plain calls", () => {
  test("in place over operands that share memory read what was there before", () => {
    const x = torch.arange(6).to(torch.float32);
    x.narrow(0, 1, 5).add_(x.narrow(0, 0, 5));
    expect(x.tolistSync()).toEqual([0, 1, 3, 5, 7, 9]);
    const y = torch.arange(4).to(torch.float32);
    y.mul_(y);
    expect(y.tolistSync()).toEqual([0, 1, 4, 9]);
    y.view(2, 2).add_(y.view(2, 2).t());
    expect(y.tolistSync()).toEqual([0, 5, 5, 18]);
  });

  test("in place with the one option of an op", () => {
    const x = torch.ones(3);
    const g = torch.tensor([1, 2, 3]);
    expect(x.add_(g, { alpha: -0.5 }).tolistSync()).toEqual([0.5, 0, -0.5]);
    expect(x.sub_(1, { alpha: 2 }).tolistSync()).toEqual([-1.5, -2, -2.5]);
    expect(x.addcmul_(g, g, { value: 0.5 }).tolistSync()).toEqual([-1, 0, 2]);
    expect(x.version).toBe(3);
    expect(() => x.add_(g, { beta: 2 } as object)).toThrow("add() got an unexpected keyword argument 'beta'");
    expect(() => torch.ones(2, { dtype: torch.int64 }).add_(1, { alpha: 0.5 })).toThrow(
      "For integral input tensors, argument alpha must not be a floating point number.",
    );
  });

  test("a result's layout is its own, whatever the operand's", () => {
    const x = torch.arange(8).to(torch.float32).view(2, 4);
    const part = x.narrow(0, 1, 1);
    const y = part.add(1);
    expect([y.storageOffset(), y.stride()]).toEqual([0, [4, 1]]);
    y.zero_();
    expect(x.tolistSync()).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });
});

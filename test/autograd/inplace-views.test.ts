import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";

type Program = (a: Tensor, b: Tensor, w: Tensor) => Tensor;

/**
 * Programs that write to views, and the loss and gradients that PyTorch 1.13.1 gives for them with a = [[1, 2, 3], [4, 5, 6]], b = [2, 3, 4] and
 * weights w = [[1, 2, 3], [4, 5, 6]].
 */
const programs: readonly (readonly [name: string, Program, loss: number, a: number[] | null, b: number[] | null])[] = [
  [
    "a row times a leaf",
    (a, b, w) => {
      const x = a.mul(1);
      x.at(0).mul_(b);
      return x.mul(w).sum();
    },
    127,
    [2, 6, 12, 4, 5, 6],
    [1, 4, 9],
  ],
  [
    "part of a flat view, then the base",
    (a, b, w) => {
      const x = a.mul(1);
      x.view(6).at("1:4").add_(b);
      x.mul_(2);
      return x.mul(x).mul(w).sum();
    },
    2952,
    [8, 64, 144, 256, 200, 288],
    [64, 144, 256],
  ],
  [
    "the base, after a view was made",
    (a, b) => {
      const x = a.mul(1);
      const v = x.at(0);
      x.mul_(2);
      return v.mul(b).sum();
    },
    40,
    [4, 6, 8, 0, 0, 0],
    [2, 4, 6],
  ],
  [
    "a transposed view",
    (a, _, w) => {
      const x = a.mul(1);
      x.t().mul_(torch.tensor([1, 2], { dtype: a.dtype }));
      return x.exp().mul(w).sum();
    },
    1098662.625,
    [Math.exp(1), 14.778112, 60.256611, 23847.664062, 220264.65625, 1953057.5],
    null,
  ],
  [
    "into a base that required nothing",
    (_, b, w) => {
      const x = torch.zeros(2, 3, { dtype: b.dtype });
      x.setAt(1, b.mul(2));
      expect(x.requiresGrad).toBe(true);
      return x.mul(w).sum();
    },
    94,
    null,
    [8, 10, 12],
  ],
  [
    "a view of a view of a view",
    (a, _, w) => {
      const x = a.mul(1);
      x.view(3, 2).at("1:").at(":", 0).pow_(2);
      return x.mul(w).sum();
    },
    209,
    [1, 2, 18, 4, 50, 6],
    null,
  ],
  [
    "two views in turn",
    (a, b, w) => {
      const x = a.mul(1);
      const row = x.at(0);
      const column = x.at(":", 1);
      row.mul_(3);
      column.mul_(b.at(":2"));
      row.add_(row);
      return x.mul(w).sum();
    },
    235,
    [6, 24, 18, 4, 15, 6],
    [24, 25, 0],
  ],
  [
    "a row times a function of another",
    (a, b, w) => {
      const x = a.mul(1);
      x.at(0).mul_(x.at(1).exp().mul(b));
      return x.mul(w).sum();
    },
    16490.589844,
    [109.196304, 890.479004, 4841.145508, 113.196304, 1785.958008, 14529.436523],
    [54.598152, 593.652649, 3630.859131],
  ],
  [
    "view and base both used afterwards",
    (a, b, w) => {
      const x = a.mul(1);
      const v = x.at(0);
      v.mul_(b);
      return x.mul(w).sum().add(v.mul(v).mul(3).sum());
    },
    679,
    [26, 114, 300, 4, 5, 6],
    [13, 76, 225],
  ],
  [
    "the base, read through a stretched view",
    (a, b) => {
      const x = a.mul(1);
      const stretched = x.at(":1").expand(4, 3);
      x.mul_(2);
      return stretched.mul(b).sum();
    },
    160,
    [16, 24, 32, 0, 0, 0],
    [8, 16, 24],
  ],
  [
    "zeros, a copy and a number",
    (a, b, w) => {
      const x = a.mul(1);
      x.at(0).zero_();
      x.at(1).copy_(b);
      x.at(1, 2).fill_(7);
      return x.mul(w).sum().add(a.mul(a).sum());
    },
    156,
    [2, 4, 6, 8, 10, 12],
    [4, 5, 0],
  ],
  [
    "a diagonal",
    (a, b, w) => {
      const x = a.at(":", ":2").mul(1);
      x.diagonal().mul_(b.at(":2"));
      return x.mul(w.at(":", ":2")).sum();
    },
    97,
    [2, 2, 0, 4, 15, 0],
    [1, 25, 0],
  ],
  [
    "any strides",
    (a, b, w) => {
      const x = a.mul(1);
      x.asStrided([2, 2], [3, 1], 1).mul_(b.at(":2"));
      return x.mul(w).sum();
    },
    210,
    [1, 4, 9, 4, 10, 18],
    [29, 45, 0],
  ],
  [
    "masks",
    (a, b, w) => {
      const x = a.mul(1);
      x.view(-1).setAt(torch.tensor([true, false, true, false, false, true]), b);
      x.at(1).maskedFill_(torch.tensor([false, true, false]), 9);
      return x.mul(w).sum();
    },
    100,
    [0, 2, 0, 4, 0, 0],
    [1, 3, 6],
  ],
  [
    "unseen by autograd",
    (a, _, w) => {
      const x = a.mul(1);
      torch.noGrad(() => x.at(0).mul_(5));
      return x.mul(w).sum();
    },
    147,
    [1, 2, 3, 4, 5, 6],
    null,
  ],
  [
    "an op that keeps its output",
    (a, b, w) => {
      const x = a.sub(4.5);
      const v = x.at(1);
      v.relu_();
      return x.mul(w).sum().add(v.mul(b).sum());
    },
    6,
    [1, 2, 3, 0, 8, 10],
    [0, 0.5, 1.5],
  ],
  [
    "a base that is not row-major",
    (a, b, w) => {
      const x = a.t().mul(1);
      expect(x.stride()).toEqual([1, 3]);
      x.at(1).mul_(b.at(":2"));
      return x.mul(w.t()).sum();
    },
    145,
    [1, 4, 3, 4, 15, 6],
    [4, 25, 0],
  ],
  [
    "part of a view with a new dimension",
    (a, b, w) => {
      const x = a.mul(1);
      x.unsqueeze(1).narrow(2, 1, 2).add_(b.at(":2"));
      return x.mul(x).mul(w).sum();
    },
    936,
    [2, 16, 36, 32, 70, 108],
    [86, 144, 0],
  ],
  [
    "a copy of its own",
    (a, b, w) => {
      const x = a.mul(1);
      const y = x.clone();
      y.at(0).mul_(b);
      x.at(1).mul_(2);
      return x.mul(w).sum().add(y.mul(w).sum());
    },
    295,
    [3, 8, 15, 12, 15, 18],
    [1, 4, 9],
  ],
  [
    "views and base by turns",
    (a, b, w) => {
      const x = a.mul(1);
      for (let i = 0; i < 3; i++) {
        x.at(":", i).mul_(b.at(i));
        x.add_(1);
      }
      return x.mul(w).sum();
    },
    432,
    [2, 6, 12, 8, 15, 24],
    [17, 36, 63],
  ],
  [
    "overlapping views",
    (a, b, w) => {
      const x = a.mul(1);
      const v = x.view(-1);
      const u = v.at("2:4");
      v.at("1:5").mul_(2);
      u.mul_(b.at(":2"));
      return u.mul(u).sum().add(x.mul(w).sum());
    },
    947,
    [1, 4, 108, 312, 10, 6],
    [162, 416, 0],
  ],
  [
    "a view of what requires nothing yet",
    (_, b, w) => {
      const x = torch.zeros(2, 3, { dtype: b.dtype });
      const v = x.at(0);
      v.add_(b);
      x.mul_(2);
      v.mul_(b);
      return x.mul(w).sum();
    },
    140,
    null,
    [8, 24, 48],
  ],
  [
    "quotients, powers, mixtures",
    (a, b, w) => {
      const x = a.mul(1);
      x.at(0).div_(b);
      x.at(1).pow_(2);
      x.at(0).lerp_(b, 0.25);
      x.at(1).addcmul_(b, b, { value: 0.5 });
      return x.mul(w).sum();
    },
    491.5625,
    [0.375, 0.5, 0.5625, 32, 50, 72],
    [8.0625, 15.166667, 24.328125],
  ],
  [
    "an op whose gradient needs its output",
    (a, _, w) => {
      const x = a.mul(1);
      x.at(0).sigmoid_();
      return x.mul(x).mul(w).sum();
    },
    409.8083,
    [0.28747, 0.36991, 0.2582, 32, 50, 72],
    null,
  ],
  [
    "a base with gaps",
    (a, b, w) => {
      const t = torch.ones(2, 6, { dtype: b.dtype }).at(":", "::2").detach();
      t.at(0).add_(b);
      t.at(":", 1).mul_(a.at(":", 0));
      return t.mul(w).sum();
    },
    56,
    [8, 0, 0, 5, 0, 0],
    [1, 2, 3],
  ],
  [
    "scattered",
    (a, b, w) => {
      const x = a.mul(1);
      x.at(0).scatter_(0, torch.tensor([2n, 0n]), b.at(":2"));
      x.at(1).scatterAdd_(0, torch.tensor([1n, 1n, 0n]), b);
      x.indexAdd_(1, torch.tensor([0n, 2n]), w.at(":", ":2"));
      return x.mul(x).sum();
    },
    401,
    [0, 4, 0, 24, 20, 22],
    [28, 28, 24],
  ],
];

const make = (dtype: torch.DType = torch.float32): [Tensor, Tensor, Tensor] => {
  const w = torch.tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    { dtype },
  );
  return [w.clone().requiresGrad_(), torch.tensor([2, 3, 4], { dtype, requiresGrad: true }), w];
};
const expectNear = (x: Tensor | null, expected: number[] | null): void => {
  expect(x === null).toBe(expected === null);
  const values = x === null ? [] : Array.from(x.contiguous().toTypedArraySync() as Float32Array);
  for (const [i, v] of values.entries())
    expect(Math.abs(v - expected![i]!), `element ${i} is ${v} instead of ${expected![i]}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(v)));
};

describe("writing to views", () => {
  test.each(programs)("%s", (_, program, loss, gradA, gradB) => {
    const [a, b, w] = make();
    const y = program(a, b, w);
    expectNear(y, [loss]);
    y.backward();
    expectNear(a.grad, gradA);
    expectNear(b.grad, gradB);
  });

  test.each(programs.filter(([name]) => name !== "unseen by autograd"))("%s: gradients of gradients", (_, program) => {
    const [a, b, w] = make(torch.float64);
    torch.autograd.gradcheck((p, q) => program(p!, q!, w), [a, b]);
    torch.autograd.gradgradcheck((p, q) => program(p!, q!, w), [a, b], { atol: 1e-4 });
  });
});

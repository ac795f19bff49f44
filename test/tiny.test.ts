import { expect, test } from "vitest";
import * as torch from "../src/index.ts";

// The library in miniature, run before all other tests: when one of these fails, nothing else needs to be looked at.

test("make, view, write through a view", () => {
  const x = torch.arange(6).to(torch.float32).view(2, 3);
  const row = x.at(1);
  row.add_(10);
  expect(x.tolistSync()).toEqual([
    [0, 1, 2],
    [13, 14, 15],
  ]);
  expect(row.untypedStorage()).toBe(x.untypedStorage());
});

test("add with broadcasting, multiply matrices", () => {
  const a = torch.tensor([
    [1, 2],
    [3, 4],
  ]);
  expect(a.add(torch.tensor([10, 20])).tolistSync()).toEqual([
    [11, 22],
    [13, 24],
  ]);
  expect(a.matmul(a).tolistSync()).toEqual([
    [7, 10],
    [15, 22],
  ]);
});

test("differentiate and descend", async () => {
  const w = torch.tensor([[0], [0]], { requiresGrad: true });
  const x = torch.tensor([
    [1, 0],
    [0, 1],
    [1, 1],
  ]);
  const y = torch.tensor([[1], [2], [3]]); // of the weights (1, 2)
  let loss = Number.POSITIVE_INFINITY;
  for (let step = 0; step < 50; step++) {
    const error = x.matmul(w).sub(y).pow(2).mean();
    error.backward();
    torch.noGrad(() => w.sub_(w.grad!, { alpha: 0.5 }));
    w.grad = null;
    loss = (await error.item()) as number;
  }
  expect(loss).toBeLessThan(1e-6);
  expect(torch.allclose(w, torch.tensor([[1], [2]]), { atol: 1e-3 })).toBe(true);
});

test("print", () => {
  expect(
    String(
      torch.tensor([
        [1, 2.5],
        [3, 4],
      ]),
    ),
  ).toBe("tensor([[1.0000, 2.5000],\n        [3.0000, 4.0000]])");
  expect(String(torch.tensor([1n, 2n]))).toBe("tensor([1, 2])");
  expect(String(torch.ones(2, { requiresGrad: true }).mul(2))).toBe("tensor([2., 2.], grad_fn=<MulBackward0>)");
});

import * as torch from "torchlet";

const x = torch.tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { requiresGrad: true },
);
x.mul(x).sum().backward();
console.log(String(x.grad));

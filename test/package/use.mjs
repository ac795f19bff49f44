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

// What is alive, and since which line of this file.
torch.memory.recordHistory("all");
const kept = torch.ones(300);
const { createdAt } = torch.memory.leaks().at(-1);
if (!/use\.mjs:\d+$/.test(createdAt)) throw new Error(`${kept.numel()} elements created at ${createdAt}`);

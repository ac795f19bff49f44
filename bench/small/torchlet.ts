/** The process of Torchlet's column: writes the microseconds of each workload as JSON. */
import type { Tensor } from "torchlet";
import * as torch from "torchlet";
import { nn, optim, scope } from "torchlet";

/** Runs at once between two looks at the clock. */
const REPEATS = 16;
/** Milliseconds of a workload: to warm up, and in each of the rounds. */
const WARMUP = 1000;
const ROUND = 200;
const ROUNDS = 5;
/** Runs of a workload so short that a scope of its own would be most of it. */
const INNER = 50;

const x = torch.ones(4);
const y = torch.ones(4);
const w = torch.ones(4, { requiresGrad: true });
const v = torch.ones(16, { requiresGrad: true });
const constant = torch.ones(16);

function chain(start: Tensor): Tensor {
  let z = start;
  for (let i = 0; i < 5; i++) z = z.mul(0.9).add(0.1).sin().tanh();
  return z;
}

function trainingStep(): () => void {
  const net = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 16), new nn.Tanh(), new nn.Linear(16, 1));
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  const input = torch.randn(4, 2);
  const target = torch.randn(4, 1);
  return () => {
    optimizer.zeroGrad();
    nn.functional.mseLoss(net(input) as Tensor, target).backward();
    optimizer.step();
  };
}

const repeated = (f: () => unknown): (() => void) => {
  return () => {
    for (let i = 0; i < INNER; i++) f();
  };
};
const workloads: Readonly<Record<string, readonly [run: () => unknown, calls: number]>> = {
  "add of 4 elements": [repeated(() => x.add(y)), INNER],
  "add of 4 elements, recorded": [repeated(() => w.add(y)), INNER],
  "that add, sum, backward": [
    () => {
      w.grad?.zero_();
      w.add(y).sum().backward();
    },
    1,
  ],
  "20 pointwise ops on 16 elements": [() => chain(constant), 1],
  "the same, recorded": [() => chain(v), 1],
  "the same, forward and backward": [
    () => {
      v.grad?.zero_();
      chain(v).sum().backward();
    },
    1,
  ],
  "MLP 2-16-16-1, batch 4, a step of SGD": [trainingStep(), 1],
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const macrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

async function measure(run: () => unknown, calls: number): Promise<number> {
  const times: number[] = [];
  for (const end = performance.now() + WARMUP; performance.now() < end; ) for (let i = 0; i < REPEATS; i++) scope(() => void run());
  for (let round = 0; round < ROUNDS; round++) {
    const own: number[] = [];
    for (const end = performance.now() + ROUND; performance.now() < end; ) {
      const start = performance.now();
      for (let i = 0; i < REPEATS; i++) scope(() => void run());
      own.push((performance.now() - start) / REPEATS / calls);
    }
    times.push(median(own));
    await macrotask(); // finalizers run
  }
  return 1000 * median(times);
}

const found: Record<string, number> = {};
for (const [name, [run, calls]] of Object.entries(workloads)) found[name] = await measure(run, calls);
console.log(JSON.stringify({ about: `Torchlet, Node ${process.versions.node}`, microseconds: found }));

/** For a page: steps of training as a tutorial writes them, with an awaited read in each. */
import * as torch from "../../src/index.ts";
import { pools } from "../../src/memory/pressure.ts";

const MB = 1024 * 1024;
const live = (): number => pools().reduce((sum, pool) => sum + pool.all.allocatedBytes.current, 0);

export interface Outcome {
  /** The most that was live, as a multiple of the mark; what `collect` says, and what was live after it. */
  readonly ratio: number;
  readonly exact: boolean;
  readonly left: number;
}

async function loop(device: string, steps: number, markBytes: number): Promise<number> {
  const model = await new torch.nn.Sequential(new torch.nn.Linear(32, 1024), new torch.nn.ReLU(), new torch.nn.Linear(1024, 10)).to(device);
  const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1 });
  const x = await torch.randn(64, 32).to(device);
  const y = await torch.zeros(64, { dtype: torch.int64 }).to(device);
  let most = 0;
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const loss = torch.nn.functional.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    most = Math.max(most, live());
    await loss.item();
  }
  return most / markBytes;
}

async function run(device: string, steps: number): Promise<Outcome> {
  if (device === "webgpu") await torch.webgpu.start();
  torch.memory.setHighWaterMark(8 * MB);
  const before = live();
  const ratio = await loop(device, steps, 8 * MB);
  const { exact } = await torch.memory.collect();
  return { ratio, exact, left: live() - before };
}

Object.assign(globalThis, { run });

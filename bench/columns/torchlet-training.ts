import type { Tensor } from "torchlet";
import * as torch from "torchlet";
import { nn, optim, scope } from "torchlet";
import { countOf } from "../rows/inputs.ts";
import type { Row } from "../rows/row.ts";
import { ADAM, ADAMW, GPT, LAYER_NORM_EPS, SGD, STEPS } from "../rows/training.ts";
import type { Makers, Task } from "./column.ts";

const F = nn.functional;

/** LeNet-5 on 28 x 28, with the activations of today. */
class LeNet5 extends nn.Module {
  private readonly conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  private readonly conv2 = new nn.Conv2d(6, 16, 5);
  private readonly fc1 = new nn.Linear(400, 120);
  private readonly fc2 = new nn.Linear(120, 84);
  private readonly fc3 = new nn.Linear(84, 10);

  forward(x: Tensor): Tensor {
    let h = F.maxPool2d(this.conv1(x).relu(), 2); // (n, 6, 14, 14)
    h = F.maxPool2d(this.conv2(h).relu(), 2); // (n, 16, 5, 5)
    h = this.fc1(h.flatten(1)).relu(); // (n, 120)
    return this.fc3(this.fc2(h).relu()); // (n, 10)
  }
}

const { d, heads, t, vocabulary } = GPT;

class Block extends nn.Module {
  private readonly ln1 = new nn.LayerNorm(d, { eps: LAYER_NORM_EPS });
  private readonly qkv = new nn.Linear(d, 3 * d);
  private readonly proj = new nn.Linear(d, d);
  private readonly ln2 = new nn.LayerNorm(d, { eps: LAYER_NORM_EPS });
  private readonly fc = new nn.Linear(d, 4 * d);
  private readonly out = new nn.Linear(4 * d, d);

  forward(x: Tensor, mask: Tensor): Tensor {
    const h = x.add(this.attend(this.ln1(x), mask)); // (b, t, d)
    return h.add(this.out(F.gelu(this.fc(this.ln2(h)))));
  }

  private attend(x: Tensor, mask: Tensor): Tensor {
    const b = x.shape[0]!;
    const [q, k, v] = this.qkv(x)
      .view(b, t, 3, heads, d / heads)
      .permute(2, 0, 3, 1, 4) // (3, b, heads, t, d / heads)
      .unbind(0) as [Tensor, Tensor, Tensor];
    const scores = q.matmul(k.transpose(-2, -1)).mul((d / heads) ** -0.5); // (b, heads, t, t)
    const mixed = scores.maskedFill(mask, Number.NEGATIVE_INFINITY).softmax(-1).matmul(v); // (b, heads, t, d / heads)
    return this.proj(mixed.transpose(1, 2).reshape(b, t, d));
  }
}

class Gpt extends nn.Module {
  private readonly positions = new nn.Parameter(torch.zeros(t, d));
  private readonly tokens = new nn.Embedding(vocabulary, d);
  private readonly blocks = new nn.ModuleList(Array.from({ length: GPT.blocks }, () => new Block()));
  private readonly ln = new nn.LayerNorm(d, { eps: LAYER_NORM_EPS });
  private readonly head = new nn.Linear(d, vocabulary, { bias: false });
  private readonly mask = torch.ones(t, t).triu(1).bool();

  forward(x: Tensor): Tensor {
    let h = this.tokens(x).add(this.positions); // (b, t, d)
    for (const block of this.blocks) h = (block as Block)(h, this.mask);
    return this.head(this.ln(h)); // (b, t, vocabulary)
  }
}

interface Trained {
  readonly model: nn.Module;
  readonly optimizer: Pick<optim.Optimizer, "step" | "zeroGrad">;
  loss(): Tensor;
}

function task(row: Row, inputs: readonly Float32Array[], start: (x: Tensor, y: Tensor) => Trained): Task {
  const shaped = inputs.map((v, i) => torch.tensor(v).view(row.inputs[i]!.shape));
  const [x, y, ...weights] = shaped as [Tensor, Tensor, ...Tensor[]];
  const { model, optimizer, loss } = start(x, y);
  const parameters = [...model.parameters()];
  if (parameters.length !== weights.length) throw new Error(`${parameters.length} parameters in place of ${weights.length}`);
  torch.noGrad(() => {
    for (const [i, p] of parameters.entries()) {
      if (p.numel() !== countOf(weights[i]!.shape)) throw new Error(`parameter ${i} has another size`);
      p.copy_(weights[i]!);
    }
  });
  const step = (): Tensor => {
    optimizer.zeroGrad(true);
    const value = loss();
    value.backward();
    optimizer.step();
    return value;
  };
  return {
    run: () => scope(() => void step()),
    steps: STEPS,
    result: async () => {
      const losses: number[] = [];
      for (let i = 0; i < STEPS; i++) losses.push(Number(await step().item()));
      return [losses];
    },
  };
}

const sgd = (model: nn.Module): optim.SGD => new optim.SGD(model.parameters(), { lr: SGD.lr });
const adam = { lr: ADAM.lr, betas: [ADAM.beta1, ADAM.beta2] as [number, number], eps: ADAM.eps };

export const training: Makers = {
  tiny: (row, inputs) =>
    task(row, inputs, (x, y) => {
      const model = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 16), new nn.Tanh(), new nn.Linear(16, 1));
      return { model, optimizer: sgd(model), loss: () => F.mseLoss(model(x) as Tensor, y) };
    }),
  mlp: (row, inputs) =>
    task(row, inputs, (x, y) => {
      const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
      const classes = y.long();
      return { model, optimizer: sgd(model), loss: () => F.crossEntropy(model(x) as Tensor, classes) };
    }),
  lenet: (row, inputs) =>
    task(row, inputs, (x, y) => {
      const model = new LeNet5();
      const classes = y.long();
      return { model, optimizer: new optim.Adam(model.parameters(), adam), loss: () => F.crossEntropy(model(x), classes) };
    }),
  gpt: (row, inputs) =>
    task(row, inputs, (x, y) => {
      const model = new Gpt();
      const [ids, next] = [x.long(), y.long().view(-1)];
      const optimizer = new optim.AdamW(model.parameters(), { ...adam, lr: ADAMW.lr, weightDecay: ADAMW.weightDecay });
      return { model, optimizer, loss: () => F.crossEntropy(model(ids).view(-1, vocabulary), next) };
    }),
};

import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import type { Loop } from "./loop.ts";
import { randomNumbers } from "./random.ts";
import { encoded, vocabulary } from "./text.ts";

const WIDTH = 16;
const HEADS = 2;
const BATCH = 2;
const CONTEXT = 8;
const TEXT = 324;

class LayerNorm extends nn.Module {
  readonly weight = new nn.Parameter(torch.ones(WIDTH));
  readonly bias = new nn.Parameter(torch.zeros(WIDTH));

  forward(x: Tensor): Tensor {
    const centred = x.sub(x.mean(-1, true));
    const variance = centred.square().mean(-1, true);
    return centred.mul(variance.add(1e-5).rsqrt()).mul(this.weight).add(this.bias);
  }
}

/** Each character looks at itself and at those before it. */
class CausalSelfAttention extends nn.Module {
  readonly qkv = new nn.Linear(WIDTH, 3 * WIDTH);
  readonly out = new nn.Linear(WIDTH, WIDTH);

  constructor() {
    super();
    this.registerBuffer("later", torch.ones(CONTEXT, CONTEXT).triu(1).bool());
  }

  forward(x: Tensor): Tensor {
    const [n, t] = x.shape as [number, number];
    const heads = (y: Tensor): Tensor => y.view(n, t, HEADS, WIDTH / HEADS).transpose(1, 2); // (n, heads, t, width / heads)
    const [q, k, v] = this.qkv(x).split(WIDTH, 2).map(heads) as [Tensor, Tensor, Tensor];
    const scores = q.matmul(k.transpose(-2, -1)).mul((WIDTH / HEADS) ** -0.5); // (n, heads, t, t)
    const later = this.getBuffer("later").at(`:${t}`, `:${t}`);
    const weights = scores.maskedFill(later, Number.NEGATIVE_INFINITY).softmax(-1);
    const y = weights.matmul(v).transpose(1, 2).reshape(n, t, WIDTH);
    return this.out(y);
  }
}

class Block extends nn.Module {
  readonly norm1 = new LayerNorm();
  readonly attention = new CausalSelfAttention();
  readonly norm2 = new LayerNorm();
  readonly mlp = new nn.Sequential(new nn.Linear(WIDTH, 2 * WIDTH), new nn.ReLU(), new nn.Linear(2 * WIDTH, WIDTH));

  forward(x: Tensor): Tensor {
    const y = x.add(this.attention(this.norm1(x)));
    return y.add(this.mlp(this.norm2(y)));
  }
}

/** One block of GPT-2. Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019). */
class TinyGpt extends nn.Module {
  readonly tokens = new nn.Embedding(vocabulary.length, WIDTH);
  readonly positions = new nn.Embedding(CONTEXT, WIDTH);
  readonly block = new Block();
  readonly head = new nn.Linear(WIDTH, vocabulary.length, { bias: false });

  forward(text: Tensor): Tensor {
    const places = torch.arange(text.size(1), { device: text.device });
    const x = this.tokens(text).add(this.positions(places)); // (n, t, width)
    return this.head(this.block(x)); // (n, t, characters)
  }
}

/** A transformer that predicts the next character, trained with AdamW. */
export async function tinyGpt(device: string): Promise<Loop> {
  torch.manualSeed(0);
  const text = await torch.tensor(encoded(TEXT)).to(device);
  const model = await new TinyGpt().to(device);
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01 });

  const random = randomNumbers(0);
  return {
    async train(steps, onStep) {
      for (let step = 0; step < steps; step++) {
        const starts = Array.from({ length: BATCH }, () => Math.floor(random() * (TEXT - CONTEXT)));
        const input = torch.stack(starts.map((i) => text.narrow(0, i, CONTEXT))); // (batch, context)
        const target = torch.stack(starts.map((i) => text.narrow(0, i + 1, CONTEXT)));

        const scores = model(input);
        const loss = nn.functional.crossEntropy(scores.flatten(0, 1), target.flatten());
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();

        onStep(Number(await loss.item()), loss);
      }
    },

    held: () => ({ model, optimizer, text }),

    /** The share of the characters that are predicted rightly. */
    async score() {
      const rows = text.narrow(0, 0, TEXT - 4).view(-1, CONTEXT);
      const next = text.narrow(0, 1, TEXT - 4).view(-1, CONTEXT);
      const right = torch.noGrad(() => model(rows).argmax(2).eq(next).float().mean());
      return Number(await right.item());
    },
    passing: 0.6,
  };
}

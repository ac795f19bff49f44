import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import type { Loop } from "./loop.ts";
import { encoded, vocabulary } from "./text.ts";

const HIDDEN = 24;
const BATCH = 4;
const LENGTH = 5;
/** Characters to a row of the text: each batch reads `BATCH` rows side by side. */
const ROW = 81;

/** A recurrent cell written out, with the characters' embeddings before it and their scores behind. */
class CharRnn extends nn.Module {
  readonly embedding = new nn.Embedding(vocabulary.length, 16);
  readonly fromInput = new nn.Linear(16, HIDDEN);
  readonly fromHidden = new nn.Linear(HIDDEN, HIDDEN);
  readonly out = new nn.Linear(HIDDEN, vocabulary.length);

  /** (batch, length) and (batch, hidden) -> (batch, length, characters) and the last hidden state */
  forward(text: Tensor, hidden: Tensor): [Tensor, Tensor] {
    const inputs = this.fromInput(this.embedding(text)); // (batch, length, hidden)
    const states: Tensor[] = [];
    let h = hidden;
    for (const x of inputs.unbind(1)) {
      h = x.add(this.fromHidden(h)).tanh(); // (batch, hidden)
      states.push(h);
    }
    return [this.out(torch.stack(states, 1)), h];
  }
}

/** Predicts the next character; the hidden state goes on from batch to batch, cut off from the graph by `detach`. */
export async function charRnn(device: string): Promise<Loop> {
  torch.manualSeed(0);
  const text = await torch
    .tensor(encoded(BATCH * ROW))
    .view(BATCH, ROW)
    .to(device);
  const model = await new CharRnn().to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });

  let hidden = torch.zeros(BATCH, HIDDEN, { device });
  let position = 0;
  return {
    async train(steps, onStep) {
      for (let step = 0; step < steps; step++) {
        const input = text.narrow(1, position, LENGTH); // (batch, length)
        const target = text.narrow(1, position + 1, LENGTH);
        position = (position + LENGTH) % (ROW - 1);

        const [scores, next] = model(input, hidden);
        hidden = next.detach();
        const loss = nn.functional.crossEntropy(scores.flatten(0, 1), target.flatten());
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();

        onStep(Number(await loss.item()), loss);
      }
    },

    held: () => ({ model, optimizer, text, hidden }),

    /** The share of the characters that are predicted rightly. */
    async score() {
      const right = torch.noGrad(() => {
        const [scores] = model(text.narrow(1, 0, ROW - 1), torch.zeros(BATCH, HIDDEN, { device }));
        return scores
          .argmax(2)
          .eq(text.narrow(1, 1, ROW - 1))
          .float()
          .mean();
      });
      return Number(await right.item());
    },
    passing: 0.6,
  };
}

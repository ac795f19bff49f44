/** Turns the descriptions of the training runs into Python programs. */
import type { Case } from "../corpus.ts";
import { Mismatch } from "../outcome.ts";

export interface Recipe {
  /** Makes `model`. */
  readonly build: string;
  /** Makes `order` from the same generator. */
  readonly order: string;
  /** An expression that makes the optimizer. */
  readonly optimizer: string;
  /** Sets x and y of `step`. */
  readonly batch: string;
  /** The programs behind the recorded answers. */
  readonly answers: Readonly<Record<string, string>>;
  /** How many samples an accuracy is taken over; null where there is none. */
  readonly samples: number | null;
}

export function recipeOf(test: Case): Recipe {
  const model = test.group.text("model") ?? "";
  return model.startsWith("Sequential(") ? classifier(test, model) : characterModel(test, model);
}

/** `Sequential(...); input = u8 / 16 as [n, 1, 8, 8]`, batches in a recorded order of all samples. */
function classifier(test: Case, model: string): Recipe {
  const parts = /^(Sequential\(.*\)); input = u8 \/ (\d+) as \[n, ([\d, ]+)\]$/.exec(model);
  const [, net, scale, shape] = parts ?? [];
  const order = /first (\d+) x (\d+) entries of repeated torch\.randperm\((\d+)\)/.exec(test.group.text("note") ?? "");
  const [, steps, size, count] = order ?? [];
  if (!net || !steps) throw new Mismatch(`the model ${JSON.stringify(model)} is not understood`);
  const perEpoch = Math.floor(Number(count) / Number(size)); // drop_last: an order's rest is not used
  const epochs = Math.ceil(Number(steps) / perEpoch);
  const input = (rows: string): string => `(data_x${rows}.float() / ${scale}).reshape(-1, ${shape})`;
  return {
    build: `model = nn.${net}\ndata_x, data_y = x, y\ndef cross_entropy_of(model, x, y): return F.cross_entropy(model(x), y)`,
    order:
      `orders = [torch.randperm(${count})[:${perEpoch * Number(size)}] for _ in range(${epochs})]\n` +
      `order = torch.cat(orders)[:${Number(steps) * Number(size)}].reshape(${steps}, ${size})`,
    optimizer: test.group.text("optimizer") ?? "",
    batch: `rows = order[step]\nx, y = ${input("[rows]")}, data_y[rows].long()`,
    answers: {
      accuracy_all_1797_train_mode_off: `model.eval()\n(model(${input("")}).argmax(1) == data_y).float().mean()`,
    },
    samples: Number(count),
  };
}

/** Embeddings, encoder layers with a causal mask, a norm and a head, over characters. */
function characterModel(test: Case, model: string): Recipe {
  const pattern =
    /^CharLM: tok Embedding\(V,(\d+)\) \+ pos Embedding\((\d+),\d+\); (\d+) x TransformerEncoderLayer\((\d+), (\d+), (\d+), dropout=0, gelu, batch_first, norm_first\) with causal mask; LayerNorm\((\d+)\); Linear\(\d+, V, bias=False\)$/;
  const [, width, context, depth, , heads, hidden] = pattern.exec(model) ?? [];
  const starts = /torch\.randint\(0, len\(text\)-(\d+), \((\d+), (\d+)\)\)/.exec(test.group.text("note") ?? "");
  const [, margin, steps, rows] = starts ?? [];
  const vocab = test.group.text("vocab") ?? "";
  const text = test.group.text("text") ?? "";
  if (!width || !margin) throw new Mismatch(`the model ${JSON.stringify(model)} is not understood`);
  const layer = `nn.TransformerEncoderLayer(${width}, ${heads}, ${hidden}, dropout=0.0, activation='gelu', batch_first=True, norm_first=True)`;
  const build = `
class CharLM(nn.Module):
  def __init__(self):
    super().__init__()
    self.tok = nn.Embedding(${vocab.length}, ${width})
    self.pos = nn.Embedding(${context}, ${width})
    self.layers = nn.ModuleList([${layer} for _ in range(${depth})])
    self.norm = nn.LayerNorm(${width})
    self.head = nn.Linear(${width}, ${vocab.length}, bias=False)
  def forward(self, ids):
    n = ids.shape[1]
    h = self.tok(ids) + self.pos(torch.arange(n))
    mask = torch.triu(torch.full((n, n), float('-inf')), diagonal=1)
    for layer in self.layers:
      h = layer(h, mask)
    return self.head(self.norm(h))
model = CharLM()
def cross_entropy_of(model, x, y): return F.cross_entropy(model(x).reshape(-1, ${vocab.length}), y.reshape(-1))
`;
  const greedy = `
vocab = ${JSON.stringify(vocab)}
line = ids[:PROMPT].unsqueeze(0).long()
for _ in range(COUNT):
  logits = model(line[:, -${context}:])
  line = torch.cat([line, logits[:, -1].argmax(-1, keepdim=True)], 1)
''.join([vocab[i] for i in line[0].tolist()])
`;
  const length = Number(margin) - 1;
  return {
    build,
    order: `order = torch.randint(0, ${text.length} - ${margin}, (${steps}, ${rows}))`,
    optimizer: test.group.text("optimizer") ?? "",
    batch:
      "starts = order[step].tolist()\n" +
      `x = torch.stack([ids[s:s + ${length}] for s in starts]).long()\n` +
      `y = torch.stack([ids[s + 1:s + ${length + 1}] for s in starts]).long()`,
    answers: Object.fromEntries(
      Object.keys(test.field<Record<string, unknown>>("final") ?? {}).flatMap((name) => {
        const numbers = /^greedy_(\d+)_after_first_(\d+)$/.exec(name);
        if (!numbers) return [];
        return [[name, greedy.replace("PROMPT", numbers[2] as string).replace("COUNT", numbers[1] as string)]];
      }),
    ),
    samples: null,
  };
}

/**
 * The calls of section rng as Python programs. Most are Python already; some are sentences ("two passes over DataLoader(...); then
 * torch.rand(2)") or names of calls ("randn3_randn16_randn1", "dropout2d_.4"), which the rules here spell out. Each program leaves its
 * results in the list `out`.
 */
import { Mismatch } from "../outcome.ts";

/** The program of a recorded call. `seed` is what the generator has been seeded with. */
export function rngProgram(call: string, seed: string): string {
  const text = call.replace(/^see README: nn\.init\./, "init:");
  if (text.startsWith("init:")) return initProgram(text.slice("init:".length));
  const data = /^(\w*\.?\w*);\s*(x = .*)$/.exec(text);
  if (data) return `${data[2]}\n${dropoutProgram(data[1] as string)}`;
  if (/^[a-z]\w*$/.test(text)) return sequenceProgram(text, seed);
  return sentences(text);
}

const append = (expression: string): string => `out.extend([${expression}])`;
const program = (lines: readonly string[]): string => ["out = []", ...lines, "out"].join("\n");

const COUNTS: Readonly<Record<string, string>> = { one: "1", two: "2", three: "3", four: "4", five: "5" };

/** Parts separated by semicolons, run in order: statements, expressions, passes over a loader. */
function sentences(text: string): string {
  const lines = text.split(";").flatMap((part) => {
    const words = part
      .trim()
      .replace(/^then /, "")
      .replace(/\s+\([a-z][a-z ]*\)$/, ""); // a remark in parentheses at the end
    const passes = /^(\w+) pass(?:es)? over (.*)$/.exec(words);
    if (passes) {
      const count = COUNTS[passes[1] as string] ?? passes[1];
      return [`loader = ${passes[2]}`, `for _ in range(${count}): out.append(torch.cat([batch[0] for batch in loader]))`];
    }
    const indices = /^(.*) indices$/.exec(words);
    if (indices) return [append(`torch.tensor(part.indices) for part in ${indices[1]}`)];
    if (/^\w+ = /.test(words)) return [words];
    return [append(words.replace(/^(torch\.randn?)\(\)$/, "$1(())"))]; // no sizes at all stand for the shape ()
  });
  return program(lines);
}

/** `randn3_rand2_reseed_randint`: one draw a word; `_x5` repeats the word before it. */
function sequenceProgram(text: string, seed: string): string {
  const transposed = /^rand(\d+)x(\d+)_transposed_normal_$/.exec(text);
  if (transposed) {
    const [, rows, columns] = transposed;
    const layouts = [
      `torch.empty(${columns}, ${rows}).t().normal_()`,
      "torch.empty(5, 4).t().normal_()",
      "torch.empty(5, 4).t().uniform_()",
    ];
    return program(layouts.map(append));
  }
  const lines: string[] = [];
  const word = /(randn|randperm|randint|rand|reseed|x)(?:_?(\d+))?(?:_|$)/y;
  for (let found = word.exec(text); found; found = word.exec(text)) {
    const [, name, size] = found;
    if (name === "x") lines.push(...Array<string>(Number(size) - 1).fill(lines.at(-1) ?? ""));
    else if (name === "reseed") lines.push(`torch.manual_seed(${seed})`);
    else lines.push(append(name === "randint" ? "torch.randint(0, 10, (3,))" : `torch.${name}(${size})`));
    if (word.lastIndex === text.length) return program(lines);
  }
  throw new Mismatch(`the sequence ${JSON.stringify(text)} is not understood`);
}

/** Calls whose name says no probability. */
const DROPOUT_CALLS: Readonly<Record<string, string>> = {
  rrelu: "F.rrelu(x - 12, .1, .4, True)",
  gumbel_softmax: "F.gumbel_softmax(x[0, :, 0], tau=.7)",
};

/** `dropout2d_.4` is `F.dropout2d(x, .4, training=True)`. */
function dropoutProgram(name: string): string {
  const fixed = DROPOUT_CALLS[name];
  if (fixed) return program([append(fixed)]);
  if (name === "dropout_module_twice") return program(["m = nn.Dropout(.3)", append("m(x), m(x)")]);
  const call = /^(\w+?)_(\d*\.?\d+)$/.exec(name);
  if (!call) throw new Mismatch(`the call ${JSON.stringify(name)} is not understood`);
  return program([append(`F.${call[1]}(${call[1] === "dropout1d" ? "x[0]" : "x"}, ${call[2]}, training=True)`)]);
}

/** The arguments that the names of nn.init calls stand for; E is torch.empty. */
const INIT_CALLS: Readonly<Record<string, string>> = {
  uniform_: "uniform_(E(3,5),-.2,.7)",
  normal_: "normal_(E(3,5),1,.2)",
  normal_big: "normal_(E(6,7),1,.2)",
  constant_: "constant_(E(2,2),.3)",
  ones_: "ones_(E(2))",
  zeros_: "zeros_(E(2))",
  eye_: "eye_(E(3,4))",
  dirac_: "dirac_(E(4,2,3))",
  dirac_groups: "dirac_(E(4,1,3,3),2)",
  xavier_uniform_: "xavier_uniform_(E(3,5),1.4)",
  xavier_uniform_conv: "xavier_uniform_(E(4,2,3,3))",
  xavier_normal_: "xavier_normal_(E(4,6))",
  kaiming_uniform_: "kaiming_uniform_(E(3,5))",
  kaiming_uniform_a: "kaiming_uniform_(E(3,5),a=math.sqrt(5))",
  kaiming_uniform_fan_out_relu: "kaiming_uniform_(E(4,2,3),mode='fan_out',nonlinearity='relu')",
  kaiming_normal_: "kaiming_normal_(E(4,5))",
  kaiming_normal_tanh: "kaiming_normal_(E(2,3),nonlinearity='tanh')",
  trunc_normal_: "trunc_normal_(E(3,5))",
  trunc_normal_ab: "trunc_normal_(E(3,5),.5,2,-1,1)",
  orthogonal_: "orthogonal_(E(4,4))",
  orthogonal_wide: "orthogonal_(E(2,5),1.3)",
  orthogonal_tall: "orthogonal_(E(6,3))",
  sparse_: "sparse_(E(6,3),.4)",
};

function initProgram(name: string): string {
  const call = INIT_CALLS[name];
  if (!call) throw new Mismatch(`the nn.init call ${JSON.stringify(name)} is not known`);
  return program(["E = torch.empty", append(`nn.init.${call}`)]);
}

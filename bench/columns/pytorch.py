"""PyTorch's column. Reads requests and writes answers, one line of JSON each; see run/protocol.ts."""

import json
import math
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# A sample ends with the run that takes longer than this many seconds, as in run/sampling.ts.
LONG = 0.05

torch.set_num_threads(1)


def values(spec):
    """The numbers of an input: the generator of rows/inputs.ts, all its states at once by powers of the multiplier."""
    shape, low, high = spec["shape"], spec["low"], spec["high"]
    n = math.prod(shape)
    if low == high:
        return torch.full(shape, float(low))
    powers = np.cumprod(np.full(n, 1664525, dtype=np.uint32), dtype=np.uint32)
    sums = np.concatenate((np.ones(1, dtype=np.uint32), powers[:-1])).cumsum(dtype=np.uint32)
    first = np.uint32(spec["seed"] * 2654435761 % 2**32)
    with np.errstate(over="ignore"):
        states = powers * first + sums * np.uint32(1013904223)
    x = low + (high - low) * (states.astype(np.float64) / 2**32)
    x = np.floor(x) if spec.get("whole") else x
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


class Task:
    """A function of tensors; with gradients to those that want one, from `grad`, or from the sum where that is None."""

    def __init__(self, leaves, f, mode, grad=None):
        self.inputs = [x for x in leaves if x.requires_grad]
        self.f, self.grad, self.steps = f, grad, 1
        self.run = self.backward if mode == "backward" else f

    def backward(self):
        for x in self.inputs:
            x.grad = None
        y = self.f()
        if self.grad is None:
            y = y.sum()
        y.backward(self.grad)
        return y

    def result(self):
        y = self.run()
        return [y] + ([x.grad for x in self.inputs] if self.run == self.backward else [])


def op(count, f):
    """A function of the first inputs, all of which want a gradient; the one after them is the gradient of the result."""

    def make(row, inputs):
        leaves = [x.requires_grad_(row["mode"] != "plain") for x in inputs[:count]]
        return Task(leaves, lambda: f(*leaves), row["mode"], inputs[count] if row["mode"] == "backward" else None)

    return make


def with_constant(f):
    def make(row, inputs):
        x, c = inputs[0].requires_grad_(row["mode"] != "plain"), inputs[1]
        return Task([x], lambda: f(x, c), row["mode"])

    return make


def chain(z, c):
    for _ in range(5):
        z = z.mul(c).add(c).sin().tanh()
    return z


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        h = F.max_pool2d(self.conv1(x).relu(), 2)
        h = F.max_pool2d(self.conv2(h).relu(), 2)
        h = self.fc1(h.flatten(1)).relu()
        return self.fc3(self.fc2(h).relu())


class Block(nn.Module):
    def __init__(self, d, heads, eps):
        super().__init__()
        self.heads = heads
        self.ln1 = nn.LayerNorm(d, eps=eps)
        self.qkv = nn.Linear(d, 3 * d)
        self.proj = nn.Linear(d, d)
        self.ln2 = nn.LayerNorm(d, eps=eps)
        self.fc = nn.Linear(d, 4 * d)
        self.out = nn.Linear(4 * d, d)

    def forward(self, x, mask):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q.matmul(k.transpose(-2, -1)).mul((d // self.heads) ** -0.5)
        mixed = scores.masked_fill(mask, -math.inf).softmax(-1).matmul(v)
        h = x + self.proj(mixed.transpose(1, 2).reshape(b, t, d))
        return h + self.out(F.gelu(self.fc(self.ln2(h))))


class Gpt(nn.Module):
    def __init__(self, blocks, d, heads, t, vocabulary, eps, **_):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, d)
        self.positions = nn.Parameter(torch.zeros(t, d))
        self.blocks = nn.ModuleList(Block(d, heads, eps) for _ in range(blocks))
        self.ln = nn.LayerNorm(d, eps=eps)
        self.head = nn.Linear(d, vocabulary, bias=False)
        self.mask = torch.ones(t, t).triu(1).bool()

    def forward(self, x):
        h = self.tokens(x) + self.positions
        for block in self.blocks:
            h = block(h, self.mask)
        return self.head(self.ln(h))


class Training:
    """Steps of a model whose parameters are the inputs after the batch. `settings` are those of rows/training.ts."""

    def __init__(self, row, inputs, settings):
        x, y, *weights = inputs
        kind = row["kind"]
        if kind == "tiny":
            model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
        elif kind == "mlp":
            model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        else:
            model = LeNet5() if kind == "lenet" else Gpt(**settings["gpt"], eps=settings["layerNormEps"])
        parameters = list(model.parameters())
        assert len(parameters) == len(weights)
        with torch.no_grad():
            for p, w in zip(parameters, weights):
                p.copy_(w)
        self.steps = settings["steps"]
        if kind == "tiny":
            self.loss = lambda: F.mse_loss(model(x), y)
        elif kind == "gpt":
            x, y = x.long(), y.long().view(-1)
            self.loss = lambda: F.cross_entropy(model(x).view(len(y), -1), y)
        else:
            y = y.long()
            self.loss = lambda: F.cross_entropy(model(x), y)
        adam, adamw = settings["adam"], settings["adamW"]
        betas = (adam["beta1"], adam["beta2"])
        if kind == "lenet":
            self.optimizer = torch.optim.Adam(model.parameters(), lr=adam["lr"], betas=betas, eps=adam["eps"])
        elif kind == "gpt":
            decay = adamw["weightDecay"]
            self.optimizer = torch.optim.AdamW(model.parameters(), lr=adamw["lr"], betas=betas, eps=adam["eps"], weight_decay=decay)
        else:
            self.optimizer = torch.optim.SGD(model.parameters(), lr=settings["sgd"]["lr"])

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss

    def result(self):
        return [torch.tensor([self.run().item() for _ in range(self.steps)], dtype=torch.float64)]


START = """
import time
begin = time.perf_counter()
import torch
x = torch.ones(4, requires_grad=True)
x.mul(x).sum().backward()
print(time.perf_counter() - begin)
"""


LAYERS = {
    "transpose": lambda x: x.transpose(1, 2),
    "products": torch.matmul,
    "conv": F.conv2d,
    "max_pool": lambda x: F.max_pool2d(x, 2),
    "batch_norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
    "cross_entropy": F.cross_entropy,
}


def layer(row, inputs):
    """A layer of a small input; the gradient is that of the sum."""
    f = LAYERS[row["layer"]]
    wanted = row["mode"] != "plain"
    leaves = [x.long() if spec.get("whole") else x.requires_grad_(wanted) for spec, x in zip(row["inputs"], inputs)]
    return Task(leaves, lambda: f(*leaves), row["mode"])


class Start:
    def measure(self):
        return float(subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True).stdout)


makers = {
    "add": with_constant(lambda x, y: x.add(y)),
    "chain": with_constant(chain),
    "multiplyAdd": op(3, lambda x, y, z: z.addcmul(x, y)),
    "exp": op(1, torch.exp),
    "sigmoid": op(1, torch.sigmoid),
    "tanh": op(1, torch.tanh),
    "gelu": op(1, F.gelu),
    "sumAll": op(1, lambda x: x.sum()),
    "sumLast": op(1, lambda x: x.sum(1)),
    "sumFirst": op(1, lambda x: x.sum(0)),
    "softmax": op(1, lambda x: x.softmax(1)),
    "layerNorm": op(3, lambda x, w, b: F.layer_norm(x, w.shape, w, b, 1e-5)),
    "matmul": op(2, torch.matmul),
    "convolution": op(2, lambda x, w: F.conv2d(x, w, padding=1)),
    "layer": layer,
    "start": lambda row, inputs: Start(),
}


def digest(x, positions):
    """What results are compared by; see run/digest.ts."""
    flat = x.detach().reshape(-1).double()
    n = len(flat)
    each = n // positions
    if n <= positions:
        at = range(n)
    else:
        at = [i * each + i * 7919 % each for i in range(positions)]
    return {"length": n, "mean": float(flat.abs().mean()), "samples": flat[list(at)].tolist()}


def repeated(run, calls):
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


class Answers:
    task = None
    calls = 1

    def prepare(self, request):
        row = request["row"]
        maker = makers.get(row["kind"])
        if row["kind"] in ("tiny", "mlp", "lenet", "gpt"):
            self.task = Training(row, [values(i) for i in row["inputs"]], request["settings"])
        elif maker is None:
            return {"type": "none", "why": "has none"}
        else:
            self.task = maker(row, [values(i) for i in row["inputs"]])
        if hasattr(self.task, "measure"):
            return {"type": "prepared", "digests": [], "first": self.task.measure()}
        start = time.perf_counter()
        digests = [digest(x, request["positions"]) for x in self.task.result()]
        first = (time.perf_counter() - start) / self.task.steps
        if first <= request["longest"]:
            least, end = math.inf, time.perf_counter() + request["warmup"] / 1000
            while time.perf_counter() < end:
                least = min(least, repeated(self.task.run, 1))
            self.calls = max(1, math.ceil(request["shortest"] / max(least, 1e-9)))
            first = least if math.isfinite(least) else first
        return {"type": "prepared", "digests": digests, "first": first}

    def sample(self, request):
        if hasattr(self.task, "measure"):
            seconds = self.task.measure()
            return {"type": "sampled", "median": seconds, "best": seconds, "runs": 1}
        times, end = [], time.perf_counter() + request["time"] / 1000
        while len(times) < request["least"] or time.perf_counter() < end:
            times.append(repeated(self.task.run, self.calls))
            if times[-1] * self.calls > LONG:
                break
        return {"type": "sampled", "median": sorted(times)[len(times) // 2], "best": min(times), "runs": len(times)}

    def dispose(self, request):
        self.task = None
        return {"type": "disposed"}


def main():
    about = f"PyTorch {torch.__version__}, one thread"
    print(json.dumps({"type": "ready", "about": about}), flush=True)
    answers = Answers()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(answers, request["type"])(request)
        except Exception as error:  # whatever goes wrong belongs into the cell
            answer = {"type": "none", "why": str(error).split("\n")[0]}
        print(json.dumps(answer), flush=True)


main()

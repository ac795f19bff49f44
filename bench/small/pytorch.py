"""The process of PyTorch's column: writes the microseconds of each workload as JSON."""
import json
import time

import torch

REPEATS, WARMUP, ROUND, ROUNDS = 16, 0.5, 0.2, 5

torch.set_num_threads(1)
x, y, w = torch.ones(4), torch.ones(4), torch.ones(4, requires_grad=True)
v, constant = torch.ones(16, requires_grad=True), torch.ones(16)


def chain(z):
    for _ in range(5):
        z = z.mul(0.9).add(0.1).sin().tanh()
    return z


def add_backward():
    if w.grad is not None:
        w.grad.zero_()
    w.add(y).sum().backward()


def chain_backward():
    if v.grad is not None:
        v.grad.zero_()
    chain(v).sum().backward()


net = torch.nn.Sequential(
    torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
inputs, target = torch.randn(4, 2), torch.randn(4, 1)


def training_step():
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(inputs), target).backward()
    optimizer.step()


workloads = {
    "add of 4 elements": lambda: x.add(y),
    "add of 4 elements, recorded": lambda: w.add(y),
    "that add, sum, backward": add_backward,
    "20 pointwise ops on 16 elements": lambda: chain(constant),
    "the same, recorded": lambda: chain(v),
    "the same, forward and backward": chain_backward,
    "MLP 2-16-16-1, batch 4, a step of SGD": training_step,
}


def measure(run):
    times = []
    end = time.perf_counter() + WARMUP
    while time.perf_counter() < end:
        run()
    for _ in range(ROUNDS):
        own = []
        end = time.perf_counter() + ROUND
        while time.perf_counter() < end:
            start = time.perf_counter()
            for _ in range(REPEATS):
                run()
            own.append((time.perf_counter() - start) / REPEATS)
        times.append(sorted(own)[len(own) // 2])
    return 1e6 * sorted(times)[len(times) // 2]


found = {name: measure(run) for name, run in workloads.items()}
print(json.dumps({"about": f"PyTorch {torch.__version__}, 1 thread", "microseconds": found}))

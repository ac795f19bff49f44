"""The loop in PyTorch. Reads the problem as JSON from the standard input; prints what the other columns' processes measure."""

import gc
import json
import re
import sys
import time

import torch
from torch import nn

problem = json.load(sys.stdin)
steps = int(sys.argv[1])


def rss():
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", open("/proc/self/status").read()).group(1))


def live():
    gc.collect()
    storages = {}
    for x in gc.get_objects():
        if torch.is_tensor(x):
            for t in (x, x.grad) if x.is_leaf else (x,):
                if t is not None:
                    storages[t.storage().data_ptr()] = t.storage().nbytes()
    return sum(storages.values())


points = torch.tensor(problem["points"]).view(-1, problem["features"])
labels = torch.tensor(problem["labels"])
hidden, classes, batch = problem["hidden"], problem["classes"], problem["batch"]
model = nn.Sequential(nn.Linear(problem["features"], hidden), nn.ReLU(), nn.Linear(hidden, classes))
with torch.no_grad():
    model[0].weight.copy_(torch.tensor(problem["weights"][0]).view(hidden, -1))
    model[2].weight.copy_(torch.tensor(problem["weights"][1]).view(classes, hidden))
    model[0].bias.zero_()
    model[2].bias.zero_()
optimizer = torch.optim.SGD(model.parameters(), lr=problem["learningRate"])


def train(first, last):
    for step in range(first, last):
        i = step * batch % len(points)
        x, y = points[i : i + batch], labels[i : i + batch]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        value = loss.item()
    return value


train(0, steps // 10)
early = (live(), rss())
train(steps // 10, steps // 2)
start = time.perf_counter()
loss = train(steps // 2, steps)
step_time = 1000 * (time.perf_counter() - start) / (steps - steps // 2)
late = (live(), rss())
print(
    json.dumps(
        {
            "about": f"PyTorch {torch.__version__}, cpu, {torch.get_num_threads()} thread",
            "live": [early[0], late[0]],
            "rss": [early[1], late[1]],
            "stepTime": step_time,
            "loss": loss,
            "note": "",
        }
    )
)

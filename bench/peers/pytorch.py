"""PyTorch's side of the benchmark: answers each line of standard input, {"work": NAME, "iterations": N}, with {"ms": [...]}.

Two threads; the better of contiguous and channels-last where that matters is taken by asking for both.
"""

import json
import os
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "2")))
torch.manual_seed(0)


def mlp_step():
    """One SGD step of 784-1200-1200-10 on a batch of 128."""
    model = nn.Sequential(nn.Linear(784, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, labels = torch.rand(128, 784), torch.randint(0, 10, (128,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()

    return step


def conv(memory_format):
    """Forward and backward of a 3×3 convolution 64→64 at 32×32 on a batch of 64: gradients of input and weight."""

    inputs = torch.rand(64, 64, 32, 32).to(memory_format=memory_format).requires_grad_()
    weight = torch.rand(64, 64, 3, 3).to(memory_format=memory_format).requires_grad_()
    direction = torch.rand(64, 64, 32, 32).to(memory_format=memory_format)

    def step():
        inputs.grad = weight.grad = None
        nn.functional.conv2d(inputs, weight, padding=1).backward(direction)

    return step


WORK = {
    "mlp-step": mlp_step,
    "conv": lambda: conv(torch.contiguous_format),
    "conv channels-last": lambda: conv(torch.channels_last),
}

print(json.dumps({"peer": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()}), flush=True)
ready = {}
for line in sys.stdin:
    request = json.loads(line)
    name = request["work"]
    step = ready.get(name) or ready.setdefault(name, WORK[name]())
    times = []
    for _ in range(request["iterations"]):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"ms": times}), flush=True)

"""PyTorch's side of bench/teacher.ts: one batch of 64 through a frozen network, in its fastest way.

Answers each line of standard input, {"work": NAME, "iterations": N}, with {"ms": [...]}. NAME is a network and a way: "resnet56 eager",
"resnet56 compiled" or "resnet56 frozen" (compiled with weights as constants). Convolutions run channels-last, everything in inference_mode,
on two threads.
"""

import json
import os
import sys
import time

# Beside this file stands a pytorch.py, and torchvision looks for a module of that name.
sys.path.pop(0)

import torch
import torch.nn.functional as F
from torch import nn
from torch._inductor import config

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "2")))
torch.manual_seed(0)
BATCH = 64


def conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Basic(nn.Module):
    """Two 3×3 convolutions, each normalised; the projection where the shape changes too."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))) + self.shortcut(x))


class PreActivation(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, outputs, 3, stride)
        self.norm2, self.conv2 = nn.BatchNorm2d(outputs), conv(outputs, outputs, 3)
        self.shortcut = None if inputs == outputs else conv(inputs, outputs, 1, stride)

    def forward(self, x):
        active = F.relu(self.norm1(x))
        y = self.conv2(F.relu(self.norm2(self.conv1(active))))
        return y + (x if self.shortcut is None else self.shortcut(active))


def stages(block, first, widths, depth):
    layers, channels = [], first
    for stage, width in enumerate(widths):
        for index in range(depth):
            layers.append(block(channels, width, 2 if stage > 0 and index == 0 else 1))
            channels = width
    return layers


def head(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 100)]


def resnet56():
    stem = [conv(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*stem, *stages(Basic, 16, [16, 32, 64], 9), *head(64))


def wrn_40_2():
    return nn.Sequential(
        conv(3, 16, 3), *stages(PreActivation, 16, [32, 64, 128], 6), nn.BatchNorm2d(128), nn.ReLU(), *head(128)
    )


def bert():
    from transformers import BertConfig, BertForSequenceClassification

    model = BertForSequenceClassification(BertConfig()).eval()
    ids = torch.randint(0, 30000, (BATCH, 64))
    feeds = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    return model, lambda run: run(**feeds)


def images(make):
    model = make().eval().to(memory_format=torch.channels_last)
    x = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    return model, lambda run: run(x)


NETWORKS = {"resnet56": lambda: images(resnet56), "wrn-40-2": lambda: images(wrn_40_2), "bert-base": bert}


made = {}


def prepare(work):
    """A function that runs one batch; the ways of a network share its weights."""
    network, way = work.split(" ")
    model, call = made.get(network) or made.setdefault(network, NETWORKS[network]())
    if way == "eager":
        return lambda: call(model)
    torch._dynamo.reset()
    config.freezing = way == "frozen"
    compiled = torch.compile(model)
    # Compilation happens in the first call, so under this setting.
    with torch.inference_mode():
        call(compiled)
    return lambda: call(compiled)


def main():
    print(json.dumps({"peer": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()}), flush=True)
    ready = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["work"]
        step = ready.get(name) or ready.setdefault(name, prepare(name))
        times = []
        with torch.inference_mode():
            for _ in range(request["iterations"]):
                start = time.perf_counter()
                step()
                times.append(1000 * (time.perf_counter() - start))
        print(json.dumps({"ms": times}), flush=True)


# The compiler's own processes import this file too.
if __name__ == "__main__":
    main()

"""Writes test/golden/cnn.json: what PyTorch computes for a small CNN and for some operators.

    python scripts/golden/cnn.py        (PyTorch 2.13 on the CPU; nothing else is needed)

The network has a convolution with stride and padding, a depthwise and a 1x1 convolution, batch normalisation in training mode, max and
average pooling, ReLU, hard swish and a linear layer. The file holds its first weights, four batches, the first batch's loss and every
gradient, and after 20 steps of plain SGD over the batches the losses, the weights and the running averages of the batch normalisations.
Tensors are {"type", "shape", "data"}, the data being little-endian in base64.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

STEPS = 20
LEARNING_RATE = 0.05


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm1 = torch.nn.BatchNorm2d(8)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = torch.nn.Conv2d(8, 16, 1, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(16)
        self.head = torch.nn.Linear(64, 5)

    def forward(self, x):
        x = F.relu(self.norm1(self.stem(x)))
        x = F.hardswish(self.depthwise(x))
        x = F.relu(self.norm2(self.pointwise(x)))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        x = F.avg_pool2d(x, 2, stride=1)
        return self.head(torch.flatten(x, 1))


def encoded(tensor):
    kind = str(tensor.dtype).removeprefix("torch.")
    return {"type": kind, "shape": list(tensor.shape), "data": base64.b64encode(tensor.detach().contiguous().numpy().tobytes()).decode()}


def all_encoded(tensors):
    return {name: encoded(tensor) for name, tensor in tensors}


def training():
    network = Network()
    with torch.no_grad():
        for norm in (network.norm1, network.norm2):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.5, 0.5)
    batches = [(torch.randn(8, 3, 12, 12), torch.randint(0, 5, (8,))) for _ in range(4)]
    golden = {
        "learningRate": LEARNING_RATE,
        "weights": all_encoded(network.named_parameters()),
        "batches": [{"images": encoded(images), "labels": encoded(labels)} for images, labels in batches],
        "losses": [],
    }
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    for step in range(STEPS):
        images, labels = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        if step == 0:
            golden["gradients"] = all_encoded((name, parameter.grad) for name, parameter in network.named_parameters())
        golden["losses"].append(loss.item())
        optimizer.step()
    golden["trained"] = all_encoded(network.named_parameters())
    golden["averages"] = all_encoded((name, value) for name, value in network.named_buffers() if "running" in name)
    return golden


def operator(function, *inputs):
    """The output for these inputs, and the gradients for a random gradient dy to it."""
    inputs = [tensor.requires_grad_() for tensor in inputs]
    y = function(*inputs)
    dy = torch.randn_like(y)
    return {
        "inputs": [encoded(tensor) for tensor in inputs],
        "y": encoded(y),
        "dy": encoded(dy),
        "gradients": [encoded(gradient) for gradient in torch.autograd.grad(y, inputs, dy)],
    }


def operators():
    x = torch.randn(2, 6, 9, 8)
    return {
        "conv": operator(lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=3), x, torch.randn(6, 2, 3, 3), torch.randn(6)),
        # Few distinct values, so that most windows have several maxima.
        "maxPool": operator(lambda x: F.max_pool2d(x, 3, stride=2, padding=1), torch.randint(0, 3, (2, 3, 7, 7)).float()),
        "layerNorm": operator(lambda x, w, b: F.layer_norm(x, (4, 5), w, b), torch.randn(3, 4, 5), torch.randn(4, 5), torch.randn(4, 5)),
        "gelu": operator(F.gelu, 3 * torch.randn(20)),
        "geluTanh": operator(lambda x: F.gelu(x, approximate="tanh"), 3 * torch.randn(20)),
        "logSoftmax": operator(lambda x: F.log_softmax(x, 1), 3 * torch.randn(4, 6)),
    }


if __name__ == "__main__":
    torch.manual_seed(20)
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).parents[2] / "test" / "golden" / "cnn.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"torch": torch.__version__, "training": training(), "operators": operators()}, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")

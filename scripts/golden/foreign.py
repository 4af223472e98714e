"""Two small classifiers of 28×28 images as PyTorch's exporters write them unless told otherwise, for test/foreign-models.test.ts.

    python scripts/golden/foreign.py
"""

import pathlib

import onnx
import torch
from torch import nn

target = pathlib.Path(__file__).parents[2] / "test/golden/foreign"
target.mkdir(parents=True, exist_ok=True)


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.Hardswish())


class Attentive(nn.Module):
    """Convolutions, then one layer of attention over the 49 positions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(block(1, 8, 2), block(8, 16, 2))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        tokens = self.norm(tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0])
        return self.head(tokens.mean(1))


torch.manual_seed(0)
example = torch.randn(1, 1, 28, 28)
# The teacher: TorchScript exporter, batch of one, batch normalisation folded into the convolutions.
teacher = nn.Sequential(block(1, 8, 2), block(8, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(16, 10)).eval()
torch.onnx.export(teacher, (example,), target / "torchscript.onnx", opset_version=12, dynamo=False)
# The student: dynamo exporter, batch of one.
student = Attentive().eval()
torch.onnx.export(student, (example,), target / "dynamo.onnx", dynamo=True, external_data=False)
# The same, for seven classes, in half precision.
torch.onnx.export(nn.Sequential(teacher[:-1], nn.Linear(16, 7)).eval().half(), (example.half(),), target / "half.onnx", opset_version=17, dynamo=False)

# The exporter notes for each node where in which file it was written: paths of whoever ran this.
for path in target.glob("*.onnx"):
    model = onnx.load(path)
    for entry in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output, *model.graph.value_info):
        entry.doc_string = ""
        del entry.metadata_props[:]
    onnx.save(model, path)

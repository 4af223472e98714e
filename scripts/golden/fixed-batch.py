"""Writes test/golden/fixed-batch/*.onnx: small networks exported for a batch of 1, by both exporters of PyTorch.

    python scripts/golden/fixed-batch.py        (packages: requirements.txt beside this file)

`NAME.onnx` comes from the exporter by TorchScript, `NAME-export.onnx` from the one by torch.export. The weights are random. Nothing but the
files is needed: what a network must give for a batch is what ONNX Runtime gives for the file, sample by sample.
"""

import io
import pathlib
import warnings

import onnx
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "fixed-batch"


class Convolutions(torch.nn.Module):
    """Flatten, and reshapes that name the batch: shuffled channels, groups, windows; enlarged to a size."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.norm = torch.nn.GroupNorm(2, 8)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=4)
        self.batch_norm = torch.nn.BatchNorm2d(8)
        self.head = torch.nn.Linear(8 * 4 * 4 + 8, 5)

    def forward(self, x):
        n = x.shape[0]
        x = F.relu(self.norm(self.stem(x)))
        x = x.view(n, 2, 4, 8, 8).transpose(1, 2).reshape(n, 8, 8, 8)
        x = x + F.interpolate(self.batch_norm(self.depthwise(x)), size=(8, 8), mode="bilinear")
        windows = x.view(n, 8, 2, 4, 2, 4).permute(0, 2, 4, 1, 3, 5).reshape(n * 4, 8, 4, 4)
        pooled = F.hardswish(windows).amax((2, 3)).view(n, 4, 8).mean(1)
        return self.head(torch.cat([torch.flatten(F.avg_pool2d(x, 2), 1), pooled], 1))


class VisionTransformer(torch.nn.Module):
    """Patches, a class token, positions, and two blocks: one with attention by hand, one with PyTorch's own layer."""

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 12, 4, stride=4)
        self.token = torch.nn.Parameter(torch.randn(1, 1, 12))
        self.positions = torch.nn.Parameter(torch.randn(1, 5, 12))
        self.before = torch.nn.LayerNorm(12)
        self.qkv = torch.nn.Linear(12, 36)
        self.out = torch.nn.Linear(12, 12)
        self.attention = torch.nn.MultiheadAttention(12, 2, batch_first=True)
        self.mlp = torch.nn.Sequential(torch.nn.LayerNorm(12), torch.nn.Linear(12, 16), torch.nn.GELU(), torch.nn.Linear(16, 12))
        self.head = torch.nn.Linear(12, 4)

    def forward(self, image):
        n = image.shape[0]
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(n, -1, -1), x], 1) + self.positions
        q, k, v = self.qkv(self.before(x)).reshape(n, 5, 3, 3, 4).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, 5, 12))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head((x + self.mlp(x))[:, 0])


class Recurrent(torch.nn.Module):
    """First states that name the batch, sequences that come first, and a fully connected layer on all steps at once."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(9, 6)
        self.lstm = torch.nn.LSTM(6, 5, bidirectional=True)
        self.dense = torch.nn.Linear(10, 4)

    def forward(self, tokens):
        n, steps = tokens.shape
        states = torch.zeros(2, n, 5), torch.full((2, n, 5), 0.5)
        y, _ = self.lstm(self.embed(tokens).transpose(0, 1), states)
        scores = torch.tanh(self.dense(y.reshape(steps * n, 10))).view(steps, n, 4)
        return scores.softmax(0).mean(0), scores.transpose(0, 1)


NETWORKS = {
    "mlp": (lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)), (1, 3, 4)),
    "cnn": (Convolutions, (1, 3, 8, 8)),
    "vit": (VisionTransformer, (1, 3, 8, 8)),
    "lstm": (Recurrent, (1, 7)),
}


def by_torchscript(network, x):
    file = io.BytesIO()
    torch.onnx.export(network, (x,), file, opset_version=17, dynamo=False, input_names=["x"])
    return onnx.load_from_string(file.getvalue())


def by_export(network, x):
    return torch.onnx.export(network, (x,), opset_version=18, dynamo=True, input_names=["x"], verbose=False).model_proto


def write(name, model):
    model.graph.ClearField("value_info")
    model.ClearField("metadata_props")
    for part in [*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def main():
    warnings.filterwarnings("ignore")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (build, shape) in NETWORKS.items():
        torch.manual_seed(0)
        network = build().eval()
        x = torch.randint(0, 9, shape) if name == "lstm" else torch.randn(shape)
        write(name, by_torchscript(network, x))
        write(f"{name}-export", by_export(network, x))


if __name__ == "__main__":
    main()

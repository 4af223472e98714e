"""Writes test/golden/opsets/*.onnx: three small networks, each at several of the operator sets that PyTorch exports.

    python scripts/golden/opsets.py        (packages: requirements.txt beside this file)

`NAME-9.onnx` to `NAME-20.onnx` come from the exporter by TorchScript, `NAME-export-*.onnx` from the one by torch.export. The weights are
random; the batch is open ("N"). Nothing but the files is needed: what a network must give is what ONNX Runtime gives for the file itself.
"""

import io
import pathlib
import warnings

import onnx
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "opsets"
BY_TORCHSCRIPT = {"pixels": (9, 10, 11, 13, 15, 17, 18, 19, 20), "sequence": (9, 12, 13, 14, 18), "tokens": (9, 11, 13, 16, 17, 20)}
BY_EXPORT = {"pixels": (18, 22, 24), "tokens": (22, 24)}


class Pixels(torch.nn.Module):
    """Pads of three kinds, both normalisations, both ways to enlarge, both poolings with their edge cases, softmax over channels, top k."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 6, 3, stride=2)
        self.batch = torch.nn.BatchNorm2d(6)
        self.group = torch.nn.GroupNorm(3, 6)
        self.up = torch.nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.slope = torch.nn.PReLU(4)

    def forward(self, x):
        x = self.batch(self.stem(F.pad(F.pad(x, (1, 1, 1, 0), mode="reflect"), (0, 1, 0, 1), value=0.3)))
        x = F.relu6(self.group(x))
        coarse = F.avg_pool2d(F.max_pool2d(x, 3, stride=2, ceil_mode=True), 3, stride=1, padding=1)
        x = x + F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        x = F.interpolate(self.slope(self.up(x)), scale_factor=2.0, mode="nearest")[:, :, 1:, :-2]
        scores = x.softmax(1)
        values, _ = torch.topk(scores.mean((2, 3)), 2)
        return values, scores.amax(2, keepdim=True).squeeze(2), F.dropout(x, 0.4).clamp(min=-0.5).sum(3)


class Sequence(torch.nn.Module):
    """The recurrent layers, and the ways in which their outputs are cut up and put together."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(11, 5)
        self.lstm = torch.nn.LSTM(5, 4, batch_first=True, bidirectional=True)
        self.gru = torch.nn.GRU(8, 3, batch_first=True)

    def forward(self, tokens):
        x, (hidden, _) = self.lstm(self.embed(tokens))
        first, second = x.split([3, 5], dim=2)
        y, _ = self.gru(torch.cat([second, first], 2))
        pooled = y.transpose(0, 1).mean(0).unsqueeze(1)
        weights = torch.where(tokens > 3, y.sum(2), torch.full((1, 1), -2.0)).softmax(1)
        return F.log_softmax(pooled.squeeze(1), dim=1), hidden.transpose(0, 1), (weights.unsqueeze(2) * y).norm(dim=1)


class Tokens(torch.nn.Module):
    """Attention by hand, layer normalisation, GELU."""

    def __init__(self):
        super().__init__()
        self.before = torch.nn.LayerNorm(8)
        self.qkv = torch.nn.Linear(8, 24)
        self.out = torch.nn.Linear(8, 8)
        self.mlp = torch.nn.Sequential(torch.nn.LayerNorm(8), torch.nn.Linear(8, 12), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(12, 8))

    def forward(self, x):
        q, k, v = self.qkv(self.before(x)).reshape(-1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(2, 3) * 0.5).masked_fill(torch.ones(5, 5).triu(1).bool(), -1e4)
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, 5, 8))
        x = x + self.mlp(x)
        return x[:, -1], x.flatten(1).argmax(1)


NETWORKS = {
    "pixels": (Pixels, lambda: torch.randn(2, 3, 8, 10)),
    "sequence": (Sequence, lambda: torch.randint(0, 11, (2, 6))),
    "tokens": (Tokens, lambda: torch.randn(2, 5, 8)),
}


def by_torchscript(network, x, opset):
    file = io.BytesIO()
    torch.onnx.export(network, (x,), file, opset_version=opset, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "N"}})
    return onnx.load_from_string(file.getvalue())


def by_export(network, x, opset):
    batch = torch.export.Dim("N", min=1)
    exported = torch.onnx.export(network, (x,), opset_version=opset, dynamo=True, input_names=["x"], dynamic_shapes=({0: batch},), verbose=False)
    return exported.model_proto


def write(name, model):
    model.graph.ClearField("value_info")
    model.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        value.ClearField("metadata_props")
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def main():
    warnings.filterwarnings("ignore")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (kind, inputs) in NETWORKS.items():
        torch.manual_seed(0)
        network = kind().eval()
        if name == "pixels":
            network.batch.running_mean.uniform_(-0.5, 0.5)
            network.batch.running_var.uniform_(0.5, 1.5)
        x = inputs()
        for opset in BY_TORCHSCRIPT.get(name, ()):
            write(f"{name}-{opset}", by_torchscript(network, x, opset))
        for opset in BY_EXPORT.get(name, ()):
            write(f"{name}-export-{opset}", by_export(network, x, opset))


if __name__ == "__main__":
    main()

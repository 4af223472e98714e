"""Writes test/golden/idioms/*.onnx: the arithmetic on shapes that PyTorch's exporters write, every size that can be open being open.

    python scripts/golden/exporter-idioms.py        (packages: requirements.txt beside this file)

`NAME-script.onnx` comes from the exporter by TorchScript, `NAME-export.onnx` from the one by torch.export. Nothing but the files is needed:
what inference must say of their values is what ONNX Runtime gives.
"""

import io
import pathlib
import warnings

import onnx
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parents[2] / "test" / "golden" / "idioms"


def view_flat(x):
    return x.view(x.size(0), -1)


def view_rows(x):
    return x.reshape(-1, x.size(1)) + 1, x.flatten(2), x.flatten(0, 1), x.view(x.shape[0] * x.shape[1], x.shape[2], x.shape[3])


def heads(x):
    """Attention by hand over 2 heads of 4."""
    n, s, d = x.shape
    q = x.view(n, s, 2, d // 2).permute(0, 2, 1, 3)
    scores = torch.softmax(q @ q.transpose(-2, -1) / (q.size(-1) ** 0.5), -1)
    return (scores @ q).transpose(1, 2).contiguous().view(n, s, -1)


def causal(x):
    s = x.size(1)
    mask = torch.ones(s, s, dtype=torch.bool).triu(1)
    return (x @ x.transpose(1, 2)).masked_fill(mask, float("-inf")).softmax(-1) @ x


def sdpa(x):
    q = x.unflatten(2, (2, 4)).transpose(1, 2)
    return F.scaled_dot_product_attention(q, q, q, is_causal=True).transpose(1, 2).flatten(2)


class Positions(torch.nn.Module):
    """BERT's: a slice of a stored list of positions, types of zeros, a mask of tokens added to the scores."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(20, 8)
        self.places = torch.nn.Embedding(16, 8)
        self.types = torch.nn.Embedding(2, 8)
        self.register_buffer("positions", torch.arange(16).expand((1, -1)), persistent=False)

    def forward(self, ids):
        n, s = ids.size()
        positions = self.positions[:, :s]
        types = torch.zeros(ids.size(), dtype=torch.long)
        x = self.words(ids) + self.types(types) + self.places(positions)
        mask = (1.0 - (ids > 1).to(torch.float32)[:, None, None, :]) * torch.finfo(torch.float32).min
        return (x @ x.transpose(1, 2)).unsqueeze(1) + mask.expand(n, 1, s, s)


def arange(ids):
    """T5's buckets of relative positions; rotary angles."""
    s = ids.size(1)
    distance = torch.arange(s)[None, :] - torch.arange(s)[:, None]
    angles = torch.arange(0, s, dtype=torch.float32)[:, None] * torch.arange(0, 4, 2)[None, :]
    return distance.clamp(min=-4, max=4) + 4, torch.cat([angles.sin(), angles.cos()], -1), ids + torch.arange(s, 0, -1)


def shifted(x):
    """Swin's: roll, partition into windows of 2, and back."""
    n, h, w, c = x.shape
    x = torch.roll(x, shifts=(-1, -1), dims=(1, 2))
    x = x.view(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
    x = x.softmax(1)
    x = x.view(n, h // 2, w // 2, 2, 2, -1).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
    return torch.roll(x, shifts=(1, 1), dims=(1, 2))


def merged(x):
    """Swin's merging of patches."""
    parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    return torch.cat(parts, -1).flatten(1, 2)


class Resized(torch.nn.Module):
    """By a factor, to the size of another map, to the size of the input as in DeepLab."""

    def __init__(self):
        super().__init__()
        self.down = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x):
        coarse = F.max_pool2d(self.down(x), 2, ceil_mode=True)
        twice = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return twice, F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False), F.interpolate(x, scale_factor=0.5, mode="bilinear")


def halves(x):
    """Chunks along an open axis and along a closed one."""
    a, b = torch.chunk(x, 2, dim=1)
    c, d = x.split([3, 5], dim=2)
    return a * b.sigmoid(), c, d.flip(1)


def pooled(x):
    return F.adaptive_avg_pool2d(x, 1).flatten(1), F.adaptive_max_pool2d(x, (1, 1)), x.mean((2, 3), keepdim=True) * x, F.avg_pool2d(x, 3, 2, 1)


def shuffled(x):
    """Pixels to channels and back, channels among groups."""
    n, c, h, w = x.shape
    mixed = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
    return F.pixel_shuffle(x, 2), F.pixel_unshuffle(F.pixel_shuffle(mixed, 2), 2)


class Tokens(torch.nn.Module):
    """ViT's: a class token beside the patches, and what is left of it."""

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.token = torch.nn.Parameter(torch.randn(1, 1, 8))

    def forward(self, x):
        patches = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], 1)
        return x[:, 0], x[:, 1:].mean(1), x[:, -1:].repeat(1, x.size(1), 1)


def products(x):
    return torch.einsum("nsd,ntd->nst", x, x), torch.einsum("bij,bkj->ki", x, x), torch.einsum("...sd->...ds", x)


def padded(x):
    zeros = torch.zeros(x.size(0), 2, x.size(2), dtype=x.dtype)
    return torch.cat([zeros, x], 1), F.pad(x, (1, 2)), F.pad(x.transpose(1, 2), (0, 3), value=1.0), x.new_ones(x.shape[1], 3), torch.full_like(x, 2)


def even(x):
    """Padded to a multiple of 4, as windows need it."""
    left = (4 - x.size(1) % 4) % 4
    return F.pad(x, (0, 0, 0, left)).unfold(1, 4, 4)


def chosen(x):
    values, places = x.topk(2, dim=1)
    return values, x.gather(1, places), x.argmax(1), x.sort(dim=1)[0], x.cumsum(1), torch.where(x > 0, x, torch.zeros_like(x))


def found(x):
    """Sizes that only the data tells."""
    return x[x > 0], (x > 0).nonzero()


def upsampled(x):
    """To sizes computed from sizes."""
    h, w = x.shape[-2:]
    return F.interpolate(x, size=(h * 2, w + 3), mode="nearest"), F.interpolate(x, size=(max(h, w), 5), mode="bilinear")


def transposed(x):
    weight = torch.ones(3, 2, 3, 3)
    up = F.conv_transpose2d(x, weight, stride=2, padding=1, output_padding=1)
    return up, F.conv2d(up, torch.ones(3, 2, 3, 3), dilation=2, padding=2), F.conv2d(x, torch.ones(3, 1, 5, 5), groups=3, stride=3)


def grid(x):
    """Places of the pixels, as in detection."""
    n, _, h, w = x.shape
    rows, columns = torch.meshgrid(torch.arange(h, dtype=torch.float32), torch.arange(w, dtype=torch.float32), indexing="ij")
    places = torch.stack([columns, rows], -1).reshape(1, h * w, 2).repeat(n, 1, 1)
    return torch.cat([x.flatten(2).transpose(1, 2), places], -1)


def strided(x):
    return x[:, ::2], x[:, 1:-1], x[:, -3:], x[:, :, None] + x[:, None], x[:, x.size(1) // 2 :], x.narrow(1, 1, 2)


def masked(x):
    """Longformer-like: writes into a slice, and along a diagonal."""
    y = torch.zeros_like(x)
    y[:, 1:] = x[:, :-1]
    return y, torch.tril(x @ x.transpose(1, 2)), torch.eye(x.size(1)) + x.mean(2, keepdim=True)


ROWS = (torch.randn(2, 6, 8), {0: "batch", 1: "length"})
IDS = (torch.randint(2, 20, (2, 6)), {0: "batch", 1: "length"})
IMAGES = (torch.randn(2, 3, 8, 12), {0: "batch", 2: "height", 3: "width"})
MAPS = (torch.randn(2, 8, 4, 6), {0: "batch", 2: "height", 3: "width"})
LAST = (torch.randn(2, 8, 4, 4), {0: "batch", 1: "height", 2: "width"})
CASES = {
    "view-flat": (view_flat, MAPS),
    "view-rows": (view_rows, MAPS),
    "heads": (heads, ROWS),
    "causal": (causal, ROWS),
    "sdpa": (sdpa, ROWS),
    "positions": (Positions(), IDS),
    "arange": (arange, IDS),
    "shifted": (shifted, LAST),
    "merged": (merged, LAST),
    "resized": (Resized(), IMAGES),
    "halves": (halves, ROWS),
    "pooled": (pooled, IMAGES),
    "shuffled": (shuffled, MAPS),
    "tokens": (Tokens(), IMAGES),
    "products": (products, ROWS),
    "padded": (padded, ROWS),
    "even": (even, ROWS),
    "chosen": (chosen, ROWS),
    "found": (found, ROWS),
    "upsampled": (upsampled, IMAGES),
    "transposed": (transposed, IMAGES),
    "grid": (grid, IMAGES),
    "strided": (strided, ROWS),
    "masked": (masked, ROWS),
}


class Wrapped(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def by_script(network, x, open_axes):
    buffer = io.BytesIO()
    names = {"x": open_axes}
    torch.onnx.export(network, (x,), buffer, input_names=["x"], dynamic_axes=names, opset_version=17, dynamo=False)
    return onnx.load_from_string(buffer.getvalue())


def by_export(network, x, open_axes):
    dims = {axis: torch.export.Dim(name) if axis == 0 else torch.export.Dim.DYNAMIC for axis, name in open_axes.items()}
    return torch.onnx.export(network, (x,), input_names=["x"], dynamic_shapes=(dims,), dynamo=True, verbose=False).model_proto


def without_comments(model):
    """Without where in the sources each node came from."""
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    del model.graph.value_info[:]
    return model


def main():
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (network, (x, open_axes)) in CASES.items():
        module = network if isinstance(network, torch.nn.Module) else Wrapped(network)
        for exporter, export in (("script", by_script), ("export", by_export)):
            try:
                model = without_comments(export(module.eval(), x, open_axes))
            except Exception as error:  # Not every idiom passes both exporters.
                print(f"{name}-{exporter}: {type(error).__name__}: {str(error).splitlines()[0][:160]}")
                continue
            onnx.save(model, FOLDER / f"{name}-{exporter}.onnx")


if __name__ == "__main__":
    main()

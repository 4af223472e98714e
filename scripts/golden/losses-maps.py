"""Writes test/golden/losses-maps.json: losses on feature maps that test/golden/losses.json has no values for, by PyTorch in float64.

    python scripts/golden/losses-maps.py       (PyTorch 2.13 on the CPU, NumPy)

Written from the papers' formulas. The maps are those of losses.json, and `big`; weights are those of hashed_weights.py by the names that
Limbeck gives them, and batch normalisation goes by a mean of 0 and a variance of 1.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from hashed_weights import weight

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"


def wave(shape, f, a, b, scale):
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return (scale * getattr(torch, f)(a * index + b)).reshape(shape)


inputs = json.loads((GOLDEN / "losses.json").read_text())["inputs"]
fs, ft, ft2, fsB, ftB = (wave(**inputs[name]) for name in ("fs", "ft", "ft2", "fsB", "ftB"))
big = wave([4, 5, 8, 8], "cos", 0.21, 0.3, 1)
for map_ in (fs, fsB):
    map_.requires_grad_()


def conv(name, x, channels, kernel, bias=False):
    w = weight(f"{name}/weight", [channels, x.shape[1], kernel, kernel]).double()
    return F.conv2d(x, w, weight(f"{name}/bias", [channels]).double() if bias else None, padding=kernel // 2)


def norm(name, x):
    w, b = (weight(f"{name}/{part}", [x.shape[1]]).double() for part in ("weight", "bias"))
    return F.batch_norm(x, torch.zeros_like(w), torch.ones_like(w), w, b)


def cwd(s, t, temperature):
    p, q = (x.flatten(2).div(temperature).softmax(2) for x in (t, s))
    return (p * (p.log() - q.log())).sum() * temperature**2 / (s.shape[0] * s.shape[1])


def ab(s, t, margin):
    wrong = (s > -margin) & (t <= 0), (s <= margin) & (t > 0)
    return ((s + margin) ** 2 * wrong[0] + (s - margin) ** 2 * wrong[1]).sum() / s.shape[0] / 1000 * 3


def factor(s, t):
    return F.l1_loss(F.normalize(s.flatten(1)), F.normalize(t.flatten(1)))


def translated(x, channels):
    for index, filters in enumerate((x.shape[1], channels, channels)):
        x = F.leaky_relu(norm(f"translator0/norm{index}", conv(f"translator0/conv{index}", x, filters, 3)), 0.1)
    return x


def vid(s, t):
    for layer in range(3):
        s = conv(f"regressor0/conv{layer}", s if layer == 0 else s.relu(), t.shape[1], 1)
    variance = (F.softplus(weight("rho0", [t.shape[1]]).double()) + 1e-5).view(1, -1, 1, 1)
    return (0.5 * ((s - t) ** 2 / variance + variance.log())).mean()


def hcl(s, t):
    total, factors, factor_ = F.mse_loss(s, t), 1.0, 1.0
    for level in (4, 2, 1):
        if level >= s.shape[2]:
            continue
        factor_ /= 2
        total = total + factor_ * F.mse_loss(F.adaptive_avg_pool2d(s, level), F.adaptive_avg_pool2d(t, level))
        factors += factor_
    return total / factors


def review(students, teachers):
    total, y = 0, None
    width = students[-1].shape[1]
    for index in reversed(range(len(students))):
        x = norm(f"fuse{index}/norm", conv(f"fuse{index}/conv", students[index], width, 1))
        if y is not None:
            y = F.interpolate(y, x.shape[2:], mode="nearest")
            z = conv(f"fuse{index}/attention", torch.cat([x, y], 1), 2, 1, bias=True).sigmoid()
            x = x * z[:, :1] + y * z[:, 1:]
        y = F.interpolate(x, teachers[index].shape[2:], mode="nearest")
        out = norm(f"out{index}/norm", conv(f"out{index}/conv", y, teachers[index].shape[1], 3))
        total = total + hcl(out, teachers[index])
    return total


def measured(loss, wrt):
    (gradient,) = torch.autograd.grad(loss, wrt, retain_graph=True)
    return {"loss": loss.item(), "gradientNorm": gradient.norm().item(), "gradientFirst": gradient.flatten()[0].item()}


small = F.adaptive_avg_pool2d(fs, 2)
losses = {
    "CWD T=4": measured(cwd(fs, ft, 4), fs),
    "CWD T=1": measured(cwd(fs, ft, 1), fs),
    "AB margin=0.5, 2 layers": measured(0.5 * ab(fs, ft, 0.5) + ab(fsB, ftB, 0.5), fs),
    "FT paper": measured(factor(fs, ft), fs),
    "FT paper, translator to ft2": measured(factor(translated(small, 6), ft2), fs),
    "VID, regressor to ft2": measured(vid(small, ft2), fs),
    "ReviewKD hcl 8x8": measured(hcl(F.interpolate(fs, [8, 8], mode="nearest"), big[:, :3]), fs),
    "ReviewKD [fs,fsB] vs [big,ft2], fs": measured(review([fs, fsB], [big, ft2]), fs),
    "ReviewKD [fs,fsB] vs [big,ft2], fsB": measured(review([fs, fsB], [big, ft2]), fsB),
}
(GOLDEN / "losses-maps.json").write_text(json.dumps(losses, indent=1) + "\n")

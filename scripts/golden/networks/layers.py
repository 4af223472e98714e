"""Networks made of single layers: what a zoo's families leave out."""

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 5


class Audio(nn.Module):
    """Strided 1-D convolutions over a signal."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, 8, 9, stride=4, padding=4), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(8, 12, 3, padding=1, groups=2, bias=False), nn.BatchNorm1d(12), nn.ELU(), nn.AvgPool1d(3, stride=2, padding=1),
            nn.ConvTranspose1d(12, 8, 4, stride=2, padding=1), nn.Softplus(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, CLASSES),
        )

    def forward(self, x):
        return self.layers(x)


class Volume(nn.Module):
    """3-D convolutions, plain, strided, grouped and transposed."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2),
            nn.Conv3d(4, 8, 3, padding=1, stride=(1, 2, 2), groups=2), nn.InstanceNorm3d(8, affine=True), nn.SiLU(), nn.AvgPool3d((1, 2, 2)),
            nn.ConvTranspose3d(8, 4, 2, stride=2), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, CLASSES),
        )

    def forward(self, x):
        return self.layers(x)


class WaveNet(nn.Module):
    """van den Oord et al., 2016: dilated causal convolutions, gated, with residual and skip connections."""

    def __init__(self, dilations=(1, 2, 4), channels=8):
        super().__init__()
        self.dilations = dilations
        self.enter = nn.Conv1d(1, channels, 1)
        self.gates = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 2, dilation=dilation) for dilation in dilations)
        self.residual = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in dilations)
        self.exit = nn.Conv1d(channels, 2, 1)

    def forward(self, x):
        x = self.enter(x)
        skip = torch.zeros_like(x)
        for dilation, gate, residual in zip(self.dilations, self.gates, self.residual):
            signal, valve = gate(F.pad(x, (dilation, 0))).chunk(2, dim=1)
            y = residual(torch.tanh(signal) * torch.sigmoid(valve))
            skip, x = skip + y, x + y
        return self.exit(F.relu(skip))


class Activations(nn.Module):
    """A linear layer before each of PyTorch's activations."""

    def __init__(self):
        super().__init__()
        activations = [
            nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Hardsigmoid(), nn.PReLU(8), nn.ELU(0.7), nn.SELU(), nn.CELU(0.6),
            nn.Softplus(), nn.Softsign(), nn.LeakyReLU(0.2), nn.Tanh(), nn.Sigmoid(), nn.LogSigmoid(), nn.Tanhshrink(), nn.Hardtanh(-0.8, 0.9), nn.ReLU6(), nn.GLU(),
        ]
        self.linears = nn.ModuleList(nn.Linear(8, 16 if isinstance(activation, nn.GLU) else 8) for activation in activations)
        self.activations = nn.ModuleList(activations)
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.classifier(sum(activation(linear(x)) for linear, activation in zip(self.linears, self.activations)))


class Norms(nn.Module):
    """Group, instance, layer, RMS and local response normalisation, with and without scales."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(3, 8, 3, padding=1)
        self.group = nn.GroupNorm(4, 8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.mix = nn.Conv2d(8, 8, 1)
        self.plain = nn.InstanceNorm2d(8)
        self.layer = nn.LayerNorm([8, 6, 6])
        self.rms = nn.RMSNorm(8, eps=1e-5)
        self.last = nn.LayerNorm(8, elementwise_affine=False)
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.relu(self.instance(self.group(self.enter(x))))
        x = self.layer(self.plain(self.mix(x)) + x)
        x = self.rms(x.flatten(2).mean(2))
        return self.classifier(self.last(torch.tanh(x)))


class ResponseNorm(nn.Module):
    """AlexNet's layers: local response normalisation, overlapping pools, padding by reflection and by the edge."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(2), nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.LocalResponseNorm(3, alpha=1e-1, beta=0.75, k=1.5), nn.MaxPool2d(3, stride=2),
            nn.ReplicationPad2d((1, 0, 2, 1)), nn.Conv2d(8, 12, 3), nn.PReLU(), nn.LPPool2d(2, 2), nn.Flatten(), nn.Linear(24, CLASSES),
        )

    def forward(self, x):
        return self.layers(x)


class Attention(nn.Module):
    """nn.MultiheadAttention over a sequence, and a second one from learned queries."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(6, 16)
        self.own = nn.MultiheadAttention(16, 4, batch_first=True)
        self.queries = nn.Parameter(torch.randn(1, 3, 16))
        self.cross = nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm = nn.LayerNorm(16)
        self.classifier = nn.Linear(48, CLASSES)

    def forward(self, x):
        x = self.enter(x)
        x = self.norm(x + self.own(x, x, x, need_weights=False)[0])
        y, _ = self.cross(self.queries.expand(x.shape[0], -1, -1), x, x)
        return self.classifier(y.flatten(1))


class EncoderLayer(nn.Module):
    """nn.TransformerEncoder, normalising first."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, dim_feedforward=32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.position = nn.Parameter(torch.randn(1, 7, 16))
        self.classifier = nn.Linear(16, CLASSES)

    def forward(self, x):
        return self.classifier(self.encoder(x + self.position)[:, 0])


class ClassicEncoder(nn.Module):
    """One layer of a transformer in the operators of every opset, with the tokens' order reversed on the way."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.enter, self.leave = (nn.Linear(16, 16) for _ in range(5))
        self.norm = nn.LayerNorm(16)
        self.classifier = nn.Linear(16, CLASSES)

    def forward(self, x):
        weights = torch.softmax(torch.matmul(self.query(x), self.key(x).transpose(1, 2)) / 4, -1)
        x = self.norm(x + torch.matmul(weights, self.value(x)))
        x = torch.cat([x[:, 1:], x[:, :1]], 1).clamp(-2, 2)
        x = x + self.leave(F.gelu(self.enter(x)))
        return self.classifier(x.max(1).values)


class Einsum(nn.Module):
    """Attention and a bilinear form written with einsum."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Parameter(0.3 * torch.randn(6, 2, 5)) for _ in range(3))
        self.form = nn.Parameter(0.3 * torch.randn(CLASSES, 10, 6))

    def forward(self, x):
        q, k, v = (torch.einsum("nti,ihd->nthd", x, w) for w in (self.query, self.key, self.value))
        weights = torch.softmax(torch.einsum("nthd,nshd->nhts", q, k) / 5**0.5, -1)
        y = torch.einsum("nhts,nshd->nthd", weights, v).flatten(2)
        return torch.einsum("nti,cij,ntj->nc", y, self.form, x)


class Tied(nn.Module):
    """An autoencoder whose decoder is the transposed encoder (nn.functional.linear on one weight)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(8, 20))
        self.bias, self.back = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(20))

    def forward(self, x):
        return F.linear(torch.sigmoid(F.linear(x, self.weight, self.bias)), self.weight.t(), self.back)


class Indexing(nn.Module):
    """Gather, top-k, sort, slices with steps, rolls, masks, cumulative sums, and what else moves values about."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(9, 6))
        self.linear = nn.Linear(6, 12)
        self.scale = nn.Parameter(torch.randn(12))
        self.classifier = nn.Linear(12, CLASSES)

    def forward(self, x, ids):
        x = self.linear(x + self.table[ids])
        x = torch.cat([x[:, ::2], x[:, 1::2].flip(2)], 1)
        x = torch.roll(x, 1, dims=1) * self.scale.clamp(-1.5, 1.5)
        x = x.masked_fill(ids.unsqueeze(-1) > 6, -0.5) + x.cumsum(1) / 8
        top = x.topk(3, dim=1).values.sum(1) + x.sort(dim=2, descending=True).values[:, 0]
        picked = torch.gather(x, 2, (ids % 12).unsqueeze(-1)).squeeze(-1).sum(1, keepdim=True)
        x = torch.where(x > 0, torch.log1p(x.abs()), torch.exp(x) - 1)
        return self.classifier(top * picked.tanh() + x.max(1).values - x.amin(1) + torch.linalg.vector_norm(x, dim=1) + x.std(1))


class Elementwise(nn.Module):
    """Trigonometry, powers, roots, minima and maxima, division, and reductions of every kind."""

    def __init__(self, hyperbolic=True):
        super().__init__()
        self.hyperbolic = hyperbolic
        self.weights = nn.ParameterList(0.4 * torch.randn(8, 8) for _ in range(6))
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, x):
        a, b, c, d, e, f = (x @ w for w in self.weights)
        y = torch.sin(a) * torch.cos(b) + torch.tan(0.2 * c) + torch.atan(d) + torch.asin(torch.tanh(e) * 0.9) + torch.erf(f)
        y = y + torch.minimum(a, b) - torch.maximum(c, 0.3 * d) + e.abs().pow(1.5) + (1 + f.square()).rsqrt()
        y = y + (1 + c.abs()).log() / (1 + d.exp()) + e.sign() * f + torch.acos(0.8 * torch.tanh(d))
        if self.hyperbolic:
            # The TorchScript exporter has none of these.
            y = y + torch.sinh(0.3 * a) + torch.cosh(0.3 * b) + torch.asinh(a) + torch.acosh(1.1 + b.square()) + torch.atanh(0.7 * torch.tanh(c))
        scale = y.logsumexp(1, keepdim=True) + y.prod(1, keepdim=True).tanh() + y.var(1, keepdim=True) + y.norm(p=1, dim=1, keepdim=True) / 8
        return self.classifier(y / scale + torch.log_softmax(y, 1) - torch.floor(y) * 0.1)


class FakeQuantized(nn.Module):
    """Quantisation-aware: weights and activations rounded to 8 bits, the gradient passed straight through within the range."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.linear = nn.Linear(8, CLASSES)
        for name, scale, zero in (("image", 0.03, 0), ("weight", 0.004, 0), ("features", 0.02, -128), ("matrix", 0.006, 0)):
            self.register_buffer(f"{name}_scale", torch.tensor([scale]))
            self.register_buffer(f"{name}_zero", torch.tensor([zero], dtype=torch.int32))

    def rounded(self, x, name):
        scale, zero = getattr(self, f"{name}_scale"), getattr(self, f"{name}_zero")
        return torch.fake_quantize_per_tensor_affine(x, scale.item(), int(zero.item()), -128, 127)

    def forward(self, x):
        x = F.conv2d(self.rounded(x, "image"), self.rounded(self.convolution.weight, "weight"), self.convolution.bias, padding=1)
        x = self.rounded(F.relu(x), "features").mean((2, 3))
        return F.linear(x, self.rounded(self.linear.weight, "matrix"), self.linear.bias)


class Small(nn.Module):
    """A CNN of two convolutions, for exports that differ in how weights are stored."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.relu(self.norm(self.second(F.relu(self.first(x)))))
        return self.classifier(x.mean((2, 3)))

"""The losses of distillation.py, in PyTorch by their papers' formulae, with what they train under the names that Limbeck gives it.

A loss takes what is its own, what student and teacher say of the batch ("maps", "pooled", "logits"), the batch and its options, and returns
a scalar, or the loss of each sample.
"""

import math

import torch
import torch.nn.functional as F
from hashed_weights import weight


class Own:
    """Tensors under a prefix, each made by its name when it is first asked for."""

    def __init__(self, tensors, memories=None, prefix="", hashed_as=""):
        self.tensors, self.memories, self.prefix, self.hashed_as = tensors, memories, prefix, hashed_as

    def parameter(self, name, shape):
        return self._tensor(self.tensors, name, shape, True)

    def buffer(self, name, shape):
        return self._tensor(self.tensors, name, shape, False)

    def memory(self, name, shape):
        return self._tensor(self.memories, name, shape, False)

    def remember(self, name, tensor):
        self.memories[self.prefix + name] = tensor.detach()

    def _tensor(self, among, name, shape, trained):
        full = self.prefix + name
        if full not in among:
            among[full] = weight(self.hashed_as + full, list(shape)).double().requires_grad_(trained)
        return among[full]


def conv(own, name, x, channels, kernel, bias=False, stride=1, padding=None):
    w = own.parameter(f"{name}weight", [channels, x.shape[1], kernel, kernel])
    b = own.parameter(f"{name}bias", [channels]) if bias else None
    return F.conv2d(x, w, b, stride=stride, padding=kernel // 2 if padding is None else padding)


def norm(own, name, x, scale="weight", averages=(None, None), training=True):
    w, b = (own.parameter(name + part, [x.shape[1]]) for part in (scale, "bias"))
    return F.batch_norm(x, *averages, w, b, training=training)


def linear(own, name, x, features):
    return F.linear(x, own.parameter(f"{name}weight", [features, x.shape[1]]), own.parameter(f"{name}bias", [features]))


# On logits.


def cross_entropy(own, student, teacher, batch, options):
    return F.cross_entropy(student["logits"], batch["labels"], label_smoothing=options.get("labelSmoothing", 0))


def kd_of(s, t, temperature):
    return temperature**2 * F.kl_div(F.log_softmax(s / temperature, 1), F.softmax(t / temperature, 1), reduction="none").sum(1)


def kd(own, student, teacher, batch, options):
    s, t = student["logits"], teacher["logits"]
    if options.get("standardize"):
        s, t = ((z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-7) for z in (s, t))
    return kd_of(s, t, options["temperature"])


def dkd(own, student, teacher, batch, options):
    temperature = options["temperature"]
    s, t = student["logits"], teacher["logits"]
    hard = F.one_hot(batch["labels"], s.shape[1]).bool()
    ps, pt = F.softmax(s / temperature, 1), F.softmax(t / temperature, 1)
    binary = [torch.stack([p[hard], 1 - p[hard]], 1) for p in (ps, pt)]
    others_s, others_t = (z[~hard].reshape(len(z), -1) for z in (s, t))
    target = F.kl_div(binary[0].log(), binary[1], reduction="batchmean") * temperature**2
    return options["alpha"] * target + options["beta"] * kd_of(others_s, others_t, temperature).mean()


def dist(own, student, teacher, batch, options):
    temperature = options["temperature"]
    ps, pt = (F.softmax(of["logits"] / temperature, 1) for of in (student, teacher))

    def correlation(a, b):
        a, b = (x - x.mean(1, keepdim=True) for x in (a, b))
        # The authors' 1e-8, which counts where a class hardly varies.
        return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-8)).mean()

    of_classes, of_samples = 1 - correlation(ps, pt), 1 - correlation(ps.T, pt.T)
    return temperature**2 * (options["beta"] * of_classes + options["gamma"] * of_samples)


def multi_level(own, student, teacher, batch, options):
    total = 0
    for temperature in options["temperatures"]:
        ps, pt = (F.softmax(of["logits"] / temperature, 1) for of in (student, teacher))
        total = total + kd_of(student["logits"], teacher["logits"], temperature).mean()
        total = total + (ps @ ps.T - pt @ pt.T).square().sum() / ps.shape[0] + (ps.T @ ps - pt.T @ pt).square().sum() / ps.shape[1]
    return total


def ofa_stages(own, student, teacher, batch, options):
    temperature, epsilon, total = options["temperature"], options["epsilon"], 0
    for index, map_ in enumerate(student["maps"]):
        logits = linear(own, f"stage{index}/classifier/", map_.mean((2, 3)), teacher["logits"].shape[1])
        hard = F.one_hot(batch["labels"], logits.shape[1])
        target = (F.softmax(teacher["logits"] / temperature, 1) + hard) ** epsilon - hard
        total = total - temperature**2 * (target * F.log_softmax(logits / temperature, 1)).sum(1).mean()
    return total


def soft_cross_entropy(own, student, teacher, batch, options):
    s, t = (of["logits"] / options["temperature"] for of in (student, teacher))
    return F.cross_entropy(s, F.softmax(t, 1), reduction="none")


def mse_logits(own, student, teacher, batch, options):
    return F.mse_loss(student["logits"] / options["temperature"], teacher["logits"] / options["temperature"])


def jsd(own, student, teacher, batch, options):
    temperature, beta = options["temperature"], options["beta"]
    q, p = (F.softmax(of["logits"] / temperature, 1) for of in (student, teacher))
    m = beta * p + (1 - beta) * q
    return temperature**2 * (beta * p * (p / m).log() + (1 - beta) * q * (q / m).log()).sum(1)


def virtual_teacher(own, student, teacher, batch, options):
    s, confidence = student["logits"], options["confidence"]
    hard = F.one_hot(batch["labels"], s.shape[1])
    u = torch.where(hard == 1, confidence, (1 - confidence) / (s.shape[1] - 1)).double()
    return F.kl_div(F.log_softmax(s, 1), F.softmax(u / options["temperature"], 1), reduction="batchmean")


# On feature maps.


def alike(s, t):
    """The larger map averaged to the size of the smaller."""
    size = [min(a, b) for a, b in zip(s.shape[2:], t.shape[2:])]
    return F.adaptive_avg_pool2d(s, size), F.adaptive_avg_pool2d(t, size)


def adapted(own, index, s, channels):
    """The student's map with the teacher's channels."""
    if s.shape[1] == channels:
        return s
    return norm(own, f"adapter{index}/bn/", conv(own, f"adapter{index}/conv/", s, channels, 1), scale="scale")


def hint(own, student, teacher, batch, options):
    s, t = alike(student["maps"][1], teacher["maps"][1])
    return F.mse_loss(adapted(own, 0, s, t.shape[1]), t)


def attention(own, student, teacher, batch, options):
    total = 0
    for s, t in map(alike, student["maps"], teacher["maps"]):
        a, b = (F.normalize(x.square().mean(1).flatten(1)) for x in (s, t))
        total = total + (a - b).square().mean()
    return total


def similarity(own, student, teacher, batch, options):
    a, b = (F.normalize(x.flatten(1) @ x.flatten(1).T) for x in (student["maps"][-1], teacher["maps"][-1]))
    return (a - b).square().sum() / len(a) ** 2


def vid(own, student, teacher, batch, options):
    total = 0
    for index, (s, t) in enumerate(map(alike, student["maps"], teacher["maps"])):
        channels = t.shape[1]
        for layer in range(3):
            s = conv(own, f"regressor{index}/conv{layer}/", s if layer == 0 else s.relu(), channels, 1)
        variance = F.softplus(own.parameter(f"rho{index}", [channels])).view(1, -1, 1, 1) + 1e-5
        total = total + (0.5 * ((s - t) ** 2 / variance + variance.log())).mean()
    return total


def review(own, student, teacher, batch, options):
    total, y = 0, None
    width = student["maps"][-1].shape[1]
    for index in reversed(range(len(student["maps"]))):
        t = teacher["maps"][index]
        x = norm(own, f"fuse{index}/norm/", conv(own, f"fuse{index}/conv/", student["maps"][index], width, 1))
        if y is not None:
            y = F.interpolate(y, x.shape[2:], mode="nearest")
            z = conv(own, f"fuse{index}/attention/", torch.cat([x, y], 1), 2, 1, bias=True).sigmoid()
            x = x * z[:, :1] + y * z[:, 1:]
        y = F.interpolate(x, t.shape[2:], mode="nearest")
        out = norm(own, f"out{index}/norm/", conv(own, f"out{index}/conv/", y, t.shape[1], 3))
        levels = [t.shape[2], *(level for level in (4, 2, 1) if level < t.shape[2])]
        errors = [F.mse_loss(F.adaptive_avg_pool2d(out, level), F.adaptive_avg_pool2d(t, level)) for level in levels]
        factors = [0.5**place for place in range(len(levels))]
        total = total + sum(factor * error for factor, error in zip(factors, errors)) / sum(factors)
    return total


def nst(own, student, teacher, batch, options):
    def kernel(a, b):
        return (a @ b.transpose(1, 2)).square().mean()

    total = 0
    for s, t in map(alike, student["maps"], teacher["maps"]):
        a, b = (F.normalize(x.flatten(2), dim=2) for x in (s, t))
        total = total + kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    return total


def fsp(own, student, teacher, batch, options):
    def flows(maps):
        for a, b in (alike(*pair) for pair in zip(maps, maps[1:])):
            yield torch.einsum("bihw,bjhw->bij", a, b) / (a.shape[2] * a.shape[3])

    maps = [adapted(own, index, s, t.shape[1]) for index, (s, t) in enumerate(zip(student["maps"], teacher["maps"]))]
    return sum(F.mse_loss(s, t) for s, t in zip(flows(maps), flows(teacher["maps"])))


def ab(own, student, teacher, batch, options):
    margin, total = options["margin"], 0
    for index, (s, t) in enumerate(map(alike, student["maps"], teacher["maps"])):
        s = adapted(own, index, s, t.shape[1])
        missing = ((margin - s).clamp(min=0) ** 2)[t > 0].sum() + ((s + margin).clamp(min=0) ** 2)[t <= 0].sum()
        total = total + 0.5 ** (len(student["maps"]) - 1 - index) * 3 * missing / (1000 * len(s))
    return total


def factor(own, student, teacher, batch, options):
    s, t = alike(student["maps"][-1], teacher["maps"][-1])
    for index, filters in enumerate((s.shape[1], t.shape[1], t.shape[1])):
        s = F.leaky_relu(norm(own, f"translator0/norm{index}/", conv(own, f"translator0/conv{index}/", s, filters, 3)), 0.1)
    return F.l1_loss(F.normalize(s.flatten(1)), F.normalize(t.flatten(1)))


def cwd(own, student, teacher, batch, options):
    s, t = alike(student["maps"][-1], teacher["maps"][-1])
    s = adapted(own, 0, s, t.shape[1])
    p, q = (F.softmax(x.flatten(2) / options["temperature"], 2) for x in (t, s))
    return options["temperature"] ** 2 * (p * (p / q).log()).sum(2).mean()


# On what samples are to each other.


def rkd_distance(own, student, teacher, batch, options):
    def distances(x):
        count = len(x)
        apart = ~torch.eye(count, dtype=torch.bool)
        d = (x[:, None] - x[None])[apart].norm(dim=1)
        return d / d.mean(), count

    (s, count), (t, _) = distances(student["pooled"]), distances(teacher["pooled"])
    return F.smooth_l1_loss(s, t, reduction="sum") / count**2


def rkd_angle(own, student, teacher, batch, options):
    def cosines(x):
        e = F.normalize(x[None] - x[:, None], dim=2)
        return e @ e.transpose(1, 2)

    return F.smooth_l1_loss(cosines(student["pooled"]), cosines(teacher["pooled"]))


def pkt(own, student, teacher, batch, options):
    def neighbours(x):
        affinity = (F.normalize(x) @ F.normalize(x).T + 1) / 2
        return affinity / affinity.sum(1, keepdim=True)

    p, q = neighbours(teacher["pooled"]), neighbours(student["pooled"])
    return (p * ((p + 1e-7) / (q + 1e-7)).log()).mean()


def cc(own, student, teacher, batch, options):
    s, t = (linear(own, f"{side}0/linear/", of["pooled"], options["dimensions"]) for side, of in (("student", student), ("teacher", teacher)))
    return ((s - t)[:-1].abs() * (s - t)[1:].abs()).sum(1).mean()


def contrastive(own, student, teacher, batch, options):
    t = teacher["pooled"]
    scores = F.normalize(linear(own, "adapter0/linear/", student["pooled"], t.shape[1])) @ F.normalize(t).T / options["temperature"]
    order = torch.arange(len(t))
    return (F.cross_entropy(scores, order) + F.cross_entropy(scores.T, order)) / 2


def cosine(own, student, teacher, batch, options):
    t = teacher["pooled"]
    return 1 - F.cosine_similarity(linear(own, "adapter0/linear/", student["pooled"], t.shape[1]), t)


def triplet(own, student, teacher, batch, options):
    x, labels = F.normalize(student["pooled"]), batch["labels"]
    d = (x[:, None] - x[None]).square().sum(2)
    excess = (d[:, :, None] - d[:, None] + options["margin"]).relu()
    same = labels[:, None] == labels[None]
    chosen = (same & ~torch.eye(len(x), dtype=torch.bool))[:, :, None] & ~same[:, None]
    return excess[chosen].mean()


def drawn(seed, count, samples):
    """The negatives of a step: lowbias32 of a·i + b, a and b being hashes of the seed, as whole numbers below `samples`."""

    def lowbias32(x):
        x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
        x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
        return x ^ (x >> 16)

    key = lowbias32((seed + 0xC4D * 0x9E3779B9) % 2**32)
    factor = 2 * lowbias32((key + 0x85EBCA6B) % 2**32) + 1
    return [math.floor((lowbias32((key + index * factor) % 2**32) >> 8) / 2**24 * samples) for index in range(count)]


def crd(own, student, teacher, batch, options):
    samples, indices = batch["samples"], batch["indices"]
    negatives = drawn(batch["seed"], options["negatives"], samples)
    sides, count = ("student", "teacher"), options["dimensions"]
    embeddings = [F.normalize(linear(own, f"{side}0/linear/", of["pooled"], count)) for side, of in zip(sides, (student, teacher))]
    banks = [own.memory(f"{side}0/bank", [samples, count]) for side in sides]
    total = 0
    for index, side in enumerate(sides):
        v, bank = embeddings[index], banks[1 - index]
        p = torch.cat([(v * bank[indices]).sum(1, keepdim=True), v @ bank[negatives].T], 1).div(options["temperature"]).exp()
        if f"{own.prefix}{side}0/normalizer" not in own.memories:
            own.remember(f"{side}0/normalizer", p.mean() * samples)
        p = p / own.memories[f"{own.prefix}{side}0/normalizer"]
        noise = len(negatives) / samples
        told = (p[:, 0] / (p[:, 0] + noise + 1e-7)).log().sum() + (noise / (p[:, 1:] + noise + 1e-7)).log().sum()
        total = total - told / len(v)
    for side, v, bank in zip(sides, embeddings, banks):
        moved = bank.clone()
        moved[indices] = F.normalize(options["momentum"] * bank[indices] + (1 - options["momentum"]) * v.detach())
        own.remember(f"{side}0/bank", moved)
    return total


def confidence(losses, logits, labels):
    """CA-MKD's combination of losses of each sample, by how near each teacher is to the label."""
    count = len(losses)
    errors = torch.stack([F.cross_entropy(of, labels, reduction="none") for of in logits])
    weights = (1 - F.softmax(errors, 0)) / (count - 1)
    return (weights * torch.stack(losses)).sum() / (len(labels) * count)


LOSSES = {
    "crossEntropy": cross_entropy,
    "kd": kd,
    "dkd": dkd,
    "dist": dist,
    "multiLevel": multi_level,
    "ofaStages": ofa_stages,
    "hint": hint,
    "attention": attention,
    "similarity": similarity,
    "vid": vid,
    "review": review,
    "rkdDistance": rkd_distance,
    "rkdAngle": rkd_angle,
    "pkt": pkt,
    "crd": crd,
    "softCrossEntropy": soft_cross_entropy,
    "mseLogits": mse_logits,
    "jsd": jsd,
    "virtualTeacher": virtual_teacher,
    "nst": nst,
    "fsp": fsp,
    "ab": ab,
    "factor": factor,
    "cwd": cwd,
    "cc": cc,
    "contrastive": contrastive,
    "cosine": cosine,
    "triplet": triplet,
}

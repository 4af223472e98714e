"""Writes test/golden/losses-relations.json: losses that have no value in losses.json, worked out from their papers' formulae.

    python scripts/golden/losses-relations.py        (PyTorch 2.13 on the CPU; nothing else is needed)

In float64, of the inputs that losses.json describes, sample by sample where that is plainest. As there: the loss, the norm of its gradient
to the first tensor that its name says, and that gradient's first entry.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"
WAVES = {"sin": torch.sin, "cos": torch.cos, "exp sin": lambda x: torch.exp(torch.sin(x))}
formulas = json.loads((GOLDEN / "losses.json").read_text())["inputs"]


def tensor(name):
    rule = formulas[name]
    count = math.prod(rule["shape"])
    x = rule["scale"] * WAVES[rule["f"]](rule["a"] * torch.arange(count, dtype=torch.float64) + rule["b"])
    return x.reshape(rule["shape"])


mask = torch.tensor(formulas["mask"])
es, et, es8, fs, scores_s, scores_t, hs, ht = map(tensor, ["es", "et", "es8", "fs", "As", "At", "hs", "ht"])


def huber(a):
    return 0.5 * a * a if abs(a) <= 1 else abs(a) - 0.5


def rkd(student, teacher):
    s, t = F.normalize(student), F.normalize(teacher)
    count = len(s)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]

    def mean_distance(x):
        return sum((x[i] - x[j]).norm() for i, j in pairs) / len(pairs)

    ms, mt = mean_distance(s), mean_distance(t)
    distance = sum(huber((s[i] - s[j]).norm() / ms - (t[i] - t[j]).norm() / mt) for i, j in pairs) / count**2

    def cosine(x, i, j, k):
        return F.cosine_similarity(x[j] - x[i], x[k] - x[i], dim=0)

    angle = sum(huber(cosine(s, i, j, k) - cosine(t, i, j, k)) for i, j in pairs for k in range(count) if k != i) / count**3
    return 25 * distance + 50 * angle


def cc_gaussian(student, teacher, gamma=0.4):
    def kernel(x):
        rows = [[1 + 2 * gamma * (a @ b) + (2 * gamma * (a @ b)) ** 2 / 2 for b in x] for a in x]
        return math.exp(-2 * gamma) * torch.stack([torch.stack(row) for row in rows])

    return torch.dist(kernel(student), kernel(teacher)) / len(student) ** 2


def info_nce(student, teacher, temperature=0.1):
    cosines = torch.stack([torch.stack([F.cosine_similarity(a, b, dim=0) for b in teacher]) for a in student])
    own = torch.arange(len(student))
    return (F.cross_entropy(cosines / temperature, own) + F.cross_entropy(cosines.T / temperature, own)) / 2


def cosine(student, teacher):
    return F.cosine_embedding_loss(student, teacher, torch.ones(len(student), dtype=torch.float64))


def attention_divergence(student, teacher):
    total = 0
    for s, t, length in zip(student, teacher, mask.sum(1).tolist()):
        s, t = s[:, :length, :length], t[:, :length, :length]
        divergence = F.kl_div(torch.log_softmax(s, -1), torch.softmax(t, -1), reduction="sum")
        total = total + divergence / (len(s) * length)
    return total / len(student)


def triplet(x, soft, mining):
    x = F.normalize(x.reshape(12, 16))
    labels = [index % 3 for index in range(12)]
    found = []
    for a in range(12):
        for p in range(12):
            if a == p or labels[a] != labels[p]:
                continue
            near = ((x[a] - x[p]) ** 2).sum()
            negatives = sorted((((x[a] - x[n]) ** 2).sum() for n in range(12) if labels[n] != labels[a]), key=lambda far: far.item())
            if mining == "semiHard":
                negatives = ([far for far in negatives if far > near] or negatives[-1:])[:1]
            found += [F.softplus(near - far) if soft else F.relu(near - far + 0.2) for far in negatives]
    return sum(found) / len(found)


def crd_view(embeddings, bank, temperature=0.07):
    v, bank = F.normalize(embeddings), F.normalize(bank.reshape(6, 8))
    own, others, samples, epsilon = [3, 0, 5, 1], [2, 4, 4, 0, 1], len(bank), 1e-7
    p = torch.exp(torch.stack([bank[[index, *others]] @ row for index, row in zip(own, v)]) / temperature)
    p = p / (p.mean() * samples).detach()
    noise = len(others) / samples
    kept = torch.log(p[:, 0] / (p[:, 0] + noise + epsilon)).sum()
    told = torch.log(noise / (p[:, 1:] + noise + epsilon)).sum()
    return -(kept + told) / len(v)


losses = {
    "RKD 25*dist+50*angle of (es,et), L2 first": (rkd, es, et),
    "CC Gaussian, p<=2, gamma=.4 (es8,et)": (cc_gaussian, es8, et),
    "InfoNCE tau=.1 (es8,et)": (info_nce, es8, et),
    "1-cos (es8,et)": (cosine, es8, et),
    "MiniLM attention KL (As,At), masked": (attention_divergence, scores_s, scores_t),
    "CRD one view (es8; bank hs as [6,8]), own 3,0,5,1, negatives 2,4,4,0,1": (crd_view, es8, hs),
    **{
        f"triplet {mining}{' soft' if soft else ''} (fs as [12,16]), labels i%3": (triplet, fs, soft, mining)
        for mining in ["semiHard", "all"]
        for soft in [False, True]
    },
}


def measured(loss, x, *rest):
    x = x.clone().requires_grad_()
    value = loss(x, *rest)
    value.backward()
    return {"loss": value.item(), "gradientNorm": x.grad.norm().item(), "gradientFirst": x.grad.flatten()[0].item()}


lines = [f" {json.dumps(name)}: {json.dumps(measured(*case))}" for name, case in losses.items()]
(GOLDEN / "losses-relations.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")

"""Writes test/golden/losses-tokens.json: losses on texts of which padding is left out, and those of masked words.

    python scripts/golden/losses-tokens.py        (PyTorch 2.13 on the CPU; nothing else is needed)

In float64, of the inputs that losses.json describes, each text cut to its own tokens first, so that there is no padding to leave out. As
there: the loss, the norm of its gradient to the first tensor that its name says, and that gradient's first entry.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"
WAVES = {"sin": torch.sin, "cos": torch.cos}
formulas = json.loads((GOLDEN / "losses.json").read_text())["inputs"]
lengths = [sum(row) for row in formulas["mask"]]


def tensor(name):
    rule = formulas[name]
    count = math.prod(rule["shape"])
    x = rule["scale"] * WAVES[rule["f"]](rule["a"] * torch.arange(count, dtype=torch.float64) + rule["b"])
    return x.reshape(rule["shape"])


hs, ht, scores_s, scores_t = map(tensor, ["hs", "ht", "As", "At"])
# Of six words each; the second text has two masked words, and the first one.
LABELS = torch.tensor([[-100, 2, -100, -100], [5, -100, -100, 0]])


def texts(x):
    return [text[:length] for text, length in zip(x, lengths)]


def means(x):
    return torch.stack([text.mean(0) for text in texts(x)])


def cosine_of_means(student, teacher):
    return (1 - F.cosine_similarity(means(student), means(teacher))).mean()


def hint(student, teacher):
    return torch.cat([((s - t) ** 2).flatten() for s, t in zip(texts(student), texts(teacher))]).mean()


def similarity(student, teacher):
    """Tung and Mori's, of texts that zeros make equally long."""

    def gram(x):
        flat = torch.stack([F.pad(text, (0, 0, 0, max(lengths) - len(text))).flatten() for text in texts(x)])
        return F.normalize(flat @ flat.T)

    return ((gram(student) - gram(teacher)) ** 2).sum() / len(lengths) ** 2


def relations(x, heads):
    by_head = x.reshape(len(x), heads, -1).transpose(0, 1)
    return by_head @ by_head.transpose(1, 2) / math.sqrt(by_head.shape[2])


def divergence(student, teacher):
    """Of scores [heads, T, T], the mean over heads and tokens."""
    return F.kl_div(torch.log_softmax(student, -1), torch.softmax(teacher, -1), reduction="none").sum(-1).mean()


def minilm_v2(student, teacher):
    found = [divergence(relations(s, 2), relations(t, 2)) for s, t in zip(texts(student), texts(teacher))]
    return sum(found) / len(found)


def attention_mse(student, teacher):
    kept = [(s[:, :length, :length], t[:, :length, :length]) for s, t, length in zip(student, teacher, lengths)]
    return torch.cat([((s - t) ** 2).flatten() for s, t in kept]).mean()


def masked_language(scores):
    return F.cross_entropy(scores.flatten(0, 1), LABELS.flatten())


def word_kd(student, teacher, tokens):
    chosen = LABELS >= 0 if tokens == "masked" else torch.tensor(formulas["mask"]) == 1
    s, t = student[chosen], teacher[chosen]
    return 4 * F.kl_div(torch.log_softmax(s / 2, -1), torch.softmax(t / 2, -1), reduction="batchmean")


losses = {
    "1-cos of means of tokens (hs,ht), masked": (cosine_of_means, hs, ht),
    "hint (hs,ht), masked": (hint, hs, ht),
    "SP (hs,ht), masked": (similarity, hs, ht),
    "MiniLMv2 A_r=2 (hs,ht), masked": (minilm_v2, hs, ht),
    "attention scores MSE (As,At), masked": (attention_mse, scores_s, scores_t),
    "MLM (hs), labels": (masked_language, hs),
    "word KD T=2 (hs,ht), masked": (word_kd, hs, ht, "all"),
    "word KD T=2 (hs,ht), of masked words": (word_kd, hs, ht, "masked"),
}


def measured(loss, x, *rest):
    x = x.clone().requires_grad_()
    value = loss(x, *rest)
    value.backward()
    return {"loss": value.item(), "gradientNorm": x.grad.norm().item(), "gradientFirst": x.grad.flatten()[0].item()}


lines = [f" {json.dumps(name)}: {json.dumps(measured(*case))}" for name, case in losses.items()]
(GOLDEN / "losses-tokens.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")

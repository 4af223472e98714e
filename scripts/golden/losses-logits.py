"""Writes test/golden/losses-logits.json: losses on logits for which losses.json has no value, in PyTorch by their papers' formulae.

    python scripts/golden/losses-logits.py        (PyTorch 2.13 on the CPU; nothing else is needed)

Inputs are those of losses.json; all is float64. Each entry is the loss (the mean over the batch), the norm of its gradient to the student's
logits and that gradient's first entry; "temperatures" and "theta" hold what else is compared.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"
INPUTS = json.loads((GOLDEN / "losses.json").read_text())["inputs"]


def tensor(name):
    formula = INPUTS[name]
    steps = torch.arange(torch.Size(formula["shape"]).numel(), dtype=torch.float64)
    wave = {"sin": torch.sin, "cos": torch.cos}[formula["f"]]
    return (formula["scale"] * wave(formula["a"] * steps + formula["b"])).reshape(formula["shape"])


T, T2, Y = tensor("teacher"), tensor("teacher2"), torch.tensor(INPUTS["labels"])


def kd(s, t, temperature):
    """Of each sample; the temperature may be one of each sample."""
    tau = torch.as_tensor(temperature, dtype=torch.float64).reshape(-1, 1)
    p = F.softmax(t / tau, dim=1)
    return (p * (p.log() - F.log_softmax(s / tau, dim=1))).sum(1) * tau.reshape(-1) ** 2


def zscore(z):
    return (z - z.mean(1, keepdim=True)) / (1e-7 + z.std(1, keepdim=True))


def flsw(s, t, base, beta, gamma):
    unit = lambda z: z / (z.norm(dim=1, keepdim=True) + 1e-4)
    w = (1 - (unit(s) * unit(t)).sum(1)) ** gamma
    return (base + beta * (w.mean() - w)).detach()


def cwsm(s, base, beta):
    w = 1 / (F.softmax(s, dim=1).amax(1) + 1e-3)
    return (base + beta * (w.mean() - w)).detach()


def virtual_teacher(s, confidence, temperature):
    classes = s.shape[1]
    u = torch.full_like(s, (1 - confidence) / (classes - 1))
    u[torch.arange(len(Y)), Y] = confidence
    return F.kl_div(F.log_softmax(s, dim=1), F.softmax(u / temperature, dim=1), reduction="batchmean")


def ebkd(s, teachers, temperature):
    entropies = torch.stack([torch.distributions.Categorical(logits=t).entropy() for t in teachers])
    weights = 1 - entropies / entropies.sum(0)
    losses = torch.stack([kd(s, t, temperature) for t in teachers])
    return (weights * losses).sum() / (s.shape[0] * len(teachers))


def multi_level(s, t, soft=lambda z: z):
    total = 0
    for tau in [4, 3, 5, 2, 6]:
        ps, pt = F.softmax(s / tau, dim=1), F.softmax(t / tau, dim=1)
        batch = ((ps @ ps.T - pt @ pt.T) ** 2).sum() / s.shape[0]
        classes = ((ps.T @ ps - pt.T @ pt) ** 2).sum() / s.shape[1]
        total = total + kd(soft(s), soft(t), tau).mean() + batch + classes
    return total


def jsd(s, t, beta, tau):
    p, q = F.softmax(t / tau, dim=1), F.softmax(s / tau, dim=1)
    m = beta * p + (1 - beta) * q
    of = lambda a: (a * (a / m).log()).sum(1)
    return (tau**2 * (beta * of(p) + (1 - beta) * of(q))).mean()


def ofa(s, t, epsilon, tau):
    hard = F.one_hot(Y, s.shape[1])
    target = (F.softmax(t / tau, dim=1) + hard) ** epsilon - hard
    return -(tau**2 * target * F.log_softmax(s / tau, dim=1)).sum(1).mean()


def dkd(s, t, alpha, beta, tau):
    hard = F.one_hot(Y, s.shape[1]).bool()
    ps, pt = F.softmax(s / tau, dim=1), F.softmax(t / tau, dim=1)
    pair = lambda p: torch.stack([p[hard], 1 - p[hard]], dim=1)
    rest = lambda z: z[~hard].reshape(len(z), -1)
    tckd = F.kl_div(pair(ps).log(), pair(pt), reduction="batchmean")
    nckd = F.kl_div(F.log_softmax(rest(s) / tau, dim=1), F.softmax(rest(t) / tau, dim=1), reduction="batchmean")
    return tau**2 * (alpha * tckd + beta * nckd)


def dist(s, t, tau):
    ps, pt = F.softmax(s / tau, dim=1), F.softmax(t / tau, dim=1)
    between = lambda a, b: torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(a, b)]).mean()
    return tau**2 * (2 - between(ps, pt) - between(ps.T, pt.T))


def measured(loss):
    s = tensor("student").requires_grad_()
    value = loss(s)
    (gradient,) = torch.autograd.grad(value, s)
    return {"loss": value.item(), "gradientNorm": gradient.norm().item(), "gradientFirst": gradient.flatten()[0].item()}


def curriculum():
    """CTKD at θ = 0.4: the gradient to θ before it is reversed."""
    theta = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    tau = 1 + 20 * torch.sigmoid(theta)
    (gradient,) = torch.autograd.grad(kd(tensor("student"), T, tau).mean(), theta)
    return {"value": 0.4, "gradient": gradient.item()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    student = tensor("student")
    tau = 1 + 20 * torch.sigmoid(torch.tensor(0.4, dtype=torch.float64))
    losses = {
        "virtual teacher 0.99 T=20": lambda s: virtual_teacher(s, 0.99, 20),
        "virtual teacher 0.9 T=1": lambda s: virtual_teacher(s, 0.9, 1),
        "KD, flsw base 4 beta 1 gamma 2": lambda s: kd(s, T, flsw(s, T, 4, 1, 2)).mean(),
        "KD, cwsm base 4 beta 2": lambda s: kd(s, T, cwsm(s, 4, 2)).mean(),
        "KD, learned temperature": lambda s: kd(s, T, tau).mean(),
        "EBKD T=4, 2 teachers": lambda s: ebkd(s, [T, T2], 4),
        "multi-level": lambda s: multi_level(s, T),
        "multi-level, standardised": lambda s: multi_level(s, T, zscore),
        "JSD beta=0.3 T=2": lambda s: jsd(s, T, 0.3, 2),
        "OFA eps=1.5 T=2": lambda s: ofa(s, T, 1.5, 2),
        "DKD a=1 b=8 T=2, standardised": lambda s: dkd(zscore(s), zscore(T), 1, 8, 2),
        "DIST T=2, standardised": lambda s: dist(zscore(s), zscore(T), 2),
    }
    golden = {
        "source": "scripts/golden/losses-logits.py: float64, PyTorch " + torch.__version__,
        "losses": {name: measured(loss) for name, loss in losses.items()},
        "temperatures": {"flsw": flsw(student, T, 4, 1, 2).tolist(), "cwsm": cwsm(student, 4, 2).tolist()},
        "theta": curriculum(),
    }
    path = GOLDEN / "losses-logits.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")

"""Writes test/golden/optimizers.json: what PyTorch's optimisers make of two small networks in 20 steps.

    python scripts/golden/optimizers.py        (PyTorch 2.13 on the CPU; nothing else is needed)

Every number that goes in is scale * sin(a * i + b) over the row-major index i, so that the file holds only what comes out: for each case
the losses, the trained parameters, and with clipping the norms of the gradients before it. "mlp" is 6-8-4 with ReLU. "cnn" is two
stages of 3x3 convolution (the second strided), batch normalisation and ReLU, then global average pooling and a linear layer; its running
statistics are among its tensors. Weight decay leaves out parameters of one axis: biases, and scales of normalisation.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

STEPS = 20


def sine(shape, scale, a, b):
    count = torch.Size(shape).numel()
    return (scale * torch.sin(a * torch.arange(count, dtype=torch.float64) + b)).float().reshape(shape)


def mlp():
    return {
        "hidden1/weight": sine([8, 6], 0.8, 0.7, 0.3),
        "hidden1/bias": sine([8], 0.3, 1.1, 0.2),
        "classifier/weight": sine([4, 8], 0.8, 0.9, 0.5),
        "classifier/bias": sine([4], 0.3, 1.3, 0.1),
    }


def mlp_logits(w, x):
    hidden = F.relu(F.linear(x, w["hidden1/weight"], w["hidden1/bias"]))
    return F.linear(hidden, w["classifier/weight"], w["classifier/bias"])


def cnn():
    weights = {}
    for stage, shape in ((1, [4, 2, 3, 3]), (2, [6, 4, 3, 3])):
        unit = f"stage{stage}/unit1"
        weights[f"{unit}/conv/weight"] = sine(shape, 0.5, 0.7, stage)
        weights[f"{unit}/bn/scale"] = 1 + sine(shape[:1], 0.4, 1.1, stage)
        weights[f"{unit}/bn/bias"] = sine(shape[:1], 0.4, 1.3, stage)
        weights[f"{unit}/bn/mean"] = sine(shape[:1], 0.5, 0.9, stage)
        weights[f"{unit}/bn/variance"] = 1 + sine(shape[:1], 0.5, 0.8, stage)
    weights["classifier/weight"] = sine([4, 6], 0.8, 0.9, 0.5)
    weights["classifier/bias"] = sine([4], 0.3, 1.3, 0.1)
    return weights


def cnn_logits(w, x):
    for stage, stride in ((1, 1), (2, 2)):
        unit = f"stage{stage}/unit1"
        x = F.conv2d(x, w[f"{unit}/conv/weight"], stride=stride, padding=1)
        statistics = w[f"{unit}/bn/mean"], w[f"{unit}/bn/variance"]
        x = F.relu(F.batch_norm(x, *statistics, w[f"{unit}/bn/scale"], w[f"{unit}/bn/bias"], training=True))
    return F.linear(x.mean((2, 3)), w["classifier/weight"], w["classifier/bias"])


def trained(weights, logits, sample, make, clip=None):
    parameters = {name: tensor.requires_grad_() for name, tensor in weights.items() if not name.endswith(("mean", "variance"))}
    decaying = [tensor for tensor in parameters.values() if tensor.dim() > 1]
    others = [tensor for tensor in parameters.values() if tensor.dim() == 1]
    optimizer = make([{"params": decaying}, {"params": others, "weight_decay": 0}])
    losses, norms = [], []
    labels = torch.tensor([0, 2, 3, 1, 2])
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(logits(weights, sine([5, *sample], 1.5, 0.37, step)), labels)
        loss.backward()
        if clip:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), clip).item())
        optimizer.step()
        losses.append(loss.item())
    tensors = {name: tensor.flatten().tolist() for name, tensor in weights.items()}
    return {"losses": losses, **({"norms": norms} if clip else {}), "tensors": tensors}


def cases():
    sgd = lambda **options: lambda groups: torch.optim.SGD(groups, lr=0.1, **options)
    adamw = lambda **options: lambda groups: torch.optim.AdamW(groups, lr=0.01, **options)
    on_mlp = lambda make, **options: trained(mlp(), mlp_logits, [6], make, **options)
    return {
        "sgd": on_mlp(sgd()),
        "sgd with momentum": on_mlp(sgd(momentum=0.9)),
        "sgd with Nesterov momentum": on_mlp(sgd(momentum=0.9, nesterov=True)),
        "sgd with weight decay": on_mlp(sgd(momentum=0.9, weight_decay=0.05)),
        "sgd with clipping": on_mlp(sgd(momentum=0.9), clip=2.2),
        "adamw": on_mlp(adamw()),
        "adamw with other betas": on_mlp(adamw(betas=(0.8, 0.95), eps=1e-4, weight_decay=0.3)),
        "cnn": trained(cnn(), cnn_logits, [2, 4, 4], sgd(momentum=0.9, weight_decay=0.01)),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).parents[2] / "test" / "golden" / "optimizers.json"
    # Nine digits tell float32 numbers apart.
    rounded = json.loads(json.dumps(cases()), parse_float=lambda text: float(f"{float(text):.9g}"))
    path.write_text(json.dumps({"torch": torch.__version__, "cases": rounded}) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")

"""Writes test/golden/distillation.json: what PyTorch makes of a small student in 20 steps of distillation, for many objectives.

    python scripts/golden/distillation.py        (PyTorch 2.13 on the CPU, NumPy)

Student and teachers are convolutional networks of three stages. All weights, those that losses add too, and all images and labels come of
hashed_weights.py by their names; everything is float64. The file holds the networks, the objectives as recipes have them, and of each
objective every step's terms and weighted sum, and how far each tensor has gone in the end: the norm of the change, and the change's product
with numbers hashed from the tensor's name.
"""

import json
import math
import pathlib

import numpy
import torch
from distillation_losses import LOSSES, Own, confidence, conv, linear, norm
from hashed_weights import hashed, weight

SETTING = {
    "image": [3, 12, 12],
    "classes": 5,
    "batch": 8,
    "batches": 4,
    "epochs": 5,
    "learningRate": 0.02,
    "momentum": 0.9,
    # Of each stage: channels, and the kernel, stride and padding of its convolution. The teachers' maps differ from the student's in size too.
    "student": [[16, 3, 1, 1], [16, 3, 2, 1], [24, 3, 2, 1]],
    "teachers": [[[12, 3, 1, 1], [20, 3, 3, 1], [32, 2, 1, 0]], [[8, 3, 1, 1], [16, 3, 2, 1], [20, 3, 3, 0]]],
}
STEPS = SETTING["batches"] * SETTING["epochs"]

LEARNED = {"from": 1, "range": 4, "initial": 1, "lambda": {"constant": {"value": 2, "warmup": 0.5}}}
hard = {"crossEntropy": {"weight": 1}}
OBJECTIVES = {
    "hinton": {"losses": [{"hinton": {"alpha": 0.7, "temperature": 4}}]},
    "kd of standardised logits": {"losses": [hard, {"kd": {"weight": 9, "temperature": 2, "standardize": True}}]},
    "dkd": {"losses": [hard, {"dkd": {"weight": 1, "alpha": 1, "beta": 8, "temperature": 2}}]},
    "dist": {"losses": [hard, {"dist": {"weight": 2, "beta": 1, "gamma": 2, "temperature": 1.5}}]},
    "multiLevel": {"losses": [hard, {"multiLevel": {"weight": 0.9, "temperatures": [4, 3, 5, 2, 6]}}]},
    "ofaStages": {"losses": [hard, {"ofaStages": {"weight": 1, "epsilon": 1.5, "temperature": 2}}]},
    "hint": {"losses": [hard, {"hint": {"weight": 3}}]},
    "attention": {"losses": [hard, {"attention": {"weight": 1000}}]},
    "similarity": {"losses": [hard, {"similarity": {"weight": 300}}]},
    "vid": {"losses": [hard, {"vid": {"weight": 1}}]},
    "rkd": {"losses": [{"rkdDistance": {"weight": 25}}, {"rkdAngle": {"weight": 50}}]},
    "pkt": {"losses": [hard, {"pkt": {"weight": 3000}}]},
    "crd": {"losses": [hard, {"crd": {"weight": 0.8, "dimensions": 6, "negatives": 12, "temperature": 0.2, "momentum": 0.5}}]},
    "review": {"losses": [hard, {"review": {"weight": 1}}]},
    # At the published range of 20 the gradient to θ is what is left of terms a thousand times larger: float32 has three digits of it.
    "a learned temperature": {"losses": [hard, {"kd": {"weight": 1, "temperature": {"learned": LEARNED}}}]},
    "two teachers by confidence": {
        "losses": [hard, {"kd": {"weight": 2, "temperature": 3}}, {"hint": {"weight": 1}}],
        "combine": "confidence",
    },
    "schedules of three losses": {
        "losses": [
            {"crossEntropy": {"weight": {"linear": {"from": 1, "to": 0.2}}, "labelSmoothing": 0.1}},
            {"kd": {"weight": {"cosine": {"from": 0.2, "to": 2}}, "temperature": {"steps": {"0": 8, "2": 4, "3": 1.5}}}},
            {"attention": {"weight": {"constant": {"value": 500, "warmup": 0.25}}}},
        ]
    },
    "other losses on logits": {
        "losses": [
            {"softCrossEntropy": {"weight": 1, "temperature": 2}},
            {"mseLogits": {"weight": 0.5, "temperature": 1.5}},
            {"jsd": {"weight": 1, "temperature": 2, "beta": 0.3}},
            {"virtualTeacher": {"weight": 0.5, "confidence": 0.9, "temperature": 0.5}},
        ]
    },
    "other losses on maps": {
        "losses": [
            {"nst": {"weight": 5}},
            {"fsp": {"weight": 1}},
            {"ab": {"weight": 1, "margin": 0.7}},
            {"factor": {"weight": 20, "form": "paper", "translator": True}},
            {"cwd": {"weight": 5, "temperature": 2}},
        ]
    },
    "other losses on vectors": {
        "losses": [
            {"cc": {"weight": 1, "dimensions": 6}},
            {"contrastive": {"weight": 1, "temperature": 0.2}},
            {"cosine": {"weight": 1}},
            {"triplet": {"weight": 1, "margin": 0.2, "mining": "all"}},
        ]
    },
}


def network(own, stages, images, training):
    """A batch's `stage1`, `stage2`, ..., the mean over places of the last, and the logits."""
    maps, x = [], images
    for index, (channels, kernel, stride, padding) in enumerate(stages):
        x = conv(own, f"stage{index + 1}.conv.", x, channels, kernel, stride=stride, padding=padding)
        averages = [own.buffer(f"stage{index + 1}.norm.{name}", [channels]) for name in ("running_mean", "running_var")]
        x = norm(own, f"stage{index + 1}.norm.", x, averages=averages, training=training).relu()
        maps.append(x)
    pooled = x.mean((2, 3))
    return {"maps": maps, "pooled": pooled, "logits": linear(own, "classifier.", pooled, SETTING["classes"])}


def scheduled(recipe, step):
    """A schedule's value before a step."""
    if not isinstance(recipe, dict):
        return recipe
    ((shape, options),) = recipe.items()
    part = step / STEPS
    if shape == "steps":
        return options[max((key for key in options if int(key) <= step // SETTING["batches"]), key=int)]
    if shape == "linear":
        return options["from"] + (options["to"] - options["from"]) * part
    if shape == "cosine":
        return options["to"] + (options["from"] - options["to"]) * (1 + math.cos(math.pi * part)) / 2
    if shape == "constant":
        return options["value"] * min(1, (step + 1) / round(options["warmup"] * STEPS))
    raise ValueError(shape)


def temperature(own, recipe, step):
    if not (isinstance(recipe, dict) and "learned" in recipe):
        return scheduled(recipe, step)
    learned = recipe["learned"]
    theta, strength = own.parameter("temperature", []), scheduled(learned["lambda"], step)
    # Of the value θ and the gradient −λ.
    reversed_ = -strength * theta + ((1 + strength) * theta).detach()
    return learned["from"] + learned["range"] * torch.sigmoid(reversed_)


def terms_of(losses):
    """Names of losses with their options, hinton as the two that it stands for."""
    for loss in losses:
        ((name, options),) = loss.items()
        if name == "hinton":
            yield "crossEntropy", {"weight": 1 - options["alpha"]}
            yield "kd", {"weight": options["alpha"], "temperature": options["temperature"]}
        else:
            yield name, options


def images_and_labels(batch):
    count = SETTING["batch"]
    images = hashed(f"images{batch}", [count, *SETTING["image"]], lambda u: 4 * u - 2).double()
    labels = hashed(f"labels{batch}", [count], lambda u: numpy.floor(SETTING["classes"] * u)).long()
    return images, labels, torch.arange(batch * count, (batch + 1) * count)


def changes(tensors):
    """By name: the norm of what became of a tensor, and its product with hashed numbers."""
    found = {}
    for name, tensor in tensors.items():
        change = tensor.detach() - weight(name, tensor.shape).double()
        direction = hashed(f"direction of {name}", tensor.shape, lambda u: 2 * u - 1).double()
        found[name] = [rounded(change.norm()), rounded((change * direction).sum())]
    return found


def rounded(number):
    return float(f"{number.item():.8g}")


def trained(objective):
    tensors, memories = {}, {}
    student = Own(tensors)
    combine = objective.get("combine")
    stages = SETTING["teachers"] if combine else SETTING["teachers"][:1]
    teachers = [Own({}, hashed_as=f"teacher{index}.") for index in range(len(stages))]
    optimizer, history = None, []
    for step in range(STEPS):
        images, labels, indices = images_and_labels(step % SETTING["batches"])
        with torch.no_grad():
            answers = [network(own, each, images, training=False) for own, each in zip(teachers, stages)]
        ours = network(student, SETTING["student"], images, training=True)
        batch = {"labels": labels, "indices": indices, "samples": SETTING["batch"] * SETTING["batches"], "seed": step}
        terms, total = {}, 0
        for name, options in terms_of(objective["losses"]):
            values = []
            for index, theirs in enumerate(answers):
                own = Own(tensors, memories, f"loss:{name}/" + (f"teacher{index}/" if combine else ""))
                given = {key: scheduled(value, step) if key in ("weight", "epsilon") else value for key, value in options.items()}
                if "temperature" in options:
                    given["temperature"] = temperature(own, options["temperature"], step)
                values.append(LOSSES[name](own, ours, theirs, batch, given))
            if combine == "confidence" and name == "kd":
                terms[name] = confidence(values, [theirs["logits"] for theirs in answers], labels)
            else:
                terms[name] = sum(value.mean() for value in values) / len(values)
            total = total + given["weight"] * terms[name]
        # What is trained is known after the first forward pass.
        optimizer = optimizer or torch.optim.SGD(
            [tensor for tensor in tensors.values() if tensor.requires_grad], lr=SETTING["learningRate"], momentum=SETTING["momentum"]
        )
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append({name: rounded(value) for name, value in {**terms, "loss": total}.items()})
    banks = {name: tensor for name, tensor in memories.items() if tensor.dim() > 0}
    return {"metrics": history, "changes": changes({**tensors, **banks})}


if __name__ == "__main__":
    torch.set_num_threads(1)
    lines = []
    for name, objective in OBJECTIVES.items():
        found = {**objective, **trained(objective)}
        lines.append(f"  {json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}")
        print(f"{name}: loss {found['metrics'][0]['loss']} to {found['metrics'][-1]['loss']}")
    setting = json.dumps({"torch": torch.__version__, **SETTING})
    path = pathlib.Path(__file__).parents[2] / "test" / "golden" / "distillation.json"
    path.write_text(setting[:-1] + ', "objectives": {\n' + ",\n".join(lines) + "\n}}\n")
    print(f"{path.name}: {path.stat().st_size} bytes")

"""The pieces of work of the benchmark, as a PyTorch user writes them: each function gives a step to time and a number of parameters."""

import torch
from torch import nn
from torch.nn import functional

from torch_models import CLASSES, make, parameters


def images(count, channels_last):
    return torch.rand(count, 3, 32, 32).to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def texts(count, length=64, vocabulary=30522):
    ids = torch.randint(0, vocabulary, (count, length))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}


def trained(model, options):
    return torch.compile(model) if options["compiled"] else model


def frozen(model, options):
    """A model that only answers; compiled, its weights become constants and its normalisations are folded into its convolutions."""
    model = model.eval().requires_grad_(False)
    return torch.compile(model, options={"freezing": True}) if options["compiled"] else model


def sgd(model, options):
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, fused=options["fused"] or None)


def matrix_product(_):
    a, b, out = torch.rand(1024, 1024), torch.rand(1024, 1024), torch.empty(1024, 1024)
    return lambda: torch.mm(a, b, out=out), None


def convolution(options):
    """Forward and backward of a 3×3 convolution 64→64 at 32×32 on a batch of 64: gradients of input and weight."""
    layout = torch.channels_last if options["channels_last"] else torch.contiguous_format
    inputs = torch.rand(64, 64, 32, 32).to(memory_format=layout).requires_grad_()
    weight = torch.rand(64, 64, 3, 3).to(memory_format=layout).requires_grad_()
    direction = torch.rand(64, 64, 32, 32).to(memory_format=layout)

    def step():
        inputs.grad = weight.grad = None
        functional.conv2d(inputs, weight, padding=1).backward(direction)

    return step, None


def classifier_step(name, make_inputs, optimizer_of):
    """A training step with cross-entropy; `make_inputs` gives what the model is called with, and labels."""

    def build(options):
        original = make(name, options["channels_last"]).train()
        model, optimizer = trained(original, options), optimizer_of(original, options)
        inputs, labels = make_inputs(options)

        def step():
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()

        return step, parameters(original)

    return build


def mlp_step():
    plain = lambda model, options: torch.optim.SGD(model.parameters(), lr=0.01, fused=options["fused"] or None)
    return classifier_step("mlp", lambda _: (torch.rand(128, 784), torch.randint(0, 10, (128,))), plain)


def image_step(name):
    return classifier_step(name, lambda options: (images(64, options["channels_last"]), torch.randint(0, CLASSES, (64,))), sgd)


def bert_step(options):
    original = make("bert-small").train()
    model = trained(original, options)
    decaying = [p for p in original.parameters() if p.dim() > 1]
    others = [p for p in original.parameters() if p.dim() <= 1]
    groups = [{"params": decaying, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4, fused=options["fused"] or None)
    batch, labels = texts(32), torch.randint(0, 2, (32,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        model(**batch, labels=labels).loss.backward()
        optimizer.step()

    return step, parameters(original)


def inference(name):
    def build(options):
        original = make(name, options["channels_last"])
        count = parameters(original)
        model = frozen(original, options)
        is_text = name.startswith("bert")
        batch = texts(64) if is_text else images(64, options["channels_last"])

        @torch.inference_mode()
        def step():
            return model(**batch).logits if is_text else model(batch)

        return step, count

    return build


class Cifar:
    """Training batches from memory: shuffled, padded by 4 and cropped, flipped, normalised, a whole batch at once."""

    def __init__(self, channels_last, count=6400, batch=64):
        self.pixels = functional.pad(torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8), (4, 4, 4, 4))
        self.labels = torch.randint(0, CLASSES, (count,))
        self.mean, self.std = torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 0.25)
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.batch, self.order, self.at = batch, None, count

    def next(self):
        if self.at + self.batch > len(self.labels):
            self.order, self.at = torch.randperm(len(self.labels)), 0
        chosen = self.order[self.at : self.at + self.batch]
        self.at += self.batch
        rows = torch.randint(0, 9, (self.batch, 1)) + torch.arange(32)
        columns = torch.randint(0, 9, (self.batch, 1)) + torch.arange(32)
        columns = torch.where(torch.rand(self.batch, 1) < 0.5, columns, columns.flip(1))
        channels = torch.arange(3)[None, :, None, None]
        cut = self.pixels[chosen[:, None, None, None], channels, rows[:, None, :, None], columns[:, None, None, :]]
        inputs = cut.float().div_(255).sub_(self.mean).div_(self.std)
        return inputs.contiguous(memory_format=self.layout), self.labels[chosen]


def kd_loss(student, teacher, labels, temperature=4.0, alpha=0.9):
    soft = functional.kl_div(
        functional.log_softmax(student / temperature, 1), functional.softmax(teacher / temperature, 1), reduction="batchmean"
    )
    return alpha * temperature**2 * soft + (1 - alpha) * functional.cross_entropy(student, labels)


def distillation(options):
    """A step of distilling resnet32x4 into resnet8x4 with the teacher in the loop, batch making included."""
    teacher = frozen(make("resnet32x4", options["channels_last"]), options)
    original = make("resnet8x4", options["channels_last"]).train()
    student, optimizer = trained(original, options), sgd(original, options)
    data = Cifar(options["channels_last"])
    loss_of = torchdistill_loss() if options["torchdistill"] else kd_loss

    def step():
        inputs, labels = data.next()
        with torch.no_grad():
            answers = teacher(inputs)
        optimizer.zero_grad(set_to_none=True)
        loss_of(student(inputs), answers, labels).backward()
        optimizer.step()

    return step, parameters(original)


def torchdistill_loss():
    from torchdistill.losses.mid_level import KDLoss

    loss = KDLoss("student", "output", "teacher", "output", temperature=4.0, alpha=0.1, reduction="batchmean")
    return lambda student, teacher, labels: loss({"student": {"output": student}}, {"teacher": {"output": teacher}}, labels)


WORK = {
    "matrix-product": matrix_product,
    "conv": convolution,
    "mlp-step": mlp_step(),
    "resnet20-step": image_step("resnet20"),
    "resnet8x4-step": image_step("resnet8x4"),
    "mobilenet-step": image_step("mobilenet-v2"),
    "bert-step": bert_step,
    "teacher-resnet56": inference("resnet56"),
    "teacher-wrn-40-2": inference("wrn-40-2"),
    "teacher-bert-base": inference("bert-base"),
    "kd": distillation,
}

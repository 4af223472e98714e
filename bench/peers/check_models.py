"""Exports full-sized models with random weights, each with a batch and what PyTorch computes for it: the other half of scripts/check-models.ts.

    python bench/peers/check_models.py DIRECTORY [NAME ...]     (all of them unless named; packages: scripts/golden/requirements.txt)

Writes NAME.onnx and NAME.safetensors to the directory: tensors `input:I`, `labels` or `target:O`, `loss` and `gradient:W`, under their
names in NAME.onnx. Training mode: batch normalisation by batch statistics, nothing dropped. Loss and gradients are computed in float64, so
that what differs from them is the rounding of whoever is compared. `rounding` is how far PyTorch's own gradients in float32 are from them, all
gradients taken as one vector, in proportion to its length: of networks with ReLU a percent, since a number that rounds to the other side of zero
switches a path off.
"""

import pathlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts" / "golden"))

import numpy
import onnx
import timm
import torch
import torchvision.models as vision
from networks.exporters import dynamo, torchscript
from networks.loss import as_list, loss_of
from networks.text import Logits
from networks.weights import float_tensors, randomise
from safetensors.torch import save_file
from torch import nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large
from transformers import BertConfig, BertForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification

by_dynamo = partial(dynamo, optimized=True)


class Segmentation(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21)

    def forward(self, x):
        return self.model(x)["out"]


class Detection(nn.Module):
    """SSDlite's backbone and heads: what is trained. Anchors and the suppression of duplicates come after."""

    def __init__(self):
        super().__init__()
        model = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=91)
        self.backbone, self.head = model.backbone, model.head

    def forward(self, x):
        found = self.head(list(self.backbone(x).values()))
        return found["bbox_regression"], found["cls_logits"]


def bert():
    return Logits(BertForSequenceClassification(BertConfig(num_labels=2)), "input_ids", "attention_mask")


def distilbert():
    return Logits(DistilBertForSequenceClassification(DistilBertConfig(num_labels=2)), "input_ids", "attention_mask")


def images(size=224, batch=2):
    return lambda: (torch.randn(batch, 3, size, size),)


def words(vocabulary=30522, batch=2, length=128):
    return lambda: (torch.randint(1000, vocabulary, (batch, length)), (torch.arange(length) < torch.tensor([[length], [length - 40]])).long())


@dataclass(frozen=True)
class Case:
    build: Callable[[], nn.Module]
    inputs: Callable[[], tuple[torch.Tensor, ...]]
    export: Callable
    labels: bool = True


CASES = {
    "resnet-50": Case(vision.resnet50, images(), partial(torchscript, opset=17)),
    "mobilenet-v2": Case(vision.mobilenet_v2, images(), partial(torchscript, opset=13)),
    "mobilenet-v3-large": Case(vision.mobilenet_v3_large, images(), partial(torchscript, opset=17)),
    "shufflenet-v2-1.0": Case(vision.shufflenet_v2_x1_0, images(), partial(torchscript, opset=17)),
    "efficientnet-b0": Case(vision.efficientnet_b0, images(), partial(torchscript, opset=17)),
    "convnext-tiny": Case(vision.convnext_tiny, images(), partial(by_dynamo, opset=20)),
    "deit-tiny": Case(partial(timm.create_model, "deit_tiny_patch16_224"), images(), partial(by_dynamo, opset=20)),
    "swin-tiny": Case(vision.swin_t, images(), partial(torchscript, opset=17)),
    "bert-base": Case(bert, words(), partial(by_dynamo, opset=18)),
    "distilbert": Case(distilbert, words(), partial(torchscript, opset=17)),
    "densenet-121": Case(vision.densenet121, images(), partial(torchscript, opset=11)),
    "regnet-y-400mf": Case(vision.regnet_y_400mf, images(), partial(torchscript, opset=17)),
    "ssdlite-320": Case(Detection, images(320), partial(torchscript, opset=17), labels=False),
    # Its atrous pyramid normalises one number for each image: of two images that would leave nothing but rounding.
    "deeplab-v3-mobilenet-v3": Case(Segmentation, images(224, batch=4), partial(torchscript, opset=17), labels=False),
}


def without_chance(module):
    for part in module.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.p = 0.0
        if type(part).__name__ == "StochasticDepth":
            part.p = 0.0
        if getattr(part, "drop_prob", None):
            part.drop_prob = 0.0
    return module


def names_in(model, module):
    """Each parameter's name in the ONNX model, and whether it is transposed there."""
    stored = dict(float_tensors(model))
    left = {name: array for name, array in stored.items() if array.ndim > 0}
    found = {}
    for name, parameter in module.named_parameters():
        values = parameter.detach().numpy()
        if name in left and numpy.array_equal(left[name], values):
            found[name] = (name, False)
            continue
        for other, array in left.items():
            if array.shape == values.shape and numpy.array_equal(array, values):
                found[name] = (other, False)
            elif values.ndim == 2 and array.shape == values.shape[::-1] and numpy.array_equal(array, values.T):
                found[name] = (other, True)
    return found


def gradients_of(module, inputs, targets):
    module.zero_grad()
    loss = loss_of(as_list(module(*inputs)), targets)
    loss.backward()
    return loss.item(), {name: parameter.grad.detach().double() for name, parameter in module.named_parameters() if parameter.grad is not None}


def relative_error(found, expected):
    """All gradients taken as one vector, as in scripts/check-models.ts."""
    length = lambda gradients: sum(gradient.square().sum() for gradient in gradients).sqrt().item()
    return length(found[name] - gradient for name, gradient in expected.items()) / length(expected.values())


def write(name, case, directory):
    torch.manual_seed(7)
    module = without_chance(case.build())
    randomise(module)
    inputs = case.inputs()
    module.eval()
    model, _ = case.export(module, inputs)
    with torch.no_grad():
        outputs = as_list(module(*inputs))
    targets = [torch.randint(0, outputs[0].shape[1], outputs[0].shape[:1])] if case.labels else [torch.randn(output.shape) for output in outputs]
    names = names_in(model, module)
    module.train()
    _, single = gradients_of(module, inputs, targets)
    double = [tensor.double() if tensor.is_floating_point() else tensor for tensor in (*inputs, *targets)]
    loss, gradients = gradients_of(module.double(), double[: len(inputs)], double[len(inputs) :])
    if lost := sorted(set(gradients) - set(names)):
        raise ValueError(f"{name}.onnx lacks {', '.join(lost)}")
    tensors = {f"input:{value.name}": tensor for value, tensor in zip(model.graph.input, inputs)}
    tensors |= {"labels": targets[0].int()} if case.labels else {f"target:{value.name}": tensor for value, tensor in zip(model.graph.output, targets)}
    rounding = relative_error(single, gradients)
    tensors |= {"loss": torch.tensor([loss]), "rounding": torch.tensor([rounding])}
    for parameter, gradient in gradients.items():
        other, transposed = names[parameter]
        tensors[f"gradient:{other}"] = (gradient.T if transposed else gradient).float()
    onnx.save_model(model, directory / f"{name}.onnx")
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, directory / f"{name}.safetensors")
    print(f"{name}: {sum(parameter.numel() for parameter in module.parameters())} parameters, loss {loss:.4f}, rounding {rounding:.1e}", flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or CASES:
        write(name, CASES[name], directory)

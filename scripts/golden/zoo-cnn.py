"""Writes test/golden/zoo-cnn.json: what PyTorch says of the convolutional networks of src/nn/zoo.

    python scripts/golden/zoo-cnn.py    (PyTorch 2.13 and torchvision 0.28 on the CPU; nothing is downloaded)

torchvision's networks are torchvision's; those for CIFAR are written here from the papers, with the names of modules, and where papers leave it
open the form, of RepDistiller. For each network the file has the number of parameters, the multiply-accumulates of its convolutions and
linear layers on one sample, and a hash of the names and shapes in its state_dict. For some it has outputs in evaluation mode: weights and
inputs come from a hash of name and index (`hashed_weights`), so that no weights need to be stored.
"""

import json
import pathlib
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from hashed_weights import hashed, names_of, stored, weight
from torchvision.models import convnext, efficientnet, mobilenetv2, mobilenetv3, resnet, shufflenetv2


class BasicBlock(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride != 1 or inputs != filters:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class CifarResNet(nn.Module):
    """He et al., 2015, section 4.2, with projections."""

    def __init__(self, n, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        for stage, (inputs, filters) in enumerate(zip(channels, channels[1:])):
            blocks = [BasicBlock(inputs, filters, 2 if stage else 1)] + [BasicBlock(filters, filters, 1) for _ in range(n - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.convShortcut = None if inputs == filters else nn.Conv2d(inputs, filters, 1, stride, bias=False)

    def forward(self, x):
        active = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return y + (x if self.convShortcut is None else self.convShortcut(active))


class Stage(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.layer = nn.Sequential(*blocks)

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    """Zagoruyko and Komodakis, 2016."""

    def __init__(self, depth, widen, classes):
        super().__init__()
        n = (depth - 4) // 6
        channels = [16, 16 * widen, 32 * widen, 64 * widen]
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        for stage, (inputs, filters) in enumerate(zip(channels, channels[1:])):
            blocks = [WideBlock(inputs, filters, 2 if stage else 1)] + [WideBlock(filters, filters, 1) for _ in range(n - 1)]
            setattr(self, f"block{stage + 1}", Stage(blocks))
        self.bn1 = nn.BatchNorm2d(channels[-1])
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.block3(self.block2(self.block1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class CifarVgg(nn.Module):
    """Simonyan and Zisserman, 2014, with batch normalisation and one linear layer."""

    def __init__(self, depths, classes):
        super().__init__()
        inputs = 3
        for index, (depth, filters) in enumerate(zip(depths, [64, 128, 256, 512, 512])):
            layers = []
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
                inputs = filters
            setattr(self, f"block{index}", nn.Sequential(*layers[:-1]))
        self.classifier = nn.Linear(512, classes)

    def forward(self, x):
        halvings = 4 if x.shape[2] >= 64 else 3
        for index in range(5):
            x = F.relu(getattr(self, f"block{index}")(x))
            if index < halvings:
                x = F.max_pool2d(x, 2)
        return self.classifier(x.mean((2, 3)))


def conv_norm(inputs, filters):
    return nn.Sequential(nn.Conv2d(inputs, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU())


class ResNet9Stage(nn.Module):
    def __init__(self, inputs, filters, residual):
        super().__init__()
        self.conv = conv_norm(inputs, filters)
        self.residual1 = conv_norm(filters, filters) if residual else None
        self.residual2 = conv_norm(filters, filters) if residual else None

    def forward(self, x):
        x = F.max_pool2d(self.conv(x), 2)
        return x if self.residual1 is None else x + self.residual2(self.residual1(x))


class ResNet9(nn.Module):
    """Page, 2018."""

    def __init__(self, classes):
        super().__init__()
        self.prep = conv_norm(3, 64)
        for index, (inputs, filters) in enumerate([(64, 128), (128, 256), (256, 512)]):
            setattr(self, f"layer{index + 1}", ResNet9Stage(inputs, filters, index != 1))
        self.classifier = nn.Linear(512, classes, bias=False)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.prep(x))))
        return 0.125 * self.classifier(x.amax((2, 3)))


class AirbenchStage(nn.Module):
    def __init__(self, inputs, filters):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)

    def forward(self, x):
        x = F.relu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.relu(self.norm2(self.conv2(x)))


class Airbench(nn.Module):
    """Jordan, 2024, with ReLU."""

    def __init__(self, classes):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        for index, (inputs, filters) in enumerate([(24, 64), (64, 256), (256, 256)]):
            setattr(self, f"layer{index + 1}", AirbenchStage(inputs, filters))
        self.classifier = nn.Linear(256, classes, bias=False)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.whiten(x)))))
        return 0.125 * self.classifier(x.amax((2, 3)))


class CifarInvertedResidual(nn.Module):
    def __init__(self, inputs, filters, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.added = stride == 1 and inputs == filters
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, filters, 1, bias=False),
            nn.BatchNorm2d(filters),
        )

    def forward(self, x):
        return x + self.conv(x) if self.added else self.conv(x)


class CifarMobileNetV2(nn.Module):
    """Sandler et al., 2018, half as wide, for CIFAR: ReLU, every block expands, fewer strides."""

    def __init__(self, classes):
        super().__init__()
        inputs = 16
        self.conv1 = nn.Sequential(nn.Conv2d(3, inputs, 3, 2, 1, bias=False), nn.BatchNorm2d(inputs), nn.ReLU())
        stages = []
        for expansion, filters, repeats, stride in [(1, 8, 1, 1), (6, 12, 2, 1), (6, 16, 3, 2), (6, 32, 4, 2), (6, 48, 3, 1), (6, 80, 3, 2), (6, 160, 1, 1)]:
            blocks = []
            for index in range(repeats):
                blocks.append(CifarInvertedResidual(inputs, filters, stride if index == 0 else 1, expansion))
                inputs = filters
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.ModuleList(stages)
        self.conv2 = nn.Sequential(nn.Conv2d(inputs, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(1280, classes))

    def forward(self, x):
        x = self.conv1(x)
        for stage in self.blocks:
            x = stage(x)
        return self.classifier(self.conv2(x).mean((2, 3)))


def cifar_stem(network):
    """A ResNet of torchvision with a 3x3 convolution at full resolution and no pooling."""
    network.conv1 = nn.Conv2d(3, network.conv1.out_channels, 3, 1, 1, bias=False)
    network.maxpool = nn.Identity()
    return network


def narrow_efficientnet(width, classes):
    settings, last = efficientnet._efficientnet_conf("efficientnet_b0", width_mult=width, depth_mult=1.0)
    return efficientnet.EfficientNet(settings, 0.2, last_channel=last, num_classes=classes)


def narrow_mobilenet_v3(arch, width, classes):
    settings, last = mobilenetv3._mobilenet_v3_conf(arch, width_mult=width)
    return mobilenetv3.MobileNetV3(settings, last, num_classes=classes)


def narrow_convnext(width, classes):
    channels = [int(count * width) for count in (96, 192, 384, 768)]
    settings = [convnext.CNBlockConfig(count, after, depth) for count, after, depth in zip(channels, [*channels[1:], None], (3, 3, 9, 3))]
    return convnext.ConvNeXt(settings, num_classes=classes)


VGG = {"vgg8": [1, 1, 1, 1, 1], "vgg11": [1, 1, 2, 2, 2], "vgg13": [2, 2, 2, 2, 2], "vgg16": [2, 2, 3, 3, 3], "vgg19": [2, 2, 4, 4, 4]}
CIFAR_RESNET = {f"resnet{6 * n + 2}": (n, [16, 16, 32, 64]) for n in (1, 2, 3, 5, 7, 9, 18)}
CIFAR_RESNET |= {f"resnet{6 * n + 2}x4": (n, [32, 64, 128, 256]) for n in (1, 5)}
WRN = [(16, 1), (16, 2), (40, 1), (40, 2), (28, 10)]

# By name: makes the network for a number of classes.
SMALL = {
    **{name: partial(CifarVgg, depths) for name, depths in VGG.items()},
    **{name: partial(CifarResNet, n, channels) for name, (n, channels) in CIFAR_RESNET.items()},
    **{f"wrn-{depth}-{widen}": partial(WideResNet, depth, widen) for depth, widen in WRN},
    "resnet9": ResNet9,
    "airbench": Airbench,
    "mobilenet-v2-half": CifarMobileNetV2,
}
LARGE = {
    "resnet18": lambda classes: resnet.resnet18(num_classes=classes),
    "resnet34": lambda classes: resnet.resnet34(num_classes=classes),
    "resnet50": lambda classes: resnet.resnet50(num_classes=classes),
    "mobilenet-v2": lambda classes: mobilenetv2.mobilenet_v2(num_classes=classes),
    "mobilenet-v3-small": lambda classes: mobilenetv3.mobilenet_v3_small(num_classes=classes),
    "mobilenet-v3-large": lambda classes: mobilenetv3.mobilenet_v3_large(num_classes=classes),
    "shufflenet-v2-x0.5": lambda classes: shufflenetv2.shufflenet_v2_x0_5(num_classes=classes),
    "shufflenet-v2-x1.0": lambda classes: shufflenetv2.shufflenet_v2_x1_0(num_classes=classes),
    "shufflenet-v2-x1.5": lambda classes: shufflenetv2.shufflenet_v2_x1_5(num_classes=classes),
    "shufflenet-v2-x2.0": lambda classes: shufflenetv2.shufflenet_v2_x2_0(num_classes=classes),
    "efficientnet-b0": lambda classes: efficientnet.efficientnet_b0(num_classes=classes),
    "convnext-tiny": lambda classes: convnext.convnext_tiny(num_classes=classes),
}
# Name, options, how PyTorch makes it, classes, input.
COUNTED = [
    *((name, {}, make, 100, (3, 32, 32)) for name, make in SMALL.items()),
    *((name, {}, make, 1000, (3, 224, 224)) for name, make in LARGE.items()),
    ("mobilenet-v2", {"width": 0.5}, lambda classes: mobilenetv2.mobilenet_v2(num_classes=classes, width_mult=0.5), 1000, (3, 224, 224)),
    ("mobilenet-v3-small", {"width": 0.5}, partial(narrow_mobilenet_v3, "mobilenet_v3_small", 0.5), 1000, (3, 224, 224)),
    ("mobilenet-v3-large", {"width": 0.75}, partial(narrow_mobilenet_v3, "mobilenet_v3_large", 0.75), 1000, (3, 224, 224)),
    ("efficientnet-b0", {"width": 0.5}, partial(narrow_efficientnet, 0.5), 1000, (3, 224, 224)),
    ("resnet18", {"stem": "cifar"}, lambda classes: cifar_stem(LARGE["resnet18"](classes)), 10, (3, 32, 32)),
]
RUN = [
    ("vgg8", {}, SMALL["vgg8"], 10, (3, 32, 32)),
    ("vgg8", {}, SMALL["vgg8"], 10, (3, 64, 64)),
    ("resnet20", {}, SMALL["resnet20"], 10, (3, 32, 32)),
    ("resnet8x4", {}, SMALL["resnet8x4"], 10, (3, 32, 32)),
    ("wrn-16-2", {}, SMALL["wrn-16-2"], 10, (3, 32, 32)),
    ("resnet9", {}, SMALL["resnet9"], 10, (3, 32, 32)),
    ("airbench", {}, SMALL["airbench"], 10, (3, 32, 32)),
    ("mobilenet-v2-half", {}, SMALL["mobilenet-v2-half"], 10, (3, 32, 32)),
    ("resnet18", {"stem": "cifar"}, lambda classes: cifar_stem(LARGE["resnet18"](classes)), 10, (3, 16, 16)),
    ("resnet50", {}, LARGE["resnet50"], 10, (3, 64, 64)),
    ("mobilenet-v2", {}, LARGE["mobilenet-v2"], 10, (3, 64, 64)),
    ("mobilenet-v3-small", {"width": 0.5}, partial(narrow_mobilenet_v3, "mobilenet_v3_small", 0.5), 10, (3, 64, 64)),
    ("mobilenet-v3-large", {}, LARGE["mobilenet-v3-large"], 10, (3, 64, 64)),
    ("shufflenet-v2-x0.5", {}, LARGE["shufflenet-v2-x0.5"], 10, (3, 64, 64)),
    ("efficientnet-b0", {}, LARGE["efficientnet-b0"], 10, (3, 64, 64)),
    ("convnext-tiny", {"width": 0.5}, partial(narrow_convnext, 0.5), 10, (3, 64, 64)),
]


def macs_of(network, shape):
    """Multiply-accumulates of convolutions and linear layers for one sample."""
    total = 0

    def count(module, inputs, output):
        nonlocal total
        per_output = module.weight[0].numel()
        total += output.numel() * per_output

    hooks = [module.register_forward_hook(count) for module in network.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        network(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


def counted(name, options, make, classes, shape):
    network = make(classes).eval()
    return {
        "zoo": name,
        "options": options,
        "classes": classes,
        "inputShape": shape,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs": macs_of(network, shape),
        "names": names_of(stored(network)),
    }


def run(name, options, make, classes, shape):
    network = make(classes).eval()
    network.load_state_dict({key: weight(key, tuple(tensor.shape)) for key, tensor in stored(network).items()}, strict=False)
    batch = (2, *shape)
    inputs = hashed("input", batch, lambda u: 2 * u - 1)
    with torch.no_grad():
        outputs = network(inputs)
    return {"zoo": name, "options": options, "classes": classes, "inputShape": shape, "logits": [float(f"{value:.7g}") for value in outputs.flatten().tolist()]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    golden = {"torch": torch.__version__, "counted": [counted(*entry) for entry in COUNTED], "run": [run(*entry) for entry in RUN]}
    path = pathlib.Path(__file__).parents[2] / "test" / "golden" / "zoo-cnn.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")

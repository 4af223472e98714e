"""The networks of the benchmark as PyTorch users write them: RepDistiller's ResNet and Wide ResNet for CIFAR, torchvision's MobileNetV2
with a CIFAR stem, transformers' BERT. The benchmark fails when one has another number of parameters than Limbeck's."""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 100


def conv3x3(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    """He et al., 2015 (arXiv:1512.03385), with a projection where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3x3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


class PreActivationBlock(nn.Module):
    """Zagoruyko and Komodakis, 2016 (arXiv:1605.07146)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv3x3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv3x3(outputs, outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x):
        if self.shortcut is None:
            active = functional.relu(self.bn1(x))
            return x + self.conv2(self.relu(self.bn2(self.conv1(active))))
        active = self.relu(self.bn1(x))
        return self.shortcut(active) + self.conv2(self.relu(self.bn2(self.conv1(active))))


def stages(block, channels, count):
    """Three stages of `count` blocks; the second and third begin with stride 2."""
    inputs, layers = channels[0], []
    for stage, outputs in enumerate(channels[1:]):
        for index in range(count):
            layers.append(block(inputs, outputs, 2 if stage > 0 and index == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers)


class Resnet(nn.Module):
    def __init__(self, depth, channels=(16, 16, 32, 64)):
        super().__init__()
        self.conv1, self.bn1, self.relu = conv3x3(3, channels[0]), nn.BatchNorm2d(channels[0]), nn.ReLU(inplace=True)
        self.layers = stages(BasicBlock, channels, (depth - 2) // 6)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(channels[-1], CLASSES)

    def forward(self, x):
        return self.fc(self.pool(self.layers(self.relu(self.bn1(self.conv1(x))))).flatten(1))


class WideResnet(nn.Module):
    def __init__(self, depth, widen):
        super().__init__()
        self.conv1 = conv3x3(3, 16)
        self.layers = stages(PreActivationBlock, (16, 16 * widen, 32 * widen, 64 * widen), (depth - 4) // 6)
        self.bn1, self.relu = nn.BatchNorm2d(64 * widen), nn.ReLU(inplace=True)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(64 * widen, CLASSES)

    def forward(self, x):
        return self.fc(self.pool(self.relu(self.bn1(self.layers(self.conv1(x))))).flatten(1))


def mobilenet_v2():
    """torchvision's at half the width, for small images: its first convolution has stride 1."""
    from torchvision.models import MobileNetV2

    model = MobileNetV2(num_classes=CLASSES, width_mult=0.5)
    model.features[0][0].stride = (1, 1)
    return model


def bert(layers, hidden, heads):
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        num_hidden_layers=layers,
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=2,
    )
    return BertForSequenceClassification(config)


def mlp():
    return nn.Sequential(nn.Linear(784, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 10))


RESNET_X4 = (32, 64, 128, 256)
MODELS = {
    "mlp": mlp,
    "resnet20": lambda: Resnet(20),
    "resnet56": lambda: Resnet(56),
    "resnet8x4": lambda: Resnet(8, RESNET_X4),
    "resnet32x4": lambda: Resnet(32, RESNET_X4),
    "wrn-40-2": lambda: WideResnet(40, 2),
    "mobilenet-v2": mobilenet_v2,
    "bert-small": lambda: bert(4, 256, 4),
    "bert-base": lambda: bert(12, 768, 12),
}


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def make(name, channels_last=False):
    """A model with its weights in the given layout, of the same values each time."""
    torch.manual_seed(0)
    return MODELS[name]().to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

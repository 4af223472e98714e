"""Writes test/golden/augmentations.json: what torchvision makes of two small images, and its tables of strengths.

    python scripts/golden/augmentations.py        (requirements.txt beside this file; CPU)

"float" has operations on values 0..1, exact to rounding. "bytes" has those that RandAugment and TrivialAugment apply, on bytes, as they apply
them but for bilinear interpolation: each is off by what it rounds. "tables" has their strengths for images of 64 by 48 pixels.
"""

import json
import pathlib

import torch
import torchvision
from torchvision.transforms import autoaugment
from torchvision.transforms import functional as F

BILINEAR = F.InterpolationMode.BILINEAR
PATH = pathlib.Path(__file__).parents[2] / "test" / "golden" / "augmentations.json"


def image(channels, height, width):
    steps = torch.arange(channels * height * width, dtype=torch.float64)
    values = 128 + 110 * torch.sin(0.37 * steps) * torch.cos(0.011 * steps * steps)
    return values.round().to(torch.uint8).reshape(channels, height, width)


FLOAT = {
    "brightness 0.6": lambda x: F.adjust_brightness(x, 0.6),
    "brightness 1.7": lambda x: F.adjust_brightness(x, 1.7),
    "contrast 0.3": lambda x: F.adjust_contrast(x, 0.3),
    "contrast 1.8": lambda x: F.adjust_contrast(x, 1.8),
    "saturation 0": lambda x: F.adjust_saturation(x, 0),
    "saturation 1.9": lambda x: F.adjust_saturation(x, 1.9),
    "hue 0.3": lambda x: F.adjust_hue(x, 0.3),
    "hue -0.45": lambda x: F.adjust_hue(x, -0.45),
    "sharpness 0.2": lambda x: F.adjust_sharpness(x, 0.2),
    "sharpness 1.9": lambda x: F.adjust_sharpness(x, 1.9),
    "solarize 0.4": lambda x: F.solarize(x, 0.4),
    "autocontrast 0": F.autocontrast,
    "invert 0": F.invert,
    "blur 5 1.3": lambda x: F.gaussian_blur(x, [5, 5], [1.3, 1.3]),
    "window 2 3 5 4": lambda x: F.resized_crop(x, 2, 3, 5, 4, list(x.shape[1:]), BILINEAR, antialias=False),
}
BYTES = {
    "ShearX": 0.25,
    "ShearY": -0.4,
    "TranslateX": 2.9,
    "TranslateY": -3.2,
    "Rotate": 24.0,
    "Brightness": -0.4,
    "Color": 0.7,
    "Contrast": 0.6,
    "Sharpness": -0.8,
    "Posterize": 3,
    "Solarize": 110.0,
    "AutoContrast": 0.0,
    "Equalize": 0.0,
}


def applied(x, name, magnitude):
    return autoaugment._apply_op(x, name, magnitude, interpolation=BILINEAR, fill=None)


def table(space):
    return {name: {"amounts": magnitudes.reshape(-1).tolist(), "signed": signed} for name, (magnitudes, signed) in space.items()}


def rounded(x):
    return [round(value, 6) for value in x.double().reshape(-1).tolist()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    images = {"colour": image(3, 9, 11), "grey": image(1, 9, 11), "large": image(3, 24, 17)}
    golden = {
        "source": f"scripts/golden/augmentations.py: torchvision {torchvision.__version__}, PyTorch {torch.__version__}",
        "images": {name: {"shape": list(x.shape), "bytes": x.reshape(-1).tolist()} for name, x in images.items()},
        "float": {
            name: {op: rounded(run(images[name].float() / 255)) for op, run in FLOAT.items()} for name in ("colour", "grey")
        },
        "bytes": {
            name: {f"{op} {amount}": applied(images[name], op, amount).reshape(-1).tolist() for op, amount in BYTES.items()}
            for name in ("colour", "grey")
        },
        # Of so few pixels equalisation leaves an image as it is.
        "equalized": applied(images["large"], "Equalize", 0.0).reshape(-1).tolist(),
        "tables": {
            "randAugment 31": table(autoaugment.RandAugment()._augmentation_space(31, (48, 64))),
            "randAugment 9": table(autoaugment.RandAugment()._augmentation_space(9, (48, 64))),
            "wide 31": table(autoaugment.TrivialAugmentWide()._augmentation_space(31)),
        },
    }
    PATH.write_text(json.dumps(golden) + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")

"""Weights and inputs that need no file: each number is a hash of the tensor's name and the element's index (src/nn/hashed-weights.fixture.ts)."""

import math

import numpy
import torch


def name_hash(text):
    """FNV-1a over the text's bytes, 32 bits."""
    result = 0x811C9DC5
    for byte in text.encode():
        result = ((result ^ byte) * 0x01000193) & 0xFFFFFFFF
    return result


def pseudo_random(name, count):
    """Numbers in [0, 1): murmur3's finaliser over the index and a hash of the name."""
    hashed = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B1) ^ numpy.uint32(name_hash(name))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        hashed = (hashed ^ (hashed >> numpy.uint32(shift))) * numpy.uint32(factor)
    return hashed.astype(numpy.float64) / 2**32


def hashed(name, shape, value):
    """A float32 tensor of value(u) for numbers u in [0, 1)."""
    return torch.from_numpy(value(pseudo_random(name, math.prod(shape))).astype(numpy.float32).reshape(shape))


def weight(name, shape):
    """Scales about 1, offsets about 0, and weights that keep the size of activations."""
    if name.endswith("scale") or name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return hashed(name, shape, lambda u: 0.5 + u)
    if len(shape) == 1:
        return hashed(name, shape, lambda u: 0.2 * (u - 0.5))
    return hashed(name, shape, lambda u: (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:])))


def stored(network):
    """What the state_dict holds, without the count of batches, which no output depends on."""
    return {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}


def names_of(tensors):
    """A hash of the names and shapes of tensors by name."""
    return name_hash("\n".join(sorted(f"{name} {'x'.join(map(str, tensor.shape))}" for name, tensor in tensors.items())))

"""Weights of a module, and where an exporter put them."""

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch import nn


def randomise(module):
    """Moves parameters that are constant or next to nothing, and running statistics, away from where they start."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.numel() > 1 and (parameter.max() == parameter.min() or parameter.abs().max() < 1e-3):
                parameter.add_(torch.empty_like(parameter).uniform_(-0.25, 0.25))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.uniform_(-0.2, 0.2)
            if name.endswith("running_var"):
                buffer.uniform_(0.6, 1.4)
        for module in module.modules():
            # transformers keeps the embedding of the padding at zero.
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.padding_idx = None


def make_unique(module, dtype=numpy.float32):
    """Nudges elements that occur twice among the parameters to the next free number of the type."""
    parameters = list(module.parameters())
    flat = numpy.concatenate([parameter.detach().numpy().ravel() for parameter in parameters]).astype(dtype)
    taken = {0.0, *(float(value) for buffer in module.buffers() for value in buffer.flatten())}
    for index, value in enumerate(flat):
        while float(value) in taken:
            value = numpy.nextafter(value, dtype(numpy.inf), dtype=dtype)
        taken.add(float(value))
        flat[index] = value
    start = 0
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.from_numpy(flat[start : start + parameter.numel()].astype(numpy.float32)).reshape(parameter.shape))
            start += parameter.numel()


class WeightMap:
    """Where each element of an ONNX model's initialisers is among a module's parameters."""

    def __init__(self, module, model):
        self.parameters = list(dict.fromkeys(module.parameters()))
        values = self.flat([parameter.detach() for parameter in self.parameters])
        order = numpy.argsort(values, kind="stable")
        self.maps, self.constants = {}, []
        used = numpy.zeros(len(values), dtype=int)
        for name, array in float_tensors(model):
            found = numpy.searchsorted(values, array.ravel(), sorter=order)
            index = order[numpy.minimum(found, len(values) - 1)]
            known = values[index] == array.ravel()
            if array.size == 0:
                continue
            if known.all() and len(set(index)) < len(index):
                # Looked up in a table ahead of time, with repetitions: no longer the table that PyTorch trains.
                self.constants.append(name)
                self.freeze(index)
            elif known.all():
                used[index] += 1
                self.maps[name] = (index, array.shape)
            elif known.any() and not padded(array.ravel(), known):
                raise ValueError(f"{name} {array.shape} holds some parameters: {known.mean():.0%}")
            elif known.any():
                self.maps[name] = (numpy.where(known, index, -1), array.shape)
                used[index[known]] += 1
            elif array.ndim > 0:
                self.constants.append(name)
        if (used > 1).any():
            raise ValueError("the exporter made two weights of one parameter")
        named = dict(module.named_parameters())
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.INT8 and tensor.name in named:
                places = self.places(named[tensor.name])
                self.maps[tensor.name] = (numpy.arange(places.start, places.stop), tuple(tensor.dims))
                used[places] += 1
        self.unused = [name for name, parameter in module.named_parameters() if not used[self.places(parameter)].all()]

    def freeze(self, index):
        for parameter in self.parameters:
            places = self.places(parameter)
            if ((places.start <= index) & (index < places.stop)).any():
                parameter.requires_grad_(False)

    def places(self, parameter):
        start = 0
        for other in self.parameters:
            if other is parameter:
                return slice(start, start + parameter.numel())
            start += other.numel()
        raise KeyError

    @staticmethod
    def flat(tensors):
        return numpy.concatenate([tensor.numpy().ravel() for tensor in tensors])

    def of(self, tensors):
        """The initialisers' form of one tensor for each parameter."""
        values = numpy.append(self.flat(tensors), numpy.float32(0))
        return {name: torch.from_numpy(values[index].reshape(shape)) for name, (index, shape) in self.maps.items()}


def padded(array, known):
    """Whether what is not a parameter is zero: an exporter's empty half of a recurrent layer's bias."""
    return not array[~known].any()


def float_tensors(model):
    """The float tensors that a model stores, as float32, by name: initialisers and Constant nodes."""
    stored = [(tensor.name, tensor) for tensor in model.graph.initializer]
    stored += [(node.output[0], attribute.t) for node in model.graph.node if node.op_type == "Constant" for attribute in node.attribute if attribute.name == "value"]
    for name, tensor in stored:
        if tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16):
            yield name, numpy_helper.to_array(tensor).astype(numpy.float32)


def statistics(module, model):
    """Running statistics by their ONNX name, as functions that read them."""
    found = {}
    norms = [norm for norm in module.modules() if isinstance(norm, nn.modules.batchnorm._BatchNorm)]
    stored = dict(float_tensors(model))
    for node in model.graph.node:
        if node.op_type != "BatchNormalization":
            continue
        for name, attribute in ((node.input[3], "running_mean"), (node.input[4], "running_var")):
            if name not in stored:
                # Weight standardisation, which normalises by what it has just computed.
                continue
            owner = [norm for norm in norms if numpy.array_equal(getattr(norm, attribute).numpy(), stored[name])]
            if len(owner) != 1:
                raise ValueError(f"{name} is the {attribute} of {len(owner)} layers")
            found[name] = (owner[0], attribute)
    return found

"""Ways in which a module becomes an ONNX model. Each returns the model and the module whose training it is to be compared with."""

import contextlib
import io
import os
import tempfile

import numpy
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from onnxruntime.transformers.optimizer import optimize_model
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch.fx.experimental.optimization import fuse
from torch.onnx import TrainingMode

from .weights import make_unique


def names_of(inputs):
    """Integers are tokens and masks, in the order that transformers has them."""
    integers = iter(["input_ids", "attention_mask", "token_type_ids"])
    return [next(integers) if tensor.dtype == torch.int64 else "x" for tensor in inputs]


def output_names(module, inputs):
    with torch.no_grad():
        outputs = module(*inputs)
    return [f"y{index}" for index in range(len(outputs))] if isinstance(outputs, (tuple, list)) else ["y"]


def torchscript(module, inputs, *, opset, training=False, folding=False, axes={0: "batch"}, mode=None):
    """@param axes Names of the axes that the model leaves open, by number."""
    names, outputs = names_of(inputs), output_names(module, inputs)
    file = io.BytesIO()
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            module, inputs, file, dynamo=False, opset_version=opset, do_constant_folding=folding, input_names=names, output_names=outputs,
            training=mode or (TrainingMode.TRAINING if training else TrainingMode.PRESERVE),
            dynamic_axes={name: axes for name in names} | {name: {0: "batch"} for name in outputs if axes},
        )
    module.eval()
    return onnx.load_from_string(file.getvalue()), module


def dynamo(module, inputs, *, opset, optimized=False, axes={0: "batch"}):
    sizes = {axis: torch.export.Dim(name, min=1, max=4096) for axis, name in axes.items()}
    shapes = tuple(sizes for _ in inputs) if sizes else None
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(
            module, inputs, path, dynamo=True, opset_version=opset, input_names=names_of(inputs), output_names=output_names(module, inputs),
            dynamic_shapes=shapes, optimize=optimized, external_data=False,
        )
        model = onnx.load(path)
    # Where each node comes from, for debuggers: larger than everything else.
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.metadata_props[:]
    return model, module


def torchscript_folded(module, inputs, *, opset):
    """The plain export for inference: each batch normalisation becomes part of the convolution before it, and so does the reference's."""
    model, _ = torchscript(module, inputs, opset=opset, folding=True, mode=TrainingMode.EVAL)
    # It leaves the biases that it adds out of training.
    fused = fuse(module).requires_grad_()
    make_unique(fused)
    # The file gets the bits of the reference, so that weights are found by their values.
    parameters = [parameter.detach().numpy() for parameter in fused.parameters()]
    for tensor in model.graph.initializer:
        stored = numpy_helper.to_array(tensor)
        (same,) = (array for array in parameters if array.shape == stored.shape and numpy.allclose(array, stored, rtol=1e-4, atol=1e-6))
        tensor.CopyFrom(numpy_helper.from_array(same, tensor.name))
    return model, fused


def float16(module, inputs, *, opset):
    """All weights and arithmetic in half precision but for inputs and outputs, as onnxruntime's converter does it."""
    model, _ = torchscript(module, inputs, opset=opset)
    with torch.no_grad():
        for buffer in module.buffers():
            buffer.copy_(buffer.half().to(buffer.dtype))
    return convert_float_to_float16(model, keep_io_types=True), module


def int8_weights(module, inputs, *, opset):
    """As a quantiser after training leaves it: weights as integers, under the weights' names, which only DequantizeLinear takes."""
    model, _ = torchscript(module, inputs, opset=opset)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    scales = {"convolution.weight": module.weight_scale.numpy(), "linear.weight": module.matrix_scale.numpy()}
    for node in [node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.input[0] in stored]:
        tensor, scale = stored[node.input[0]], scales[node.input[0]]
        # Symmetric: their zero point is 0.
        integers = numpy.clip(numpy.rint(numpy_helper.to_array(tensor) / scale), -128, 127).astype(numpy.int8)
        tensor.CopyFrom(numpy_helper.from_array(integers, tensor.name))
        for other in model.graph.node:
            other.input[:] = [tensor.name if name == node.output[0] else name for name in other.input]
        model.graph.node.remove(node)
    with torch.no_grad():
        module.convolution.weight.copy_(module.rounded(module.convolution.weight, "weight"))
        module.linear.weight.copy_(module.rounded(module.linear.weight, "matrix"))
    return model, module


def by_file(write):
    """The model that `write` leaves in the file it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        write(path)
        return onnx.load(path)


def optimized_by_runtime(module, inputs, *, opset):
    """What ONNX Runtime saves when it is asked for the optimised model: activations fused into convolutions, among others."""
    model, fused = torchscript_folded(module, inputs, opset=opset)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED

    def write(path):
        options.optimized_model_filepath = path
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    return by_file(write), fused


def fused_transformer(module, inputs, *, opset):
    """Attention, layer normalisation after a sum, embeddings, and biases with their activation as operators of com.microsoft."""
    model, _ = torchscript(module, inputs, opset=opset, folding=True)
    is_text = inputs[0].dtype == torch.int64

    def write(path):
        onnx.save_model(model, path)
        optimize_model(path, model_type="bert" if is_text else "vit", num_heads=2, hidden_size=16, opt_level=0).save_model_to_file(path)

    return by_file(write), module


def handmade(module, inputs, *, write):
    return write(module), module

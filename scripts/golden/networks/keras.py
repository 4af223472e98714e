"""A Keras network as tf2onnx writes it: images and activations in NHWC, with transpositions around each convolution, in operators of old opsets."""

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

CLASSES = 5


class KerasCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(8, eps=1e-3, momentum=0.01)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(8))
        self.dense = nn.Linear(8, 12)
        self.classifier = nn.Linear(12, CLASSES)

    def forward(self, x):
        # TensorFlow's SAME padding of an even size at stride 2 is one-sided.
        x = F.relu6(self.norm(self.convolution(F.pad(x.permute(0, 3, 1, 2), (0, 1, 0, 1)))))
        x = F.leaky_relu(self.depthwise(x) + self.bias[:, None, None], 0.3)
        return self.classifier(torch.tanh(self.dense(x.mean((2, 3)))))


def to_onnx(module, opset):
    stored = {}

    def weight(name, tensor):
        stored[name] = numpy_helper.from_array(tensor.detach().numpy().copy(), name)
        return name

    nodes = []

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=f"StatefulPartitionedCall/model/{output}", **attributes))
        return output

    norm = module.norm
    to_nchw, to_nhwc = [0, 3, 1, 2], [0, 2, 3, 1]
    x = node("Transpose", ["image"], "transposed", perm=to_nchw)
    x = node("Conv", [x, weight("conv2d/kernel", module.convolution.weight)], "conv", auto_pad="SAME_UPPER", strides=[2, 2], kernel_shape=[3, 3], dilations=[1, 1], group=1)
    x = node(
        "BatchNormalization",
        [x, weight("bn/gamma", norm.weight), weight("bn/beta", norm.bias), weight("bn/moving_mean", norm.running_mean), weight("bn/moving_variance", norm.running_var)],
        "norm", epsilon=norm.eps, momentum=1 - norm.momentum,
    )
    x = node("Transpose", [x], "norm_nhwc", perm=to_nhwc)
    if opset < 11:
        x = node("Clip", [x], "relu6", min=0.0, max=6.0)
    else:
        bounds = [weight(name, torch.tensor(bound)) for name, bound in (("zero", 0.0), ("six", 6.0))]
        x = node("Clip", [x, *bounds], "relu6")
    x = node("Transpose", [x], "relu6_nchw", perm=to_nchw)
    x = node("Conv", [x, weight("depthwise/kernel", module.depthwise.weight)], "depthwise", auto_pad="SAME_UPPER", strides=[1, 1], kernel_shape=[3, 3], group=8)
    x = node("Transpose", [x], "depthwise_nhwc", perm=to_nhwc)
    x = node("Add", [x, weight("depthwise/bias", module.bias)], "biased")
    x = node("LeakyRelu", [x], "leaky", alpha=0.3)
    x = node("ReduceMean", [x], "pooled", axes=[1, 2], keepdims=1)
    if opset < 13:
        x = node("Squeeze", [x], "squeezed", axes=[1, 2])
    else:
        stored["axes"] = numpy_helper.from_array(numpy.array([1, 2], dtype=numpy.int64), "axes")
        x = node("Squeeze", [x, "axes"], "squeezed")
    x = node("MatMul", [x, weight("dense/kernel", module.dense.weight.t())], "dense")
    x = node("Tanh", [node("Add", [x, weight("dense/bias", module.dense.bias)], "dense_biased")], "tanh")
    node("Gemm", [x, weight("classifier/kernel", module.classifier.weight.t()), weight("classifier/bias", module.classifier.bias)], "logits")
    graph = helper.make_graph(
        nodes, "tf2onnx",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["unk__1", 8, 8, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["unk__2", CLASSES])],
        list(stored.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 2)], ir_version=4 if opset < 11 else 7)
    onnx.checker.check_model(model)
    return model

"""Which network is exported how: the cases of scripts/golden/models.py."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy
import torch
from torch import nn

from . import keras, layers, text, vision
from .exporters import dynamo, float16, fused_transformer, handmade, int8_weights, optimized_by_runtime, torchscript, torchscript_folded


@dataclass(frozen=True)
class Case:
    name: str
    exporter: str
    build: Callable[[], nn.Module]
    #: The inputs of the module's `forward`, in order.
    inputs: Callable[[torch.Generator], tuple[torch.Tensor, ...]]
    #: (module, inputs) -> (the ONNX model, the module whose training it is compared with)
    export: Callable
    #: Whether the loss is cross-entropy, not squared differences.
    labels: bool = True
    learning_rate: float = 0.02
    #: The numbers that parameters are taken from.
    dtype: type = numpy.float32


def images(size=16, batch=6, channels=3):
    return lambda generator: (torch.randn(batch, channels, size, size, generator=generator),)


def floats(*shape):
    return lambda generator: (torch.randn(shape, generator=generator),)


def words(batch=4, length=8, masked=False, segments=False):
    """Token ids, and where asked for a mask that hides the ends of some sentences, and segments."""

    def make(generator):
        ids = torch.randint(2, text.WORDS, (batch, length), generator=generator)
        mask = (torch.arange(length) < torch.tensor([length, length - 3, length - 1, length - 4] * batch)[:batch, None]).long()
        kinds = (torch.arange(length) >= length // 2).long().expand(batch, length).contiguous()
        return (ids, *([mask] if masked else []), *([kinds] if segments else []))

    return make


def sentences(generator):
    """Token ids that end in the highest one, by which CLIP tells the end of a text."""
    (ids,) = words()(generator)
    ids[:, -1] = text.WORDS - 1
    return (ids,)


def both(first, second):
    return lambda generator: first(generator) + second(generator)


BATCH = {0: "batch"}
SEQUENCE = {0: "batch", 1: "sequence"}
SIZE = {0: "batch", 2: "height", 3: "width"}
FIXED = {}


def openness(axes):
    return {tuple(BATCH): "", tuple(SEQUENCE): ", any length", tuple(SIZE): ", any size", tuple(FIXED): ", fixed batch"}[tuple(axes)]


def by_torchscript(name, build, inputs, opset, *, training=False, folding=False, axes=BATCH, **options):
    """@param axes Those that the model leaves open, by number."""
    how = "".join([", in training mode" if training else "", ", constants folded" if folding else "", openness(axes)])
    return Case(name, f"TorchScript, opset {opset}{how}", build, inputs, partial(torchscript, opset=opset, training=training, folding=folding, axes=axes), **options)


def by_dynamo(name, build, inputs, opset, *, optimized=False, axes=BATCH, **options):
    how = "".join([", optimised" if optimized else "", openness(axes)])
    return Case(name, f"dynamo, opset {opset}{how}", build, inputs, partial(dynamo, opset=opset, optimized=optimized, axes=axes), **options)


def folded(name, build, inputs, opset, **options):
    """With the batch normalisation folded into convolutions."""
    return Case(name, f"TorchScript, opset {opset}, normalisation folded", build, inputs, partial(torchscript_folded, opset=opset), **options)


squares = {"labels": False}

CASES = [
    by_torchscript("resnet-basic", vision.resnet_basic, images(), 13),
    by_dynamo("resnet-bottleneck", vision.resnet_bottleneck, images(), 18),
    by_torchscript("resnetv2-group-norm", vision.resnetv2_group_norm, images(), 17),
    by_torchscript("vgg-bn", vision.VggBatchNorm, images(), 11),
    by_torchscript("mobilenet-v2", vision.mobilenet_v2, images(), 12),
    by_torchscript("mobilenet-v3", vision.mobilenet_v3, images(), 14),
    by_torchscript("shufflenet-v2", vision.shufflenet_v2, images(32), 13, folding=True, training=True, learning_rate=0.002),
    by_torchscript("efficientnet", vision.efficientnet_small, images(), 15),
    by_dynamo("convnext", vision.convnext_small, images(), 20, optimized=True),
    by_torchscript("densenet", vision.densenet_small, images(32), 11, training=True),
    by_torchscript("regnet-y", vision.regnet_y, images(32), 16),
    by_dynamo("rep-vgg", vision.rep_vgg, images(), 21),
    by_torchscript("squeezenet", vision.SqueezeNet, images(24), 11, axes=FIXED),
    by_torchscript("googlenet", vision.GoogLeNet, images(), 12),
    by_torchscript("mnasnet", vision.Mnasnet, images(), 13, training=True),
    by_dynamo("ghostnet", vision.ghost_net, images(), 19),
    by_torchscript("deeplab", vision.DeepLab, images(), 13, axes=SIZE, **squares),
    by_torchscript("fcn", vision.Fcn, images(), 11, axes=SIZE, **squares),
    by_dynamo("unet", vision.UNet, images(), 18, **squares),
    by_torchscript("ssd-heads", vision.SsdHeads, images(), 12, **squares),
    by_dynamo("ssdlite-heads", vision.ssdlite_heads, images(), 18, **squares),
    by_torchscript("swin", vision.swin_torchvision, images(), 14, axes=FIXED),
    by_dynamo("swin-v2", vision.swin_v2_torchvision, images(), 18),
    by_dynamo("swin-timm", vision.swin_timm, images(), 18, optimized=True),
    by_torchscript("vit", vision.vit_torchvision, images(), 17, folding=True),
    by_torchscript("deit", vision.deit, images(), 14, folding=True),
    by_dynamo("vit-timm", vision.vit_timm, images(), 23, optimized=True),
    by_dynamo("mlp-mixer", vision.mixer, images(), 20),
    by_torchscript("conv-mixer", vision.conv_mixer, images(), 13),
    by_torchscript("poolformer", vision.poolformer, images(), 17),
    by_dynamo("edgenext", vision.edge_next, images(32), 18),
    by_torchscript("mobilevit", vision.mobile_vit, images(), 16),
    by_torchscript("bert", text.bert_eager, words(masked=True, segments=True), 14, folding=True, learning_rate=0.1),
    by_dynamo("bert-sdpa", text.bert, words(masked=True, segments=True), 18, optimized=True, learning_rate=0.1),
    by_torchscript("distilbert", text.distilbert, words(masked=True), 14, axes=SEQUENCE, learning_rate=0.1),
    by_dynamo("roberta", text.roberta, words(masked=True), 21, optimized=True, learning_rate=0.1),
    by_torchscript("electra", text.electra, words(masked=True), 17, learning_rate=0.1),
    by_dynamo("albert", text.albert, words(masked=True), 18, optimized=True, learning_rate=0.1),
    by_dynamo("mobilebert", text.mobilebert, words(masked=True), 18, learning_rate=0.1),
    by_dynamo("gpt2", text.gpt2, words(), 20, optimized=True, learning_rate=0.1, **squares),
    by_dynamo("gpt2-tied", text.gpt2_tied, words(), 18, learning_rate=0.1, **squares),
    by_dynamo("llama", text.llama, words(), 23, optimized=True, learning_rate=0.1, **squares),
    by_torchscript("t5-encoder", text.t5_encoder, words(masked=True), 14, learning_rate=0.1, **squares),
    by_dynamo("clip-vision", text.clip_vision, images(), 20, optimized=True),
    by_torchscript("clip-text", text.clip_text, sentences, 15),
    by_torchscript("text-cnn", text.TextCnn, words(), 13),
    by_torchscript("lstm", text.lstm, words(), 14, folding=True, learning_rate=0.1),
    by_torchscript("bilstm", text.bilstm, words(), 11, learning_rate=0.1),
    by_torchscript("gru", text.gru, words(), 17, folding=True, learning_rate=0.1),
    by_dynamo("lstm-dynamo", text.lstm, words(), 18, learning_rate=0.1),
    by_torchscript("rnn", text.LastState, floats(4, 3, 7), 12),
    by_torchscript("audio", layers.Audio, floats(4, 1, 128), 13),
    by_torchscript("volume", layers.Volume, floats(4, 1, 6, 8, 8), 16),
    by_dynamo("wavenet", layers.WaveNet, floats(4, 1, 24), 18, **squares),
    by_torchscript("activations", layers.Activations, floats(6, 8), 15),
    by_dynamo("activations-dynamo", layers.Activations, floats(6, 8), 20),
    by_dynamo("norms", layers.Norms, floats(4, 3, 6, 6), 23),
    by_torchscript("response-norm", layers.ResponseNorm, floats(6, 3, 17, 17), 13),
    by_torchscript("multi-head-attention", layers.Attention, floats(4, 7, 6), 14),
    by_dynamo("transformer-encoder", layers.EncoderLayer, floats(4, 7, 6 + 10), 18),
    by_torchscript("einsum", layers.Einsum, floats(4, 7, 6), 12),
    by_dynamo("einsum-dynamo", layers.Einsum, floats(4, 7, 6), 18, optimized=True),
    by_torchscript("tied-autoencoder", layers.Tied, floats(6, 20), 13, **squares),
    by_torchscript("indexing", layers.Indexing, both(floats(4, 8, 6), lambda generator: (torch.randint(0, 9, (4, 8), generator=generator),)), 16),
    by_dynamo("indexing-dynamo", layers.Indexing, both(floats(4, 8, 6), lambda generator: (torch.randint(0, 9, (4, 8), generator=generator),)), 18),
    by_torchscript("elementwise", partial(layers.Elementwise, hyperbolic=False), floats(6, 8), 17),
    by_dynamo("elementwise-dynamo", layers.Elementwise, floats(6, 8), 18),
    by_torchscript("fake-quantized", layers.FakeQuantized, images(8), 13),
    Case("int8-weights", "TorchScript, opset 13, weights stored in int8", layers.FakeQuantized, images(8), partial(int8_weights, opset=13)),
    folded("resnet-folded", vision.resnet_basic, images(), 13),
    folded("mobilenet-v2-folded", vision.mobilenet_v2, images(), 17),
    Case("mobilenet-v3-runtime", "TorchScript, opset 17, optimised by ONNX Runtime", vision.mobilenet_v3, images(), partial(optimized_by_runtime, opset=17)),
    Case("bert-fused", "TorchScript, opset 14, fused by ONNX Runtime's optimiser for transformers", text.ClassicBert, words(masked=True, segments=True), partial(fused_transformer, opset=14)),
    Case("vit-fused", "TorchScript, opset 17, fused by ONNX Runtime's optimiser for transformers", vision.vit_timm_plain, images(), partial(fused_transformer, opset=17)),
    by_torchscript("unet-opset-9", vision.UNet, images(), 9, **squares),
    by_torchscript("regnet-opset-9", vision.regnet_y, images(32), 9),
    by_torchscript("bilstm-opset-9", text.bilstm, words(), 9, learning_rate=0.1),
    by_torchscript("vgg-bn-opset-10", vision.VggBatchNorm, images(), 10, training=True),
    by_torchscript("transformer-opset-10", layers.ClassicEncoder, floats(4, 7, 16), 10),
    Case("keras-opset-9", "as tf2onnx writes it, opset 9", keras.KerasCnn, floats(6, 8, 8, 3), partial(handmade, write=partial(keras.to_onnx, opset=9))),
    Case("keras-opset-13", "as tf2onnx writes it, opset 13", keras.KerasCnn, floats(6, 8, 8, 3), partial(handmade, write=partial(keras.to_onnx, opset=13))),
    Case("float16", "TorchScript, opset 13, weights stored in float16", layers.Small, images(8), partial(float16, opset=13), dtype=numpy.float16),
]

"""Writes test/golden/zoo-text.json and test/golden/bert.safetensors: what PyTorch says of the transformers and text networks of src/nn/zoo.

    python scripts/golden/zoo-text.py    (PyTorch 2.13, transformers 5.23, timm 1.0 and safetensors on the CPU; nothing is downloaded)

BERT and DistilBERT are transformers', vision transformers timm's; the text CNN and the BiLSTM are written here from the papers. For networks
of full size the file has the number of parameters, the multiply-accumulates that PyTorch counts (linear layers, convolutions and both
products of attention) for one sample, and a hash of the names and shapes in the state_dict. For small ones it has outputs in evaluation mode,
with weights and inputs from `hashed_weights`. bert.safetensors holds a small BERT as transformers saves it.
"""

import json
import pathlib
import shutil
import tempfile

import timm
import torch
import torch.nn as nn
import torch.nn.functional as F
from hashed_weights import hashed, names_of, pseudo_random, stored, weight
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"
VOCABULARY = 30522
BERT = {
    "bert-tiny": (2, 128, 2, 512),
    "bert-mini": (4, 256, 4, 1024),
    "bert-small": (4, 512, 8, 2048),
    "bert-medium": (8, 512, 8, 2048),
    "bert-base": (12, 768, 12, 3072),
    "tinybert-4": (4, 312, 12, 1200),
    "minilm-6-384": (6, 384, 12, 1536),
}
VIT = {
    "vit-tiny": "vit_tiny_patch16_224",
    "vit-small": "vit_small_patch16_224",
    "vit-base": "vit_base_patch16_224",
    "deit-tiny": "deit_tiny_patch16_224",
    "deit-small": "deit_small_patch16_224",
    "deit-base": "deit_base_patch16_224",
    "deit-tiny-distilled": "deit_tiny_distilled_patch16_224",
    "deit-small-distilled": "deit_small_distilled_patch16_224",
}


class TextCnn(nn.Module):
    """Kim, 2014, with trained word vectors."""

    def __init__(self, vocabulary, embedding, windows, filters, classes):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.convs = nn.ModuleList(nn.Conv1d(embedding, filters, window, padding=max(windows)) for window in windows)
        self.fc = nn.Linear(len(windows) * filters, classes)

    def forward(self, input_ids, attention_mask):
        x = (self.embedding(input_ids) * attention_mask[:, :, None]).transpose(1, 2)
        return self.fc(torch.cat([F.relu(conv(x)).amax(2) for conv in self.convs], 1))


class Bilstm(nn.Module):
    """Tang et al., 2019."""

    def __init__(self, vocabulary, embedding, units, hidden, classes):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, units, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * units, hidden)
        self.classifier = nn.Linear(hidden, classes)

    def forward(self, input_ids, attention_mask):
        words = pack_padded_sequence(self.embedding(input_ids), attention_mask.sum(1), batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(words)
        return self.classifier(F.relu(self.fc(torch.cat([last[0], last[1]], 1))))


def bert_config(layers, hidden, heads, intermediate, **options):
    sizes = {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": intermediate}
    return BertConfig(**sizes, attn_implementation="eager", **options)


def distilbert_config(layers, hidden, heads, intermediate, **options):
    return DistilBertConfig(n_layers=layers, dim=hidden, n_heads=heads, hidden_dim=intermediate, attn_implementation="eager", **options)


def untied(tensors):
    """Without the output layer that is the word embeddings, and its bias, which is stored twice."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("cls.predictions.decoder")}


def text_inputs(batch, length, vocabulary, lengths=None):
    """Token numbers, and a mask with ones for the first tokens of each sample."""
    ids = torch.from_numpy((pseudo_random("input_ids", batch * length) * vocabulary).astype("int64").reshape(batch, length))
    lengths = lengths or [length] * batch
    mask = torch.tensor([[1] * count + [0] * (length - count) for count in lengths])
    return {"input_ids": ids, "attention_mask": mask}


def pair_inputs(batch, length, vocabulary, lengths=None):
    """The same, and token types with a second text in the second half."""
    inputs = text_inputs(batch, length, vocabulary, lengths)
    types = torch.tensor([[0] * (length // 2) + [1] * (length - length // 2)] * batch)
    return {**inputs, "token_type_ids": types}


def counted(model, make, inputs, variant=None, options=None):
    network = make().eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(**inputs) if isinstance(inputs, dict) else network(inputs)
    shape = list(inputs.shape[1:]) if not isinstance(inputs, dict) else None
    return {
        "model": model,
        "variant": variant,
        "options": {**(options or {}), **({"inputShape": shape} if shape else {})},
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs": counter.get_total_flops() // 2,
        "names": names_of(untied(stored(network))),
    }


def encoded(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{value:.7g}") for value in tensor.flatten().tolist()]}


def run(model, network, inputs, outputs, variant=None, options=None):
    """`outputs` gives tensors by name from what the network returns."""
    network = network.eval()
    weights = {name: weight(name, tuple(tensor.shape)) for name, tensor in untied(stored(network)).items()}
    network.load_state_dict(weights, strict=False)
    if hasattr(network, "tie_weights"):
        network.tie_weights()
    with torch.no_grad():
        result = network(**inputs) if isinstance(inputs, dict) else network(inputs)
    fed = {name: tensor.tolist() for name, tensor in inputs.items()} if isinstance(inputs, dict) else None
    found = {name: encoded(tensor) for name, tensor in outputs(result).items()}
    return {"model": model, "variant": variant, "options": options or {}, "inputs": fed, "outputs": found}


def all_counted():
    pair, text = pair_inputs(1, 128, VOCABULARY), text_inputs(1, 128, VOCABULARY)
    for name, size in BERT.items():
        yield counted("bert", lambda: BertModel(bert_config(*size)), pair, name)
    yield counted("bertClassifier", lambda: BertForSequenceClassification(bert_config(*BERT["bert-tiny"])), pair, "bert-tiny", {"classes": 2})
    yield counted("bertMaskedLm", lambda: BertForMaskedLM(bert_config(*BERT["bert-tiny"])), pair, "bert-tiny")
    yield counted("distilbertClassifier", lambda: DistilBertForSequenceClassification(distilbert_config(6, 768, 12, 3072)), text, None, {"classes": 2})
    for name, variant in VIT.items():
        yield counted("vit", lambda: timm.create_model(variant), torch.zeros(1, 3, 224, 224), name, {"classes": 1000})


def all_run():
    size = {"layers": 2, "hidden": 32, "heads": 4, "intermediate": 48}
    options = {"vocabulary": 50, "positions": 12}
    config = bert_config(2, 32, 4, 48, vocab_size=50, max_position_embeddings=12, output_hidden_states=True, output_attentions=True)
    labels = {"num_labels": 3}

    def of_bert(result):
        hidden = {name: tensor for name, tensor in zip(("embeddings", "layer0", "layer1"), result.hidden_states)}
        attention = {f"layer{index}.probabilities": tensor for index, tensor in enumerate(result.attentions)}
        return {"last_hidden_state": result.last_hidden_state, "pooler_output": result.pooler_output, **hidden, **attention}

    def of_head(result):
        return {"logits": result.logits}

    def plain(result):
        return {"logits": result}

    for lengths in (None, [5, 3]):
        pair, text = pair_inputs(2, 5, 50, lengths), text_inputs(2, 5, 50, lengths)
        yield run("bert", BertModel(config), pair, of_bert, size, options)
        classifier = BertForSequenceClassification(bert_config(2, 32, 4, 48, vocab_size=50, max_position_embeddings=12, **labels))
        yield run("bertClassifier", classifier, pair, of_head, size, {**options, "classes": 3})
        yield run("bertMaskedLm", BertForMaskedLM(bert_config(2, 32, 4, 48, vocab_size=50, max_position_embeddings=12)), pair, of_head, size, options)
        distilled = DistilBertForSequenceClassification(distilbert_config(2, 32, 4, 48, vocab_size=50, max_position_embeddings=12, **labels))
        yield run("distilbertClassifier", distilled, text, of_head, None, {**options, "size": size, "classes": 3})
        cnn = {"vocabulary": 50, "embedding": 16, "windows": [2, 3], "filters": 6, "classes": 3}
        yield run("textCnn", TextCnn(50, 16, [2, 3], 6, 3), text, plain, None, cnn)
        lstm = {"vocabulary": 50, "embedding": 16, "units": 6, "hidden": 8, "classes": 3}
        yield run("bilstm", Bilstm(50, 16, 6, 8, 3), text, plain, None, lstm)

    def images(*shape):
        return hashed("input", shape, lambda u: 2 * u - 1)

    small = {"depth": 2, "width": 32, "heads": 4}
    arguments = {"depth": 2, "embed_dim": 32, "num_heads": 4, "img_size": (12, 16), "patch_size": 4, "num_classes": 5}
    shaped = {"inputShape": [3, 12, 16], "classes": 5}
    yield run("vit", timm.create_model("deit_tiny_patch16_224", **arguments), images(2, 3, 12, 16), plain, small, shaped)
    distilled = timm.create_model("deit_tiny_distilled_patch16_224", **arguments)
    yield run("vit", distilled, images(2, 3, 12, 16), plain, {**small, "isDistilled": True}, shaped)
    full = timm.create_model("deit_tiny_patch16_224", img_size=32, patch_size=8, num_classes=10)
    yield run("vit", full, images(2, 3, 32, 32), plain, "deit-tiny", {"inputShape": [3, 32, 32], "classes": 10, "patch": 8})


def saved():
    """Saves a small BERT as transformers does; returns what it gives."""
    torch.manual_seed(1)
    config = bert_config(1, 16, 2, 24, vocab_size=40, max_position_embeddings=8, num_labels=3, initializer_range=0.2)
    network = BertForSequenceClassification(config).eval()
    with tempfile.TemporaryDirectory() as directory:
        network.save_pretrained(directory)
        shutil.copyfile(pathlib.Path(directory) / "model.safetensors", GOLDEN / "bert.safetensors")
    inputs = pair_inputs(2, 4, 40, [4, 2])
    with torch.no_grad():
        logits = network(**inputs).logits
    return {"inputs": {name: tensor.tolist() for name, tensor in inputs.items()}, "logits": encoded(logits)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    # PyTorch doesn't count the products inside its fused attention.
    timm.layers.set_fused_attn(False)
    golden = {"torch": torch.__version__, "counted": list(all_counted()), "run": list(all_run()), "saved": saved()}
    path = GOLDEN / "zoo-text.json"
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"model"', '\n{"model"') + "\n")
    for file in (path, GOLDEN / "bert.safetensors"):
        print(f"{file.name}: {file.stat().st_size} bytes")

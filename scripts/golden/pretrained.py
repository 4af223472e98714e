"""Writes test/golden/pretrained: small models with random weights in the folders that transformers and sentence-transformers save, and what
PyTorch says of them, to compare src/nn/pretrained and `limbeck import` with.

    python scripts/golden/pretrained.py    (PyTorch 2.13, transformers 5.24, tokenizers 0.23, onnxruntime 1.30; nothing is downloaded)

Each takes the tokens of test/golden/tokenizers/wordpiece.json, which scripts/golden/tokenizer.py writes.

- bert: BertForSequenceClassification, 3 classes.
- distilbert: DistilBertForSequenceClassification, in several files.
- sentences: BertModel and the modules of a sentence encoder, mean pooling and normalisation.
- exported: the same BertModel as ONNX files, one of them quantised to 8 bits.
- masked-lm: BertForMaskedLM.
- distil-masked-lm: DistilBertForMaskedLM.
"""

import json
import pathlib
import shutil

import torch
import torch.nn.functional as F
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
)

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"
FOLDER = GOLDEN / "pretrained"
TEXTS = ["The old captain remembers the harbour at dawn.", "Nobody loves it", "Die Größe couldn't explain her own question?"]
SMALL = {"n_layers": 3, "dim": 16, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 64}
SIZES = {"num_hidden_layers": 3, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 64}


def encoded(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{value:.9g}") for value in tensor.flatten().tolist()]}


def inputs_of(tokenizer):
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"))
    rows = [*tokenizer.encode_batch(TEXTS)]
    parts = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    return {name: torch.tensor([getattr(row, part) for row in rows]) for name, part in parts.items()}


def without_layers(network, layers):
    """A copy of an encoder with some of its layers."""
    path = network.bert.encoder if hasattr(network, "bert") else network.distilbert.transformer
    path.layer = torch.nn.ModuleList([path.layer[index] for index in layers])
    return network


def drawn(network):
    """With no two weights alike: exporters store equal ones, such as biases of zeros, once and under one name."""
    for parameter in network.parameters():
        if parameter.dim() == 1:
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def save(network, name, tokenizer=True, **options):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    network.save_pretrained(folder, **options)
    if not tokenizer:
        return folder
    shutil.copyfile(GOLDEN / "tokenizers" / "wordpiece.json", folder / "tokenizer.json")
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": 64, "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    return folder


def classifiers(inputs, vocabulary):
    labels = {"id2label": {0: "no", 1: "yes", 2: "maybe"}, "label2id": {"no": 0, "yes": 1, "maybe": 2}}
    config = BertConfig(**SIZES, vocab_size=vocabulary, initializer_range=0.3, layer_norm_eps=1e-6, **labels)
    network = drawn(BertForSequenceClassification(config))
    save(network, "bert")
    hidden = network(**inputs, output_hidden_states=True)
    yield "bert", {
        "logits": encoded(hidden.logits),
        "hidden": [encoded(state) for state in hidden.hidden_states],
        "pooled": encoded(network.bert(**inputs).pooler_output),
        "layers": {"2,0": encoded(without_layers(network, [2, 0])(**inputs).logits)},
    }
    config = DistilBertConfig(**SMALL, vocab_size=vocabulary, initializer_range=0.3, num_labels=3)
    network = drawn(DistilBertForSequenceClassification(config))
    save(network, "distilbert", max_shard_size="24KB")
    text = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    hidden = network(**text, output_hidden_states=True)
    yield "distilbert", {"logits": encoded(hidden.logits), "hidden": [encoded(state) for state in hidden.hidden_states]}


def pooled(hidden, mask):
    """What sentence-transformers' modules Pooling and Normalize make of tokens."""
    weights = mask[:, :, None].float()
    return F.normalize((hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9))


def sentences(inputs, vocabulary):
    network = drawn(BertModel(BertConfig(**SIZES, vocab_size=vocabulary, initializer_range=0.3, attn_implementation="eager")))
    folder = save(network, "sentences")
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in enumerate(modules)]
    (folder / "modules.json").write_text(json.dumps(listed) + "\n")
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 16, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling) + "\n")
    hidden = network(**inputs).last_hidden_state
    yield "sentences", {"last_hidden_state": encoded(hidden), "sentence_embedding": encoded(pooled(hidden, inputs["attention_mask"]))}
    export(network, inputs, folder)


def guessers(inputs, vocabulary):
    """The scores of the first twenty words."""
    bert = BertConfig(**{**SIZES, "num_hidden_layers": 1}, vocab_size=vocabulary, initializer_range=0.3)
    distilbert = DistilBertConfig(**{**SMALL, "n_layers": 1}, vocab_size=vocabulary, initializer_range=0.3)
    for name, network in [("masked-lm", BertForMaskedLM(bert)), ("distil-masked-lm", DistilBertForMaskedLM(distilbert))]:
        save(drawn(network), name, tokenizer=False)
        taken = inputs if network.config.model_type == "bert" else {name: inputs[name] for name in ("input_ids", "attention_mask")}
        yield name, encoded(network(**taken).logits[:, :, :20])


def export(network, inputs, saved):
    folder = FOLDER / "exported"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "onnx").mkdir(parents=True)
    shutil.copyfile(saved / "config.json", folder / "config.json")
    shutil.copyfile(saved / "tokenizer.json", folder / "tokenizer.json")
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "sequence"} for name in [*names, "last_hidden_state"]}

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = network

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state

    path = folder / "onnx" / "model.onnx"
    torch.onnx.export(
        Encoder(),
        tuple(inputs[name] for name in names),
        str(path),
        dynamo=False,
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes=axes,
        opset_version=14,
    )
    quantize_dynamic(str(path), str(folder / "onnx" / "model_quantized.onnx"), per_channel=True, reduce_range=False, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    torch.manual_seed(3)
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(GOLDEN / "tokenizers" / "wordpiece.json"))
    inputs = inputs_of(tokenizer)
    size = tokenizer.get_vocab_size()
    with torch.no_grad():
        found = dict([*classifiers(inputs, size), *sentences(inputs, size), *guessers(inputs, size)])
    golden = {"torch": torch.__version__, "texts": TEXTS, "inputs": {name: tensor.tolist() for name, tensor in inputs.items()}, **found}
    (FOLDER / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    for file in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        print(f"{file.relative_to(FOLDER)}: {file.stat().st_size} bytes")

"""Writes test/golden/sentences.json: embeddings of sentences by real encoders, to compare `limbeck import` with (npm run check:sentences).

    python scripts/golden/sentences.py .cache/text    (PyTorch 2.13, transformers 5.24, tokenizers 0.23, onnxruntime 1.30)

The folder is what bench/peers/text_weights.py writes. all-MiniLM-L6-v2 is run by PyTorch; e5-small-v2 as it is packaged, quantised, by ONNX
Runtime.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
import torch
from tokenizers import Tokenizer
from transformers import BertModel

SENTENCES = [
    "A man is playing a guitar.",
    "Someone plays an instrument.",
    "The stock market fell sharply on Monday.",
    "Shares dropped at the start of the week, and nobody could say why: not the banks, not the papers, not even those who had sold.",
    "How far is it from Denver to Aspen?",
    "Crème brûlée, naïve — 中文",
]


def tokens(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_padding(pad_id=0)
    rows = tokenizer.encode_batch(SENTENCES)
    parts = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    return {name: numpy.array([getattr(row, part) for row in rows], dtype=numpy.int64) for name, part in parts.items()}


def embedded(hidden, mask):
    mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / numpy.linalg.norm(mean, axis=1, keepdims=True)


def minilm(folder):
    inputs = tokens(folder)
    with torch.no_grad():
        hidden = BertModel.from_pretrained(folder).eval()(**{name: torch.from_numpy(data) for name, data in inputs.items()}).last_hidden_state
    return embedded(hidden.numpy(), inputs["attention_mask"])


def e5(folder):
    inputs = tokens(folder)
    (hidden,) = onnxruntime.InferenceSession(str(folder / "onnx" / "model_quantized.onnx")).run(["last_hidden_state"], inputs)
    return embedded(hidden, inputs["attention_mask"])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    found = {name: of(folder / name) for name, of in (("all-MiniLM-L6-v2", minilm), ("e5-small-v2", e5))}
    rounded = {name: [[float(f"{value:.7g}") for value in row] for row in rows.tolist()] for name, rows in found.items()}
    path = pathlib.Path(__file__).parents[2] / "test" / "golden" / "sentences.json"
    path.write_text(json.dumps({"sentences": SENTENCES, "embeddings": rounded}, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")

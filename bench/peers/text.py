"""PyTorch's side of bench/text.ts: answers each line of standard input, {"work": NAME, "iterations": N}, with {"ms": [...]}.

A training step of transformers' BertForSequenceClassification on a batch of 32 texts of 64 tokens, by AdamW in its fused form, in two
threads. NAME is LAYERS,WIDTH,HEADS,INTERMEDIATE,DROPOUT, then "eager" or "compile" behind a space.
"""

import json
import os
import sys
import time

# torch looks for a package named as the script beside this one is.
sys.path.pop(0)

import torch
from transformers import BertConfig, BertForSequenceClassification

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "2")))
torch.manual_seed(0)

VOCABULARY, BATCH, TOKENS = 30522, 32, 64


def bert_step(name):
    sizes, way = name.split(" ")
    *counts, dropout = sizes.split(",")
    layers, width, heads, intermediate = (int(count) for count in counts)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=VOCABULARY,
            num_hidden_layers=layers,
            hidden_size=width,
            num_attention_heads=heads,
            intermediate_size=intermediate,
            hidden_dropout_prob=float(dropout),
            attention_probs_dropout_prob=float(dropout),
            num_labels=2,
        )
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    batch = {
        "input_ids": torch.randint(0, VOCABULARY, (BATCH, TOKENS)),
        "attention_mask": torch.ones(BATCH, TOKENS, dtype=torch.long),
        "token_type_ids": torch.zeros(BATCH, TOKENS, dtype=torch.long),
        "labels": torch.randint(0, 2, (BATCH,)),
    }
    forward = torch.compile(model) if way == "compile" else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        forward(**batch).loss.backward()
        optimizer.step()

    return step


print(json.dumps({"peer": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()}), flush=True)
ready = {}
for line in sys.stdin:
    request = json.loads(line)
    name = request["work"]
    step = ready.get(name) or ready.setdefault(name, bert_step(name))
    times = []
    for _ in range(request["iterations"]):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"ms": times}), flush=True)

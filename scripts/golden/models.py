"""Writes test/golden/models: small networks as PyTorch's exporters write them, with what PyTorch computes when it trains them.

    python scripts/golden/models.py [NAME ...]      (all of them unless named; packages: requirements.txt beside this file)

For each network of `networks.cases` two files:

- NAME.onnx, for inference, by the exporter that the case names.
- NAME.safetensors: tensors `input:I`, `target:O` (or `labels`), `losses` of STEPS steps of SGD with momentum, all on the one batch, `gradient:W`
  of each weight in the first step, and `after:W` of each weight and running statistic after the last. I, O and W are names in NAME.onnx.

index.json has the exporter and the learning rate of each.

The reference is PyTorch's training mode: batch normalisation by batch statistics, dropout with probability 0. The loss is the mean
cross-entropy of the first output with `labels`, or the mean squared difference of each output from its target, summed over the outputs.

Exporters transpose, concatenate, split, reorder and rename weights. The weights' elements are all made different, so that each element
of an initialiser is found again in PyTorch's parameters by its value, and gradients are brought into the initialiser's form by the same map.
"""

import json
import pathlib
import sys
import warnings

import onnx
import torch
from safetensors.torch import save_file

from networks.cases import CASES
from networks.loss import as_list, loss_of
from networks.weights import WeightMap, make_unique, randomise, statistics

STEPS = 10
MOMENTUM = 0.9
FOLDER = pathlib.Path(__file__).parents[2] / "test" / "golden" / "models"


def train(module, inputs, targets, weights, averages, learning_rate):
    """@returns Loss, gradients by ONNX name, and weights and statistics by ONNX name after STEPS steps."""
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=learning_rate, momentum=MOMENTUM)
    losses, gradients = [], {}
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(as_list(module(*inputs)), targets)
        loss.backward()
        losses.append(loss.item())
        if not gradients:
            gradients = weights.of([torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone() for parameter in weights.parameters])
        optimizer.step()
    after = weights.of([parameter.detach() for parameter in weights.parameters])
    after |= {name: getattr(norm, attribute).clone() for name, (norm, attribute) in averages.items()}
    return losses, gradients, after


def random_targets(case, outputs, generator):
    if case.labels:
        return [torch.randint(0, outputs[0].shape[1], outputs[0].shape[:1], generator=generator)]
    return [torch.randn(output.shape, generator=generator) for output in outputs]


def write(case):
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(5)
    module = case.build()
    randomise(module)
    make_unique(module, case.dtype)
    inputs = case.inputs(generator)
    module.eval()
    model, module = case.export(module, inputs)
    weights, averages = WeightMap(module, model), statistics(module, model)
    with torch.no_grad():
        outputs = as_list(module(*inputs))
    targets = random_targets(case, outputs, generator)
    constants = [name for name in weights.constants if name not in averages]
    losses, gradients, after = train(module, inputs, targets, weights, averages, case.learning_rate)
    tensors = {f"input:{value.name}": tensor for value, tensor in zip(model.graph.input, inputs)}
    tensors |= {"labels": targets[0].int()} if case.labels else {f"target:{value.name}": tensor for value, tensor in zip(model.graph.output, targets)}
    tensors |= {"losses": torch.tensor(losses)}
    tensors |= {f"gradient:{name}": tensor for name, tensor in gradients.items()}
    tensors |= {f"after:{name}": tensor for name, tensor in after.items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    onnx.save_model(model, FOLDER / f"{case.name}.onnx")
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, FOLDER / f"{case.name}.safetensors")
    add_to_index(case)
    count = sum(parameter.numel() for parameter in weights.parameters)
    operators = sorted({f"{node.domain}{'.' if node.domain else ''}{node.op_type}" for node in model.graph.node})
    print(f"{case.name} ({case.exporter}): {count} parameters, loss {losses[0]:.4f} to {losses[-1]:.4f}; {' '.join(operators)}", flush=True)
    if constants:
        print(f"   not trained: {', '.join(constants)}")
    if weights.unused:
        print(f"   not in the file: {', '.join(weights.unused)}")


def add_to_index(case):
    index = FOLDER / "index.json"
    known = json.loads(index.read_text()) if index.exists() else {}
    known[case.name] = {"exporter": case.exporter, "learningRate": case.learning_rate}
    index.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    names = sys.argv[1:]
    if unknown := set(names) - {case.name for case in CASES}:
        sys.exit(f"There is no case named {', '.join(unknown)}.")
    failed = []
    for case in CASES:
        if names and case.name not in names:
            continue
        try:
            write(case)
        except Exception as error:
            failed.append(case.name)
            print(f"{case.name}: {type(error).__name__}: {str(error)[-600:]}", flush=True)
    sys.exit(f"Not written: {', '.join(failed)}" if failed else 0)

import { expect, test } from "vitest";
import { float, int, ints, string } from "../../attributes.ts";
import { type Attributes, MICROSOFT } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import type { Tensor } from "../../tensor.ts";
import { expectClose, expectSame, modelOf, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

const floats = (value: readonly number[]) => ({ kind: "floats", value }) as const;
const window: Attributes = { pads: ints([1, 1, 1, 1]), strides: ints([2, 2]), dilations: ints([1, 1]), kernel_shape: ints([3, 3]) };
const image = () => open(random([2, 4, 6, 6]), ["N", 4, 6, 6]);
const filters = () => random([6, 4, 3, 3]);

test.each<[string, (readonly number[])?]>([
  ["Relu"],
  ["Tanh"],
  ["Sigmoid"],
  ["LeakyRelu", [0.2]],
  ["Clip", [-0.5, 0.5]],
  ["HardSigmoid", [0.3, 0.4]],
])("FusedConv with %s", async (activation, parameters) => {
  await expectSame({
    op: "FusedConv",
    domain: MICROSOFT,
    attributes: { ...window, activation: string(activation), ...(parameters && { activation_params: floats(parameters) }) },
    inputs: { x: image(), w: filters(), b: random([6]) },
    stored: ["w", "b"],
    outputs: { y: 4 },
  });
});

test("FusedConv with a residual, and a Conv alone", async () => {
  const residual = open(random([2, 6, 3, 3]), ["N", 6, 3, 3]);
  await expectSame({
    op: "FusedConv",
    domain: MICROSOFT,
    attributes: { ...window, activation: string("Relu") },
    inputs: { x: image(), w: filters(), b: random([6]), z: residual },
    outputs: { y: 4 },
  });
  await expectSame({
    op: "FusedConv",
    domain: MICROSOFT,
    attributes: { ...window, group: int(2) },
    inputs: { x: image(), w: random([6, 2, 3, 3]) },
    outputs: { y: 4 },
  });
});

test("an activation that nobody knows is refused in the node's name", () => {
  const attributes = { ...window, activation: string("Frobnicate") };
  const { graph } = modelOf({ op: "FusedConv", domain: MICROSOFT, attributes, inputs: { x: image(), w: filters() }, outputs: { y: 4 } });
  expect(() => decompose(graph)).toThrow(expect.objectContaining({ name: "LimbeckError", where: 'com.microsoft.FusedConv "node"' }));
});

test.each<[string, Attributes?]>([
  ["Relu"],
  ["LeakyRelu", { activation_alpha: float(0.2) }],
  ["Tanh"],
  ["Softplus"],
  ["Elu", { activation_alpha: float(0.7) }],
  ["HardSigmoid", { activation_alpha: float(0.3), activation_beta: float(0.4) }],
])("FusedGemm with %s", async (activation, parameters) => {
  await expectSame({
    op: "FusedGemm",
    domain: MICROSOFT,
    attributes: { activation: string(activation), ...parameters, alpha: float(0.5), beta: float(2), transB: int(1) },
    inputs: { a: open(random([3, 4]), ["N", 4]), b: random([5, 4]), c: random([5]) },
    outputs: { y: 2 },
  });
});

test("FusedMatMul stays", async () => {
  const { graph } = modelOf({
    op: "FusedMatMul",
    domain: MICROSOFT,
    attributes: { transB: int(1), alpha: float(0.5) },
    inputs: { a: open(random([2, 3, 4]), ["N", 3, 4]), b: random([2, 5, 4]) },
    outputs: { y: 3 },
  });
  expect(decompose(graph)).toBe(graph);
});

test("FusedMatMul with its first axis behind the other batch axes", async () => {
  const attributes = { transBatchA: int(1), transBatchB: int(1), transB: int(1), alpha: float(0.5) };
  // a is [rows, batch, inner], b is [columns, batch, inner]
  const { graph, feeds } = modelOf({
    op: "FusedMatMul",
    domain: MICROSOFT,
    attributes,
    inputs: { a: open(random([3, 2, 4]), ["S", 2, 4]), b: random([5, 2, 4]) },
    outputs: { y: 3 },
  });
  const rewritten = decompose(graph);
  expect(rewritten.nodes.map(({ op }) => op)).toEqual(["Transpose", "Transpose", "FusedMatMul"]);
  const [expected, found] = [await runGraph(graph, feeds), await runGraph(rewritten, feeds)];
  expectClose(found.y as Tensor, expected.y as Tensor);
});

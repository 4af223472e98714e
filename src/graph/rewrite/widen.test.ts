import { expect, test } from "vitest";
import { int } from "../attributes.ts";
import type { Attributes, Graph, Node } from "../graph.ts";
import { runGraph } from "../run.fixture.ts";
import { float32, int64, type Tensor, toNumbers, widened } from "../tensor.ts";
import { widenFloats } from "./widen.ts";

const [FLOAT32, FLOAT16, BFLOAT16] = [1, 10, 16];

test("float16 and bfloat16 are widened exactly", () => {
  const halves = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3555, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00);
  const expected = [0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 0.333251953125, 1, -2, 65504, Infinity, -Infinity, Number.NaN];
  expect([...widened({ type: "float16", shape: [12], data: halves }).data]).toEqual(expected);
  const brains = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x3eab, 0x3f80, 0xc000, 0x7f7f, 0xff80, 0x7fc0);
  const wide = [0, -0, 2 ** -133, 0.333984375, 1, -2, 255 * 2 ** 120, -Infinity, Number.NaN];
  expect([...widened({ type: "bfloat16", shape: [9], data: brains }).data]).toEqual(wide);
});

/** Numbers as bits of float16; only what float16 holds exactly. */
function float16(numbers: readonly number[], shape: readonly number[] = [numbers.length]): Tensor {
  const bits = (number: number): number => {
    if (number === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(number)));
    return (number < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | ((Math.abs(number) / 2 ** exponent - 1) * 1024);
  };
  return { type: "float16", shape, data: Uint16Array.from(numbers, bits) };
}

const node = (op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node => ({
  op,
  domain: "",
  name: output,
  inputs,
  outputs: [output],
  attributes,
});

/** x in float16, through casts to float32 and back, constants in every place where one can be, a normalisation and an If. */
function half(): Graph {
  const branch = (factor: number): Attributes[string] => ({
    kind: "graph",
    value: {
      ...empty,
      outputs: [{ name: `out${factor}`, type: "float16", shape: ["N", 4] }],
      nodes: [node("Mul", ["normal", `factor${factor}`], `out${factor}`)],
      initializers: new Map([[`factor${factor}`, float16([factor])]]),
    },
  });
  return {
    ...empty,
    inputs: [{ name: "x", type: "float16", shape: ["N", 3] }],
    outputs: [{ name: "y", type: "float16", shape: ["N", 4] }],
    initializers: new Map<string, Tensor>([
      ["w", float16([1, 0.5, -0.25, 2, 0.125, 1, -1, 0.75, 0.0625, -2, 1.5, 0.375], [3, 4])],
      ["scale", float16([1, 1.5, 0.5, 2])],
      ["size", int64([4])],
    ]),
    nodes: [
      node("Constant", [], "b", { value: { kind: "tensor", value: float16([0.25]) } }),
      node("ConstantOfShape", ["size"], "c", { value: { kind: "tensor", value: float16([0.5]) } }),
      node("MatMul", ["x", "w"], "product"),
      node("Add", ["product", "b"], "shifted"),
      node("Cast", ["shifted"], "wide", { to: int(FLOAT32) }),
      node("Sigmoid", ["wide"], "gate"),
      node("Cast", ["gate"], "narrow", { to: int(FLOAT16) }),
      node("LayerNormalization", ["narrow", "scale", "c"], "normal", { stash_type: int(FLOAT32) }),
      node("ReduceMax", ["shifted"], "largest", { keepdims: int(0) }),
      node("Cast", ["largest"], "condition", { to: int(9) }),
      node("If", ["condition"], "y", { then_branch: branch(2), else_branch: branch(1) }),
    ],
  };
}
const empty: Graph = { name: "g", opsets: { "": 21 }, inputs: [], outputs: [], nodes: [], initializers: new Map(), metadata: {} };

test("a float16 model becomes a float32 one that gives the same numbers, within what float16 holds", async () => {
  const narrow = half();
  const wide = widenFloats(narrow);
  expect(
    JSON.stringify([...wide.initializers, wide.inputs, wide.outputs, wide.nodes], (_, value) =>
      typeof value === "bigint" ? Number(value) : value,
    ),
  ).not.toContain("float16");
  const x = [1, 2, 3, 0.5, 4, 2];
  const expected = toNumbers((await runGraph(narrow, { x: float16(x, [2, 3]) })).y as Tensor);
  const actual = toNumbers((await runGraph(wide, { x: float32(x, [2, 3]) })).y as Tensor);
  expect(actual).toHaveLength(8);
  actual.forEach((number, index) => {
    expect(Math.abs(number - (expected[index] as number))).toBeLessThan(4e-3);
  });
  expect(widenFloats(wide)).toBe(wide);
});

test("attributes that name a type follow, numbers that look like one don't", () => {
  const nodes = [
    node("RandomNormal", [], "r", { dtype: int(BFLOAT16), seed: int(10) }),
    node("QuantizeLinear", ["r", "s"], "q", { precision: int(FLOAT16), output_dtype: int(3), block_size: int(16) }),
    node("Gather", ["q", "i"], "y", { axis: int(10) }),
  ];
  const wide = widenFloats({ ...empty, nodes });
  expect(
    wide.nodes.map(({ attributes }) => Object.fromEntries(Object.entries(attributes).map(([name, { value }]) => [name, value]))),
  ).toEqual([{ dtype: 1, seed: 10 }, { precision: 1, output_dtype: 3, block_size: 16 }, { axis: 10 }]);
  expect(wide.nodes[2]).toBe(nodes[2]);
});

test("a float32 model is the same object", () => {
  const graph = { ...empty, nodes: [node("Relu", ["x"], "y")], initializers: new Map([["w", float32([1])]]) };
  expect(widenFloats(graph)).toBe(graph);
});

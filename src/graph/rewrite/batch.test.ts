import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { float, int, ints, string } from "../attributes.ts";
import { type GraphBuilder, graphBuilder } from "../builder/builder.ts";
import type { Attributes, Graph, Value } from "../graph.ts";
import { readOnnx } from "../onnx/read.ts";
import { bitsOf, runGraph } from "../run.fixture.ts";
import { float32, int64, type Tensor } from "../tensor.ts";
import { differenceByParts, feedFor } from "./batch.fixture.ts";
import { openBatch } from "./batch.ts";
import { canonicalize } from "./canonicalize.ts";
import { bindDimensions, inferShapes, symbolicDimensions } from "./infer.ts";

const golden = new URL("../../../test/golden/", import.meta.url);
const read = (path: string): Graph => readOnnx(readFileSync(new URL(path, golden)), path);

async function expectOpened(fixed: Graph): Promise<Graph> {
  const open = openBatch(fixed);
  expect(openBatch(open)).toBe(open);
  expect(open.inputs.map(({ shape }) => shape[0])).toEqual(fixed.inputs.map(() => "N"));
  expect(open.outputs.map(({ name, type }) => [name, type])).toEqual(fixed.outputs.map(({ name, type }) => [name, type]));
  const values = inferShapes(open);
  for (const { name, shape } of open.outputs) expect(values.get(name)?.shape).toEqual(shape);
  const size = fixed.inputs[0]?.shape[0] as number;
  const bound = inferShapes(bindDimensions(open, { N: size }));
  for (const [name, { shape }] of inferShapes(fixed)) if (bound.has(name)) expect([name, bound.get(name)?.shape]).toEqual([name, shape]);
  expect(await differenceByParts(fixed, open, 3)).toBeLessThanOrEqual(1e-5);
  return open;
}

describe("networks exported for one sample", () => {
  const files = readdirSync(new URL("fixed-batch/", golden)).sort();

  test("there are those of both exporters", () => {
    expect(files).toEqual(["cnn", "lstm", "mlp", "vit"].flatMap((name) => [`${name}-export.onnx`, `${name}.onnx`]));
  });

  test.each(files)("%s: the same bits for one, the same for each of three as alone", async (file) => {
    const fixed = canonicalize(read(`fixed-batch/${file}`));
    const open = await expectOpened(fixed);
    expect(await differenceByParts(fixed, open, 3)).toBeLessThanOrEqual(1e-6);
    const feeds = Object.fromEntries(fixed.inputs.map((input) => [input.name, feedFor(input, 1)]));
    const [before, after] = [await runGraph(fixed, feeds), await runGraph(open, feeds)];
    for (const [name, expected] of Object.entries(before)) expect(bitsOf(after[name] as Tensor)).toEqual(bitsOf(expected));
  });
});

describe("networks exported for any batch, frozen", () => {
  test.each([
    ...[
      "bert",
      "clip-text",
      "convnext",
      "einsum",
      "fake-quantized",
      "gpt2",
      "gru",
      "multi-head-attention",
      "shufflenet-v2",
      "ssd-heads",
      "unet",
    ],
    "vit-timm",
  ])("%s", async (name) => {
    const graph = read(`models/${name}.onnx`);
    await expectOpened(canonicalize(bindDimensions(graph, Object.fromEntries(symbolicDimensions(graph).map((size) => [size, 1])))));
  });
});

/** What is built upon x of [size, 4, 6]. */
type Build = (g: GraphBuilder, x: Value, size: number) => Value | readonly Value[];

const emit = (g: GraphBuilder, op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}, outputs = 1): Value[] =>
  g.emit(op, inputs, { attributes, outputs });
const only = (values: readonly Value[]): Value => values[0] as Value;
const numbers = (g: GraphBuilder, ...list: number[]): Value => g.constant(int64(list));
const ramp = (g: GraphBuilder, ...shape: number[]): Value =>
  g.constant(
    float32(
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.cos(index + 1)),
      shape,
    ),
  );

function graphOf(build: Build, size: number): Graph {
  const g = graphBuilder("case");
  const x = g.input("x", "float32", [size, 4, 6]);
  [build(g, x, size)].flat().forEach((value, index) => g.output(value as Value, `y${index}`));
  return g.build();
}

/** A value of the fixed batch that is the same for each of its samples. */
const repeated = (g: GraphBuilder, size: number): Value => only(emit(g, "Expand", [ramp(g, 1, 2, 6), numbers(g, size, 2, 6)]));

const operators: Record<string, Build> = {
  "a sum with what all samples share": (g, x) => g.add(g.mul(x, ramp(g, 4, 1)), ramp(g, 1, 4, 6)),
  "a sum with a shared tensor of higher rank": (g, x) =>
    emit(g, "Transpose", [g.add(x, ramp(g, 3, 1, 4, 6))], { perm: ints([1, 0, 2, 3]) }),
  "a sum with what is repeated for each sample": (g, x, size) => g.add(x, only(emit(g, "Expand", [ramp(g, 4, 6), numbers(g, size, 4, 6)]))),
  "a choice between constants": (g, x) => only(emit(g, "Where", [g.greater(x, 0), ramp(g, 6), g.constant(float32([-1], []))])),
  "joining with a token": (g, x, size) => g.concat([repeated(g, size), x, repeated(g, size)], 1),
  "rows of a matrix": (g, x) => g.matMul(x, ramp(g, 6, 3)),
  "columns of a matrix": (g, x, size) => g.matMul(ramp(g, 3, 24), only(emit(g, "Transpose", [g.reshape(x, [size, 24])]))),
  "a stack of matrices": (g, x) => g.matMul(x, g.transpose(x, [0, 2, 1])),
  "matrices that are the same for all": (g, x, size) => g.matMul(only(emit(g, "Expand", [ramp(g, 5, 4), numbers(g, size, 5, 4)])), x),
  "a fully connected layer": (g, x, size) => emit(g, "Gemm", [g.reshape(x, [size, 24]), ramp(g, 24, 3), ramp(g, 3)]),
  "a fully connected layer on all steps": (g, x, size) =>
    g.reshape(only(emit(g, "Gemm", [g.reshape(x, [-1, 6]), ramp(g, 5, 6), ramp(g, 1, 5)], { transB: int(1) })), [size, 4, 5]),
  "steps before samples": (g, x, size) =>
    g.reshape(g.matMul(g.reshape(g.transpose(x, [1, 0, 2]), [4 * size, 6]), ramp(g, 6, 6)), [4, size, 6]),
  "heads beside samples": (g, x, size) => g.reshape(g.softmax(g.reshape(g.transpose(x, [1, 0, 2]), [4, size * 2, 3])), [4, size, 6]),
  "a fully connected layer with another bias for each": (g, x, size) => {
    const rows = g.reshape(x, [size, 24]);
    const shared = only(emit(g, "Expand", [ramp(g, 1, 3), numbers(g, size, 3)]));
    const first = only(emit(g, "Gemm", [rows, ramp(g, 24, 3), shared]));
    return emit(g, "Gemm", [rows, ramp(g, 24, 3), first], { beta: float(0.5) });
  },
  einsum: (g, x) => emit(g, "Einsum", [x, x, ramp(g, 6)], { equation: string("bij,bkj,j->bik") }),
  reductions: (g, x) => [g.reduceMean(x, { axes: [1, 2] }), g.reduceSum(x, { axes: [-1], keepDims: false })],
  "the largest": (g, x) => [...emit(g, "TopK", [x, numbers(g, 2)], {}, 2), ...emit(g, "ArgMax", [x], { axis: int(1), keepdims: int(0) })],
  "normalised rows": (g, x) => emit(g, "LayerNormalization", [x, ramp(g, 6), ramp(g, 6)]),
  "running sums": (g, x) => emit(g, "CumSum", [x, g.constant(int64([1], []))]),
  "flattened both ways": (g, x) => [...emit(g, "Flatten", [x]), ...emit(g, "Flatten", [g.transpose(x, [1, 2, 0])], { axis: int(2) })],
  "a new axis and back": (g, x) => emit(g, "Squeeze", emit(g, "Unsqueeze", [x, numbers(g, 0, 3)]).concat(numbers(g, 0, -2))),
  "expanded, tiled and padded": (g, x) => {
    const wide = only(emit(g, "Expand", [only(emit(g, "Unsqueeze", [x, numbers(g, 1)])), numbers(g, 3, 4, 6)]));
    return emit(g, "Pad", [only(emit(g, "Tile", [wide, numbers(g, 1, 1, 2, 1)])), numbers(g, 0, 0, 1, 0, 0, 0, 0, 2)]);
  },
  "cut in parts": (g, x) => {
    const all = only(emit(g, "Slice", [x, numbers(g, 0, 1), numbers(g, Number.MAX_SAFE_INTEGER, 3), numbers(g, 0, 1)]));
    return emit(g, "Split", [all, numbers(g, 2, 4)], { axis: int(2) }, 2);
  },
  "rows picked from each": (g, x) => emit(g, "Gather", [x, numbers(g, 2, 0, 1)], { axis: int(1) }),
  "rows of a table": (g, x) => emit(g, "Gather", [ramp(g, 4, 3), only(emit(g, "ArgMax", [x], { axis: int(1), keepdims: int(0) }))]),
  "elements picked from each": (g, x) => emit(g, "GatherElements", [x, only(emit(g, "ArgMax", [x], { axis: int(1) }))], { axis: int(1) }),
  "a table picked from by each": (g, x, size) => {
    const table = only(emit(g, "Expand", [ramp(g, 1, 4, 6), numbers(g, size, 4, 6)]));
    return emit(g, "GatherElements", [table, only(emit(g, "ArgMax", [x], { axis: int(1) }))], { axis: int(1) });
  },
  "one hot": (g, x) =>
    emit(g, "OneHot", [only(emit(g, "ArgMax", [x], { axis: int(2), keepdims: int(0) })), numbers(g, 6), g.constant(float32([0, 1]))], {
      axis: int(0),
    }),
  convolution: (g, x) => emit(g, "MaxPool", emit(g, "Conv", [x, ramp(g, 3, 4, 2)]), { kernel_shape: ints([2]) }),
  "normalised channels": (g, x) => emit(g, "InstanceNormalization", [x, ramp(g, 4), ramp(g, 4)]),
  "resized to a size": (g, x, size) => emit(g, "Resize", [x, undefined, undefined, numbers(g, size, 4, 9)], { mode: string("linear") }),
  "resized by a factor": (g, x) => emit(g, "Resize", [x, undefined, g.constant(float32([1, 1, 2]))]),
  "sampled at shared places": (g, x, size) =>
    emit(g, "GridSample", [g.reshape(x, [size, 2, 2, 6]), only(emit(g, "Expand", [ramp(g, 1, 3, 3, 2), numbers(g, size, 3, 3, 2)]))]),
  quantised: (g, x) => {
    const scale = g.constant(float32([0.1], []));
    return emit(g, "DequantizeLinear", [only(emit(g, "QuantizeLinear", [x, scale])), scale]);
  },
  "a recurrent layer": (g, x, size) => {
    const states = only(emit(g, "Expand", [ramp(g, 1, 1, 2), numbers(g, 1, size, 2)]));
    return emit(
      g,
      "GRU",
      [g.transpose(x, [1, 0, 2]), ramp(g, 1, 6, 6), ramp(g, 1, 6, 2), undefined, undefined, states],
      { hidden_size: int(2) },
      2,
    );
  },
  "softmax and dropout": (g, x) => emit(g, "Dropout", [g.softmax(x, 1), g.constant(float32([0.5], []))]),
  "a size of its own": (g, x) => g.mul(x, g.cast(only(emit(g, "Shape", [x], { start: int(1), end: int(2) })), "float32")),
};

describe.each([1, 2])("operators on a batch of %i", (size) => {
  test.each(Object.keys(operators))("%s", async (name) => {
    await expectOpened(graphOf(operators[name] as Build, size));
  });
});

const ofOne: Record<string, Build> = {
  "indices into a flattened batch": (g, x) => emit(g, "Gather", [g.reshape(x, [24]), g.constant(int64([5, 0, 23, 7], [1, 2, 2]))]),
  "indices of each into a flattened batch": (g, x) =>
    emit(g, "Gather", [g.reshape(x, [4, 6]), g.reshape(only(emit(g, "ArgMax", [x], { axis: int(1) })), [6])]),
  "indices that name the sample": (g, x) => emit(g, "GatherND", [x, g.constant(int64([0, 3, 0, 1], [1, 2, 2]))]),
  "indices of each that name the sample": (g, x) => {
    const best = g.reshape(only(emit(g, "ArgMax", [g.reduceSum(x, { axes: [2], keepDims: false })], { axis: int(1) })), [1, 1]);
    return emit(g, "GatherND", [x, g.concat([g.constant(int64([0], [1, 1])), best], 1)]);
  },
  "a constant that looks like a sample": (g, x) => g.concat([x, ramp(g, 1, 4, 6)], 1),
};

test.each(Object.keys(ofOne))("%s, of a batch of one", async (name) => {
  await expectOpened(graphOf(ofOne[name] as Build, 1));
});

function refusal(graph: Graph, size?: number): LimbeckError {
  try {
    openBatch(graph, size);
  } catch (error) {
    if (error instanceof LimbeckError) return error;
    throw error;
  }
  throw new Error("it was opened");
}

test.each<[string, number, Build, RegExp]>([
  [
    "a mean over the batch",
    1,
    (g, x) => g.reduceMean(x, { axes: [0] }),
    /ReduceMean "ReduceMean" may not keep samples apart: it works along the axis/,
  ],
  ["a softmax over the batch", 2, (g, x) => g.softmax(x, 0), /works along the axis of the samples/],
  [
    "batch statistics",
    2,
    (g, x) =>
      emit(g, "BatchNormalization", [x, ramp(g, 4), ramp(g, 4), ramp(g, 4), ramp(g, 4)], { training_mode: int(1), epsilon: float(1) }),
    /normalises over the batch/,
  ],
  [
    "similarities of samples",
    2,
    (g, x) => g.matMul(g.reshape(x, [2, 24]), g.transpose(g.reshape(x, [2, 24]), [1, 0])),
    /multiplies samples with samples/,
  ],
  ["a sum over samples", 2, (g, x) => g.matMul(g.transpose(g.reshape(x, [2, 24]), [1, 0]), ramp(g, 2, 3)), /sums over the samples/],
  ["an Einsum over samples", 1, (g, x) => emit(g, "Einsum", [x], { equation: string("bij->ij") }), /sums over the samples/],
  ["the first sample", 1, (g, x) => emit(g, "Slice", [x, numbers(g, 0), numbers(g, 1), numbers(g, 0)]), /picks samples/],
  ["the first sample, by its index", 1, (g, x) => emit(g, "Gather", [x, g.constant(int64([0], []))]), /drops the axis of the samples/],
  ["the samples in another order", 2, (g, x) => emit(g, "Gather", [x, numbers(g, 1, 0)]), /picks samples/],
  ["no batch axis any more", 1, (g, x) => emit(g, "Squeeze", [x, numbers(g, 0)]), /drops the axis of the samples/],
  [
    "rows of each, by indices of each",
    1,
    (g, x) => emit(g, "Gather", [x, only(emit(g, "ArgMax", [x], { axis: int(1) }))], { axis: int(1) }),
    /both what it takes from and where/,
  ],
  [
    "a diagonal of samples",
    1,
    (g, x) => emit(g, "Einsum", [g.reshape(x, [1, 1, 24])], { equation: string("bbi->bi") }),
    /it compares samples/,
  ],
  ["samples joined", 1, (g, x) => g.concat([x, x], 0), /joins along the axis of the samples/],
  ["samples parted", 2, (g, x) => emit(g, "Split", [x, numbers(g, 1, 1)], {}, 2), /parts the samples/],
  ["samples added", 1, (g, x) => emit(g, "Pad", [x, numbers(g, 0, 0, 0, 1, 0, 0)]), /adds samples/],
  ["samples repeated", 1, (g, x) => emit(g, "Tile", [x, numbers(g, 2, 1, 1)]), /repeats the samples/],
  ["samples repeated by a sum", 1, (g, x) => g.add(x, ramp(g, 5, 4, 6)), /axis 0 of "constant" is not the batch's/],
  ["something else for each sample", 2, (g, x) => g.add(x, ramp(g, 2, 4, 6)), /"constant" differs between the samples/],
  ["samples among features", 2, (g, x) => g.reshape(x, [3, 16]), /its shape \[3, 16\] does not keep the samples apart/],
  [
    "a comparison of samples",
    1,
    (g, x) => g.sub(x, g.transpose(emit(g, "Unsqueeze", [x, numbers(g, 0)])[0] as Value, [0, 2, 1, 3])),
    /along different axes/,
  ],
  [
    "an operator without a rule",
    1,
    (g, x) => emit(g, "NonZero", [x]),
    /NonZero "NonZero" may not keep samples apart: there is no rule for it/,
  ],
  [
    "an output in several blocks",
    2,
    (g, x) => g.reshape(g.transpose(x, [1, 0, 2]), [8, 6]),
    /output "y0" holds its samples in several blocks/,
  ],
  ["an output that depends on nothing", 1, (g) => g.relu(ramp(g, 3)), /No output of the graph "case" depends on its first input/],
])("%s cannot be opened", (_, size, build, message) => {
  const error = refusal(graphOf(build, size));
  expect(error.message).toMatch(message);
  expect(error.hint).toMatch(/^Export the model again with a dynamic batch axis/);
});

test("a batch of another size is not opened", () => {
  expect(
    refusal(
      graphOf((_, x) => x, 2),
      3,
    ).message,
  ).toBe('The first input "x" of the graph "case" has a batch of 2, not of 3.');
  expect(refusal({ ...graphOf((_, x) => x, 2), inputs: [{ name: "x", type: "float32", shape: [] }] }).message).toMatch(/has no batch axis/);
});

test("inputs of another size, and names that inputs use already, stay", () => {
  const g = graphBuilder("inputs");
  const x = g.input("x", "float32", [1, "N"]);
  g.output(g.add(g.add(x, g.input("mask", "float32", [1, 1])), g.input("bias", "float32", [3, 1, 1])), "y");
  const open = openBatch(g.build(), 1);
  expect(open.inputs.map(({ shape }) => shape)).toEqual([
    ["batch", "N"],
    ["batch", 1],
    [3, 1, 1],
  ]);
  expect(open.outputs[0]?.shape).toEqual([3, "batch", "N"]);
});

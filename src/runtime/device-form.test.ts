import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { float, int, ints } from "../graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import { dropoutMask } from "../graph/builder/random.ts";
import { type Graph, MICROSOFT, type Value } from "../graph/graph.ts";
import { runGraph } from "../graph/run.fixture.ts";
import { type Float32Tensor, float32, int64 } from "../graph/tensor.ts";
import { deviceForm, leftToCpu } from "./device-form.ts";

/** A graph of inputs x and y, ReLU before it so that the runtime folds nothing. */
function graphOf(
  shapes: readonly (readonly number[])[],
  body: (g: GraphBuilder, inputs: Value[]) => readonly (Value | undefined)[],
): Graph {
  const g = graphBuilder("test");
  const inputs = shapes.map((shape, index) => g.identity(g.input(`x${index}`, "float32", shape)));
  body(g, inputs).forEach((value, index) => {
    g.output(value as Value, `out${index}`);
  });
  return g.build();
}

const wave = (shape: readonly number[], phase: number): Float32Tensor =>
  float32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.sin(1.3 * index + phase)),
    shape,
  );

/** The outputs of the graph and of its form, on the CPU, which runs both. */
async function bothWays(graph: Graph, shapes: readonly (readonly number[])[]) {
  const feeds = Object.fromEntries(shapes.map((shape, index) => [`x${index}`, wave(shape, index)]));
  const form = deviceForm(graph, "webgpu");
  return { form, expected: await runGraph(graph, feeds), found: await runGraph(form, feeds) };
}

interface Case {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly body: (g: GraphBuilder, inputs: Value[]) => readonly (Value | undefined)[];
  /** Operators that the form must not have. */
  readonly without: readonly string[];
}

const fused = (transA: number, transB: number, alpha: number) => ({
  domain: MICROSOFT,
  attributes: { transA: int(transA), transB: int(transB), alpha: float(alpha) },
});

const cases: readonly Case[] = [
  {
    name: "a product of matrices, the first transposed",
    shapes: [
      [3, 2],
      [3, 4],
    ],
    body: (g, [a, b]) => g.emit("FusedMatMul", [a, b], fused(1, 0, 0.5)),
    without: ["FusedMatMul", "Transpose"],
  },
  {
    name: "a product of stacks of matrices, the second transposed",
    shapes: [
      [2, 3, 4],
      [5, 4],
    ],
    body: (g, [a, b]) => g.emit("FusedMatMul", [a, b], fused(0, 1, 1)),
    without: ["FusedMatMul"],
  },
  { name: "a sum of three", shapes: [[2, 3], [3], [2, 1]], body: (g, terms) => [g.sum(...terms)], without: ["Sum"] },
  {
    name: "signs, zero's among them",
    shapes: [[7]],
    body: (g, [x]) => [g.sign(g.relu(x as Value)), g.sign(x as Value)],
    without: ["Sign"],
  },
  { name: "log-softmax along an axis", shapes: [[2, 3, 4]], body: (g, [x]) => [g.logSoftmax(x as Value, 1)], without: ["LogSoftmax"] },
  {
    name: "batch normalisation by the batch, with running averages",
    shapes: [[4, 3, 5], [3], [3], [3], [3]],
    body: (g, inputs) =>
      g.emit("BatchNormalization", inputs, {
        attributes: { training_mode: int(1), momentum: float(0.75), epsilon: float(0.01) },
        outputs: 3,
      }),
    without: ["BatchNormalization"],
  },
  {
    name: "batch normalisation of rows, as training emits it",
    shapes: [[5, 3], [3], [3]],
    body: (g, inputs) => Object.values(g.trainingBatchNormalization(...(inputs as [Value, Value, Value]))),
    without: ["BatchNormalization"],
  },
  {
    name: "what goes back from a pooling of separate windows",
    shapes: [[2, 3, 6, 4]],
    body: (g, [x]) => {
      const attributes = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
      const [y, positions] = g.emit("MaxPool", [x], { attributes, outputs: 2 });
      return g.emit("MaxUnpool", [y, positions, g.constant(int64([2, 3, 6, 4]))], { attributes: { kernel_shape: ints([1, 1]) } });
    },
    without: ["MaxUnpool"],
  },
];

describe("a step in WebGPU's operators", () => {
  it.each(cases)("gives the same: $name", async ({ shapes, body, without }) => {
    const { form, expected, found } = await bothWays(graphOf(shapes, body), shapes);
    expect(form.nodes.filter(({ op }) => without.includes(op))).toEqual([]);
    for (const [name, { data, shape }] of Object.entries(expected)) {
      const own = found[name] as Float32Tensor;
      expect(own.shape).toEqual(shape);
      (data as Float32Array).forEach((value, index) => {
        expect(own.data[index]).toBeCloseTo(value, 5);
      });
    }
  });

  it("finds maxima where the runtime finds them, whatever the window", async () => {
    const axis = fc.record({
      // No smaller than any window.
      size: fc.integer({ min: 5, max: 9 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      begin: fc.integer({ min: 0, max: 1 }),
      end: fc.integer({ min: 0, max: 1 }),
    });
    const windows = fc.record({ axes: fc.array(axis, { minLength: 1, maxLength: 2 }), ceil: fc.boolean(), steps: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(windows, async ({ axes, ceil, steps }) => {
        const shape = [2, 2, ...axes.map(({ size }) => size)];
        const attributes = {
          kernel_shape: ints(axes.map(({ kernel }) => kernel)),
          strides: ints(axes.map(({ stride }) => stride)),
          dilations: ints(axes.map(({ dilation }) => dilation)),
          // A window that lies in the padding alone has no maximum.
          pads: ints([
            ...axes.map(({ begin, kernel }) => Math.min(begin, kernel - 1)),
            ...axes.map(({ end, kernel }) => Math.min(end, kernel - 1)),
          ]),
          ceil_mode: int(Number(ceil)),
        };
        // Rounded, some neighbours are equal, and the first counts.
        const body = (g: GraphBuilder, [x]: Value[]) =>
          g.emit("MaxPool", [steps ? g.cast(g.cast(g.mul(x as Value, 2), "int32"), "float32") : x], { attributes, outputs: 2 });
        const { form, expected, found } = await bothWays(graphOf([shape], body), [shape]);
        // Only windows that begin in the padding are left as they are.
        if (!ceil) expect(leftToCpu(form)).toEqual([]);
        expect(found).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("leaves the hashing of dropout and very large windows to the CPU, and nothing else", () => {
    const graph = graphOf([[4], [1, 1, 9, 9]], (g, [seed, image]) => [
      g.mul(seed as Value, dropoutMask(g, g.reduceSum(seed as Value), [4], 0.5, 0)),
      ...g.emit("MaxPool", [image], { attributes: { kernel_shape: ints([9, 9]) }, outputs: 2 }),
    ]);
    const left = new Set(leftToCpu(deviceForm(graph, "webgpu")));
    const ops = new Set(graph.nodes.filter(({ name }) => left.has(name)).map(({ op }) => op));
    expect([...ops].sort()).toEqual(["Add", "BitShift", "BitwiseXor", "Cast", "GreaterOrEqual", "MaxPool", "Mul"]);
    expect(graph.nodes.filter(({ name }) => !left.has(name)).map(({ op }) => op)).toContain("Mul");
  });

  it("leaves to the CPU what fails on volumes, and the same of images to the device", () => {
    const shapes = [
      [1, 2, 3, 3, 3],
      [2, 1, 1, 1, 1],
      [2, 2, 1, 1, 1],
      [1, 2, 3, 3],
      [2, 1, 1, 1],
    ];
    const graph = graphOf(shapes, (g, [volume, grouped, whole, image, filters]) => [
      g.emit("Conv", [volume, grouped], { attributes: { group: int(2) } })[0],
      g.emit("Conv", [volume, whole])[0],
      g.emit("ConvTranspose", [volume, whole])[0],
      g.emit("Conv", [image, filters], { attributes: { group: int(2) } })[0],
    ]);
    expect(leftToCpu(graph)).toEqual(["Conv", "ConvTranspose"]);
  });

  it("is the graph itself on the CPU", () => {
    const graph = graphOf([[2], [2], [2]], (g, terms) => [g.sum(...terms)]);
    expect(deviceForm(graph, "cpu")).toBe(graph);
  });

  it("normalises by the batch on CUDA too, whose kernel would not", () => {
    const graph = graphOf([[5, 3], [3], [3]], (g, inputs) =>
      Object.values(g.trainingBatchNormalization(...(inputs as [Value, Value, Value]))),
    );
    expect(deviceForm(graph, "cuda").nodes.map(({ op }) => op)).not.toContain("BatchNormalization");
  });
});

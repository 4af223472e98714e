import { describe, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { float32, int64, zeros } from "../graph/tensor.ts";
import { bilstm } from "../nn/zoo/bilstm.ts";
import { lenet } from "../nn/zoo/lenet.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { profileGraph } from "./profile.ts";

function network(body: (g: GraphBuilder) => Value): Graph {
  const g = graphBuilder("network");
  g.output(body(g), "y");
  return g.build();
}
const input = (g: GraphBuilder, ...shape: (number | string)[]) => g.input("x", "float32", ["N", ...shape]);
const weight = (g: GraphBuilder, ...shape: number[]) => g.initializer("w", zeros("float32", shape));

describe("parameters", () => {
  test("Hinton's teacher, and LeNet-5", () => {
    expect(profileGraph(mlp({ inputShape: [784], hidden: [1200, 1200], classes: 10, seed: 1 })).parameters).toBe(2_395_210);
    expect(profileGraph(lenet({ inputShape: [1, 28, 28], classes: 10, seed: 1 })).parameters).toBe(61_706);
  });

  test("running statistics are buffers; scalars, axes and what no output needs are nothing", () => {
    const profile = profileGraph(
      network((g) => {
        weight(g, 100);
        const x = g.mul(input(g, 3, 8, 8), 0.5);
        const y = g.batchNormalization(x, weight(g, 3), weight(g, 3), weight(g, 3), weight(g, 3));
        return g.reduceMean(y, { axes: [2, 3] });
      }),
    );
    expect(profile).toMatchObject({ parameters: 6, buffers: 6 });
    // Four tensors of three floats, one scalar float, one int64 tensor of two axes.
    expect(profile.weightBytes).toBe(4 * 3 * 4 + 4 + 2 * 8);
  });

  test("a shared weight counts once, for the node that takes it first", () => {
    const profile = profileGraph(
      network((g) => {
        const w = weight(g, 4, 4);
        return g.matMul(g.relu(g.matMul(input(g, 4), w)), w);
      }),
    );
    expect(profile.parameters).toBe(16);
    expect(profile.nodes.map(({ op, parameters }) => [op, parameters])).toEqual([
      ["MatMul", 16],
      ["Relu", 0],
      ["MatMul", 0],
    ]);
  });
});

describe("work by hand", () => {
  test("a bidirectional LSTM, which takes five steps with all its weights", () => {
    const options = { embedding: 8, units: 4, hidden: 6, classes: 2, vocabulary: 20, seed: 1 };
    const { macs } = profileGraph(bilstm(options), { S: 5 });
    expect(macs).toBe(5 * 2 * (4 * 4 * 8 + 4 * 4 * 4) + 8 * 6 + 6 * 2);
  });

  test("Hinton's teacher", () => {
    const macs = 784 * 1200 + 1200 * 1200 + 1200 * 10;
    const profile = profileGraph(mlp({ inputShape: [784], hidden: [1200, 1200], classes: 10, seed: 1 }));
    // Each layer's bias adds once per unit; each ReLU is one operation per unit.
    expect(profile).toMatchObject({ macs, flops: 2 * macs + (1200 + 1200 + 10) + (1200 + 1200), batch: 1 });
    expect(profile.operators).toEqual([
      { op: "Gemm", count: 3, macs, flops: 2 * macs + 2410 },
      { op: "Relu", count: 2, macs: 0, flops: 2400 },
    ]);
  });

  test.each<[string, (g: GraphBuilder) => Value, { macs: number; flops: number }]>([
    // 16 filters × 8×8 places × (3/1 channels × 3×3).
    ["convolution", (g) => g.conv(input(g, 3, 8, 8), weight(g, 16, 3, 3, 3), undefined, { padding: 1 }), { macs: 27_648, flops: 55_296 }],
    // 8 filters × 4×4 places × (4/4 channels × 3×3), and one addition for the bias at each of 128 outputs.
    [
      "depthwise, strided, with bias",
      (g) => g.conv(input(g, 8, 8, 8), weight(g, 8, 1, 3, 3), weight(g, 8), { padding: 1, stride: 2, group: 8 }),
      { macs: 1_152, flops: 2_432 },
    ],
    // Each of 2×3×3 inputs spreads over 4 channels × 2×2.
    [
      "transposed convolution",
      (g) =>
        g.convTranspose(input(g, 2, 3, 3), weight(g, 2, 4, 2, 2), {
          kernel: [2, 2],
          strides: [2, 2],
          dilations: [1, 1],
          padsBegin: [0, 0],
          padsEnd: [0, 0],
        }),
      { macs: 288, flops: 576 },
    ],
    // 5 heads' worth of [2×3]·[3×4].
    ["batched product", (g) => g.matMul(input(g, 5, 2, 3), weight(g, 5, 3, 4)), { macs: 120, flops: 240 }],
    [
      "transposed product",
      (g) => g.matMul(input(g, 5, 3, 2), weight(g, 5, 4, 3), { transposeA: true, transposeB: true }),
      { macs: 120, flops: 240 },
    ],
    [
      "Gemm of a transposed input",
      (g) => g.gemm(g.reshape(input(g, 12), [3, 4]), weight(g, 3, 5), undefined, { transposeA: true }),
      { macs: 60, flops: 120 },
    ],
    ["activation", (g) => g.gelu(input(g, 10)), { macs: 0, flops: 10 }],
    ["broadcast addition", (g) => g.add(input(g, 1, 4), weight(g, 3, 1)), { macs: 0, flops: 12 }],
    ["sum of four", (g) => g.sum(input(g, 4), weight(g, 4), weight(g, 4), weight(g, 4)), { macs: 0, flops: 12 }],
    ["softmax", (g) => g.softmax(input(g, 10)), { macs: 0, flops: 50 }],
    ["layer normalisation", (g) => g.layerNormalization(input(g, 10), weight(g, 10)), { macs: 0, flops: 70 }],
    ["max pooling 3×3", (g) => g.maxPool(input(g, 2, 6, 6), [3, 3], { stride: 3 }), { macs: 0, flops: 72 }],
    ["global pooling", (g) => g.globalAveragePool(input(g, 2, 6, 6)), { macs: 0, flops: 72 }],
    ["mean", (g) => g.reduceMean(input(g, 6), { axes: [1] }), { macs: 0, flops: 6 }],
    ["moving elements", (g) => g.dropout(g.transpose(g.reshape(input(g, 6), [-1, 2, 3]), [0, 2, 1]), 0.5), { macs: 0, flops: 0 }],
  ])("%s", (_, body, work) => {
    const { macs, flops } = profileGraph(network(body));
    expect({ macs, flops }).toEqual(work);
  });
});

describe("peak memory of activations by hand", () => {
  test("a chain holds the input and two neighbours", () => {
    // x 4, w1 8, w2 2 elements: x (held by the caller) + first + second at once, 4 bytes each.
    const chain = network((g) => g.matMul(g.relu(g.matMul(input(g, 4), weight(g, 4, 8))), weight(g, 8, 2)));
    expect(profileGraph(chain).peakActivationBytes).toBe(4 * (4 + 8 + 8));
  });

  test("a shortcut keeps its start alive", () => {
    const residual = network((g) => {
      const x = g.matMul(input(g, 1), weight(g, 1, 8));
      return g.add(g.relu(g.exp(x)), x);
    });
    // At relu and at add: the input 1, x 8, and two more of 8.
    expect(profileGraph(residual).peakActivationBytes).toBe(4 * (1 + 8 + 8 + 8));
  });

  test("reshapes cost nothing", () => {
    expect(profileGraph(network((g) => g.flatten(g.relu(input(g, 2, 3))))).peakActivationBytes).toBe(4 * (6 + 6));
  });
});

describe("sizes", () => {
  const tokens = (g: GraphBuilder): Value => g.gather(weight(g, 100, 8), g.input("ids", "int64", ["N", "S"]), 0);

  test("the batch is one sample, other open sizes are asked for", () => {
    const graph = network((g) => g.matMul(tokens(g), weight(g, 8, 2)));
    expect(profileGraph(graph, { S: 16 }).macs).toBe(16 * 8 * 2);
    expect(() => profileGraph(graph)).toThrow('The size of "S" is open');
  });

  test("a fixed batch stays and is named", () => {
    const profile = profileGraph(network((g) => g.matMul(g.input("x", "float32", [4, 3]), weight(g, 3, 2))));
    expect(profile).toMatchObject({ batch: 4, macs: 4 * 3 * 2 });
  });

  test("a transposed weight that exporters leave in the graph is neither work nor a second weight", () => {
    const profile = profileGraph(network((g) => g.matMul(input(g, 3), g.transpose(weight(g, 2, 3), [1, 0]))));
    expect(profile).toMatchObject({ parameters: 6, weightBytes: 24, flops: 12, nodes: [{ op: "MatMul", parameters: 6 }] });
  });

  test("what depends on the data has no profile", () => {
    const graph = network((g) => {
      const limit = g.input("limit", "int64", []);
      return g.emit("Range", [g.constant(int64([0], [])), limit, g.constant(int64([1], []))], { name: "positions" })[0] as Value;
    });
    expect(() => profileGraph(graph)).toThrow('The size of "y" depends on what the graph is fed');
  });

  test("float16 weights are parameters of two bytes", () => {
    const graph = network((g) => g.cast(g.initializer("w", { type: "float16", shape: [3], data: new Uint16Array(3) }), "float32"));
    expect(profileGraph(graph)).toMatchObject({ parameters: 3, weightBytes: 6 });
    expect(profileGraph(network((g) => g.identity(g.initializer("w", float32([1, 2])))))).toMatchObject({ parameters: 2, weightBytes: 8 });
  });
});

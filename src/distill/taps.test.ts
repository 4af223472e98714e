import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { bertClassifier, bertEmbedder, bertMaskedLm } from "../nn/zoo/bert.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { buildArchitecture } from "../nn/zoo/zoo.ts";
import { listTaps } from "./taps.ts";

const image = { inputShape: [3, 32, 32], classes: 10, seed: 0 };
const shapesByAlias = (graph: Graph): Record<string, string> =>
  Object.fromEntries(listTaps(graph).flatMap(({ aliases, shape }) => aliases.map((alias) => [alias, shape.join("×")])));

it.each<[string, Graph, Record<string, string>]>([
  ["a plain network", mlp({ inputShape: [6], hidden: [8, 4], classes: 3, seed: 0 }), { pooled: "N×4", logits: "N×3", output: "N×3" }],
  [
    "a small convolutional network",
    smallCnn({ inputShape: [1, 8, 8], classes: 3, channels: [4, 8], depth: 2, seed: 0 }),
    { stage1: "N×4×8×8", stage2: "N×8×4×4", last: "N×8×4×4", pooled: "N×8", logits: "N×3", output: "N×3" },
  ],
  [
    "ResNet-20",
    buildArchitecture("resnet20", image),
    { stage1: "N×16×32×32", stage2: "N×32×16×16", stage3: "N×64×8×8", last: "N×64×8×8", pooled: "N×64", logits: "N×10", output: "N×10" },
  ],
])("names the parts of %s", (_, graph, expected) => {
  expect(shapesByAlias(graph)).toEqual(expected);
});

it("takes no expansion of an inverted bottleneck for the end of a stage", () => {
  const g = graphBuilder("inverted-bottlenecks");
  const conv = (x: Parameters<typeof g.conv>[0], outputs: number, stride = 1) => {
    const weight = g.initializer("weight", {
      type: "float32",
      shape: [outputs, Number(x.shape[1]), 1, 1],
      data: new Float32Array(outputs * Number(x.shape[1])),
    });
    return g.conv(x, weight, undefined, { stride });
  };
  const bottleneck = (x: Parameters<typeof g.conv>[0], outputs: number, stride: number) => conv(conv(conv(x, 24), 24, stride), outputs);
  let x = g.input("x", "float32", ["N", 3, 8, 8]);
  for (const [outputs, stride] of [
    [4, 1],
    [6, 2],
    [8, 2],
  ] as const)
    x = bottleneck(x, outputs, stride);
  g.output(g.flatten(g.globalAveragePool(x)), "logits");
  expect(shapesByAlias(g.build())).toMatchObject({ stage1: "N×4×8×8", stage2: "N×6×4×4", stage3: "N×8×2×2" });
});

const exported = (name: string): Graph => readOnnx(readFileSync(new URL(`../../test/golden/models/${name}.onnx`, import.meta.url)), name);

it.each<[string, Record<string, string>]>([
  ["resnet-bottleneck", { stage1: "relu_2", stage2: "relu_5", stage3: "relu_8", pooled: "view" }],
  [
    "mobilenet-v2",
    { stage1: "/features/features.1/Add_output_0", stage2: "/features/features.3/Add_output_0", pooled: "/Flatten_output_0" },
  ],
  ["vit", { block1: "/encoder/layers/encoder_layer_0/Add_1_output_0", block2: "/encoder/ln/LayerNormalization_output_0" }],
])("takes what no shortcut leads around for the end of a stage in an exported %s", (name, expected) => {
  const found = Object.fromEntries(listTaps(exported(name)).flatMap((tap) => tap.aliases.map((alias) => [alias, tap.name])));
  expect(found).toMatchObject(expected);
});

it("believes a network that names its own", () => {
  const g = graphBuilder("named");
  const [first] = g.emit("Relu", [g.input("x", "float32", ["N", 4])], { outputNames: ["stage7"] });
  g.output(g.softmax(first ?? g.scalar(0)), "logits");
  expect(listTaps(g.build())).toMatchObject([
    { name: "stage7", shape: ["N", 4], op: "Relu", aliases: ["stage7"] },
    { name: "logits", shape: ["N", 4], op: "Softmax", aliases: ["logits", "output"] },
  ]);
});

/** One block of self-attention over [N, T, 8] and a residual sum, normalised before or after. */
function transformer(blocks: number, norm: "pre" | "post"): Graph {
  const g = graphBuilder("transformer");
  const ones = (...shape: number[]) =>
    g.initializer("w", { type: "float32", shape, data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1) });
  const layerNorm = (x: Parameters<typeof g.relu>[0]) => g.layerNormalization(x, ones(8), ones(8));
  const attend = (x: Parameters<typeof g.relu>[0]) => {
    const scores = g.matMul(g.matMul(x, ones(8, 8)), g.transpose(x, [0, 2, 1]));
    return g.matMul(g.softmax(scores), x);
  };
  let x = g.input("x", "float32", ["N", 5, 8]);
  for (let block = 0; block < blocks; block++) {
    if (norm === "pre") {
      x = g.add(x, attend(layerNorm(x)));
      x = g.add(x, g.relu(layerNorm(x)));
    } else {
      x = layerNorm(g.add(x, attend(x)));
      x = layerNorm(g.add(x, g.relu(x)));
    }
  }
  g.output(g.reduceMean(x, { axes: [1] }), "features");
  return g.build();
}

it.each(["pre", "post"] as const)("finds blocks and attention of a transformer with %s-normalisation", (norm) => {
  const graph = transformer(2, norm);
  const taps = listTaps(graph).filter(({ aliases }) => aliases.some((alias) => /block|attention/.test(alias)));
  expect(taps.map(({ aliases, op, shape }) => [aliases[0], op, shape.join("×")])).toEqual([
    ["attention1", "Softmax", "N×5×5"],
    ["block1", norm === "pre" ? "Add" : "LayerNormalization", "N×5×8"],
    ["attention2", "Softmax", "N×5×5"],
    ["block2", norm === "pre" ? "Add" : "LayerNormalization", "N×5×8"],
  ]);
});

it("knows what a network of texts reads, guesses and gives", () => {
  const size = { layers: 2, hidden: 8, heads: 2, intermediate: 16 };
  const options = { vocabulary: 20, positions: 8, classes: 2, seed: 0 };
  expect(shapesByAlias(bertClassifier(size, { ...options, maskedLm: true }))).toMatchObject({
    embeddings: "N×S×8",
    mlm: "N×S×20",
    logits: "N×2",
    pooled: "N×8",
  });
  expect(shapesByAlias(bertMaskedLm(size, options))).toMatchObject({ embeddings: "N×S×8", mlm: "N×S×20" });
  const embedder = shapesByAlias(bertEmbedder(size, options));
  expect(embedder).toMatchObject({ last: "N×S×8", pooled: "N×8", output: "N×8" });
  expect(embedder).not.toHaveProperty("mlm");
  const named = Object.fromEntries(listTaps(exported("bert")).flatMap((tap) => tap.aliases.map((alias) => [alias, tap.name])));
  expect(named).toMatchObject({
    embeddings: "/model/bert/embeddings/LayerNorm/Add_1_output_0",
    block1: "/model/bert/encoder/layer.0/output/LayerNorm/Add_1_output_0",
    block2: named.last,
  });
});

it("tells what the attentions of ViT and BERT are computed from", () => {
  const vit = buildArchitecture("vit-tiny", { inputShape: [3, 32, 32], classes: 4, seed: 0, patch: 8 });
  const text = bertClassifier({ layers: 2, hidden: 8, heads: 2, intermediate: 16 }, { vocabulary: 20, positions: 8, classes: 2, seed: 0 });
  for (const [graph, width] of [
    [vit, 192],
    [text, 8],
  ] as const) {
    const taps = listTaps(graph);
    const byAlias = (alias: string) => taps.find(({ aliases }) => aliases.includes(alias));
    for (const part of ["query2", "key2", "value2"]) expect(byAlias(part)?.shape.at(-1), part).toBe(width);
    expect(new Set(["query2", "key2", "value2"].map((part) => byAlias(part)?.name)).size).toBe(3);
    expect(byAlias("scores2")?.shape).toEqual(byAlias("attention2")?.shape);
  }
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { float32, int64, type Tensor, widened, zeros } from "../graph/tensor.ts";
import { initializerRoles } from "../graph/weights.ts";
import { loadWeights } from "./load-weights.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { bert, bertClassifier } from "./zoo/bert.ts";
import { bilstm } from "./zoo/bilstm.ts";
import { resnet } from "./zoo/resnet.ts";

const size = { layers: 1, hidden: 16, heads: 2, intermediate: 24 };
const options = { vocabulary: 40, positions: 8, seed: 3 };
const classifier = (classes = 3): Graph => bertClassifier(size, { ...options, classes });
/** Of transformers' BertForSequenceClassification, with three classes. */
const saved = readFileSync(new URL("../../test/golden/bert.safetensors", import.meta.url));

/** Weights and running statistics by name. */
function weightsOf(graph: Graph): Map<string, Tensor> {
  const { parameters, buffers } = initializerRoles(graph);
  return new Map([...parameters, ...buffers].map((name) => [name, graph.initializers.get(name) as Tensor]));
}

/** The weights of a graph as a file, under other names. */
const fileOf = (graph: Graph, rename: (name: string) => string): Uint8Array =>
  writeSafetensors(new Map(Array.from(weightsOf(graph), ([name, tensor]) => [rename(name), tensor])));

/** What loading says, as one text. */
function complaint(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof LimbeckError) return error.message;
    throw error;
  }
  throw new Error("It was loaded.");
}

it("takes every weight from the file, and leaves the graph it was given", () => {
  const graph = classifier();
  const before = weightsOf(graph);
  expect(weightsOf(loadWeights(graph, saved))).toEqual(readSafetensors(saved));
  expect(weightsOf(graph)).toEqual(before);
});

it("takes running statistics too, and passes over what PyTorch counts", () => {
  const network = (seed: number) => resnet("resnet8", { inputShape: [3, 16, 16], classes: 4, seed, width: 0.25 });
  const weights = weightsOf(network(1));
  const statistics = [...weights.keys()].filter((name) => name.endsWith("running_mean"));
  expect(statistics.length).toBeGreaterThan(0);
  for (const name of statistics) {
    weights.set(name, float32(Float32Array.from(weights.get(name)?.data as Float32Array, (_, index) => index)));
    weights.set(name.replace("running_mean", "num_batches_tracked"), int64([5], []));
  }
  const loaded = weightsOf(loadWeights(network(2), writeSafetensors(weights)));
  for (const [name, tensor] of loaded) expect(tensor, name).toEqual(weights.get(name));
});

describe("a prefix that only one side has makes no difference:", () => {
  const loaded = weightsOf(loadWeights(classifier(), saved));
  it.each<[string, (name: string) => string]>([
    ["module. of DataParallel", (name) => `module.${name}`],
    ["model. of Lightning", (name) => `model.${name}`],
    ["two of them", (name) => `model.module.${name}`],
    ["bert. missing", (name) => name.replace(/^bert\./, "")],
    ["one instead of another", (name) => `module.${name.replace(/^bert\./, "")}`],
  ])("%s", (_, rename) => {
    expect(weightsOf(loadWeights(classifier(), fileOf(loadWeights(classifier(), saved), rename)))).toEqual(loaded);
  });

  it("bert. where the graph has none", () => {
    const graph = loadWeights(bert(size, options), saved, { ignore: ["classifier.*"] });
    for (const [name, tensor] of weightsOf(graph)) expect(tensor, name).toEqual(loaded.get(`bert.${name}`));
  });
});

it("knows gamma and beta of BERT's first files", () => {
  const rename = (name: string) => name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
  const graph = loadWeights(classifier(), saved);
  expect(weightsOf(loadWeights(classifier(), fileOf(graph, rename)))).toEqual(weightsOf(graph));
});

it("widens half precision and narrows double", () => {
  const weights = weightsOf(classifier());
  const bias = weights.get("classifier.bias") as Tensor;
  const inFile = (tensor: Tensor) => loadWeights(classifier(), writeSafetensors(new Map(weights).set("classifier.bias", tensor)));
  const half: Tensor = { type: "float16", shape: bias.shape, data: Uint16Array.of(0x3c00, 0xc000, 0x0001) };
  expect(inFile(half).initializers.get("classifier.bias")).toEqual(float32([1, -2, 2 ** -24]));
  const brain: Tensor = { type: "bfloat16", shape: bias.shape, data: Uint16Array.of(0x3f80, 0xc040, 0) };
  expect(inFile(brain).initializers.get("classifier.bias")).toEqual(widened(brain));
  const double: Tensor = { type: "float64", shape: bias.shape, data: Float64Array.of(0.1, 0.2, 0.3) };
  expect(inFile(double).initializers.get("classifier.bias")).toEqual(float32([0.1, 0.2, 0.3]));
  expect(() => inFile(zeros("int32", bias.shape))).toThrow(/"classifier.bias" is stored as int32/);
});

describe("what doesn't fit", () => {
  it("is listed in one message", () => {
    const weights = weightsOf(classifier(4));
    weights.delete("bert.pooler.dense.bias");
    weights.set("cls.predictions.bias", float32([1]));
    const message = complaint(() => loadWeights(classifier(3), writeSafetensors(weights)));
    expect(message).toContain('"bert-1-16"');
    expect(message).toContain("missing bert.pooler.dense.bias [16]");
    expect(message).toContain("classifier.weight is [4, 16], not [3, 16]");
    expect(message).toContain("classifier.bias is [4], not [3]");
    expect(message).toContain("unexpected cls.predictions.bias");
    expect(message.split(";")).toHaveLength(4);
  });

  it("may be ignored by name: a head keeps its weights, a tensor of the file is left out", () => {
    const weights = weightsOf(classifier(4)).set("cls.predictions.bias", float32([1]));
    const graph = classifier(3);
    const loaded = weightsOf(loadWeights(graph, writeSafetensors(weights), { ignore: ["classifier.*", "cls.*"] }));
    expect(loaded.get("classifier.weight")).toBe(graph.initializers.get("classifier.weight"));
    expect(loaded.get("bert.pooler.dense.weight")).toEqual(weights.get("bert.pooler.dense.weight"));
  });

  it("names the file, and says what to do", () => {
    expect(() => loadWeights(bilstm({ classes: 2, vocabulary: 9, seed: 1 }), saved, { source: "bert.safetensors" })).toThrow(
      expect.objectContaining({ where: "bert.safetensors", hint: expect.stringContaining("ignore") }),
    );
  });

  it("is not made to fit by dropping parts of names that keep tensors apart", () => {
    const weights = new Map([
      ["a.classifier.bias", float32([1, 2, 3])],
      ["b.classifier.bias", float32([4, 5, 6])],
    ]);
    expect(complaint(() => loadWeights(classifier(), writeSafetensors(weights)))).toMatch(/unexpected b\.classifier\.bias/);
  });
});

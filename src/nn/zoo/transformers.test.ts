import { describe, expect, it } from "vitest";
import { listTaps } from "../../distill/taps.ts";
import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { inferShapes } from "../../graph/rewrite/infer.ts";
import { float32, int64, type Tensor, toNumbers } from "../../graph/tensor.ts";
import { initializerRoles } from "../../graph/weights.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS } from "../text.ts";
import { bert, bertClassifier, bertMaskedLm } from "./bert.ts";
import { bilstm } from "./bilstm.ts";
import { distilbertClassifier } from "./distilbert.ts";
import { textCnn } from "./text-cnn.ts";
import { type VitConfiguration, vit } from "./vit.ts";

const size = { layers: 2, hidden: 16, heads: 2, intermediate: 32 };
const text = { vocabulary: 30, classes: 3, seed: 1 };
const smallest: VitConfiguration = { depth: 2, width: 16, heads: 2 };
const image = { inputShape: [3, 8, 8], classes: 3, seed: 1 };

const classifiers: Readonly<Record<string, (seed: number) => Graph>> = {
  bert: (seed) => bertClassifier(size, { ...text, seed }),
  distilbert: (seed) => distilbertClassifier({ ...text, size, seed }),
  "text-cnn": (seed) => textCnn({ ...text, embedding: 8, filters: 4, seed }),
  bilstm: (seed) => bilstm({ ...text, embedding: 8, units: 4, hidden: 5, seed }),
};

async function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const taken = Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name] as Tensor]));
  const results = await session.run(taken);
  await session.release();
  return results;
}

/** Texts, each filled up with `padding` to a common length. */
function batch(texts: readonly (readonly number[])[], length: number, padding: number): Record<string, Tensor> {
  const filled = (value: (token: number | undefined) => number) =>
    int64(
      texts.flatMap((tokens) => Array.from({ length }, (_, index) => value(tokens[index]))),
      [texts.length, length],
    );
  return {
    [INPUT_IDS]: filled((token) => token ?? padding),
    [ATTENTION_MASK]: filled((token) => (token === undefined ? 0 : 1)),
    [TOKEN_TYPE_IDS]: filled(() => 0),
  };
}

describe.each(Object.entries(classifiers))("%s", (_, build) => {
  it("answers for a text alone as for one among longer ones, whatever they are padded with", async () => {
    const graph = build(1);
    const [short, long] = [
      [4, 9, 2],
      [7, 3, 11, 28, 5, 6],
    ];
    const alone = toNumbers((await run(graph, batch([short], 3, 0))).logits as Tensor);
    for (const [length, padding] of [
      [6, 0],
      [9, 17],
    ] as const) {
      const { logits } = await run(graph, batch([long, short], length, padding));
      expect(logits?.shape).toEqual([2, 3]);
      toNumbers(logits as Tensor)
        .slice(3)
        .forEach((value, index) => {
          expect(value).toBeCloseTo(alone[index] as number, 5);
        });
    }
  });

  it("is the same for the same seed, and has other weights for another", () => {
    const [one, same, other] = [build(7), build(7), build(8)];
    expect(Buffer.from(writeOnnx(one)).equals(Buffer.from(writeOnnx(same)))).toBe(true);
    for (const name of initializerRoles(one).parameters.filter((weight) => weight.endsWith("weight") && !weight.includes("norm"))) {
      if ((one.initializers.get(name)?.shape.length ?? 0) > 1)
        expect(one.initializers.get(name), name).not.toEqual(other.initializers.get(name));
    }
  });
});

describe("values for hints:", () => {
  const shapes = (graph: Graph, names: RegExp) =>
    Object.fromEntries([...inferShapes(graph)].filter(([name]) => names.test(name)).map(([name, { shape }]) => [name, shape.join("x")]));
  const ofText = { query: "NxSx16", key: "NxSx16", value: "NxSx16", scores: "Nx2xSxS", probabilities: "Nx2xSxS" };
  const attention = (layer: string, parts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(parts).map(([part, shape]) => [`${layer}.${part}`, shape]));
  const everyLayer = {
    embeddings: "NxSx16",
    layer0: "NxSx16",
    layer1: "NxSx16",
    ...attention("layer0", ofText),
    ...attention("layer1", ofText),
  };

  it("BERT", () => {
    expect(shapes(bertClassifier(size, text), /^(embeddings|pooled|layer\d.*)$/)).toEqual({ ...everyLayer, pooled: "Nx16" });
    expect(shapes(bert(size, text), /^(embeddings|layer\d.*)$/)).toEqual(everyLayer);
    expect(bert(size, text).outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["last_hidden_state", ["N", "S", 16]],
      ["pooler_output", ["N", 16]],
    ]);
  });

  it("DistilBERT", () => {
    expect(shapes(distilbertClassifier({ ...text, size }), /^(embeddings|pooled|layer\d.*)$/)).toEqual({ ...everyLayer, pooled: "Nx16" });
  });

  it("ViT: 4 patches and the class token", () => {
    const parts = { query: "Nx5x16", key: "Nx5x16", value: "Nx5x16", scores: "Nx2x5x5", probabilities: "Nx2x5x5" };
    const blocks = { block1: "Nx5x16", block2: "Nx5x16", ...attention("block1", parts), ...attention("block2", parts) };
    expect(shapes(vit(smallest, image), /^(pooled|block\d.*)$/)).toEqual({ ...blocks, pooled: "Nx16" });
  });

  it("are found by what they are, too", () => {
    const aliases = (graph: Graph) => listTaps(graph).flatMap(({ name, aliases }) => aliases.map((alias) => [alias, name]));
    expect(Object.fromEntries(aliases(vit(smallest, image)))).toMatchObject({
      block1: "block1",
      block2: "block2",
      attention1: "block1.probabilities",
      attention2: "block2.probabilities",
      pooled: "pooled",
    });
    expect(Object.fromEntries(aliases(bertClassifier(size, text)))).toMatchObject({
      block1: "layer0",
      block2: "layer1",
      attention1: "layer0.probabilities",
      attention2: "layer1.probabilities",
      pooled: "pooled",
    });
  });

  it("attention leaves padding out", async () => {
    const graph = bert(size, text);
    const probabilities = inferShapes(graph).get("layer1.probabilities");
    const outputs = probabilities ? [probabilities] : [];
    const { data } = (await run({ ...graph, outputs }, batch([[4, 9]], 3, 5)))["layer1.probabilities"] as Tensor;
    const rows = Array.from({ length: 6 }, (_, row) => Array.from(data as Float32Array).slice(3 * row, 3 * row + 3));
    for (const [first = 0, second = 0, third] of rows) {
      expect(third).toBe(0);
      expect(first + second).toBeCloseTo(1, 6);
    }
  });
});

it("a masked language model has one weight for the words that it reads and guesses", () => {
  const graph = bertMaskedLm(size, text);
  const words = [...graph.initializers].filter(([, { shape }]) => shape.join() === "30,16").map(([name]) => name);
  expect(words).toEqual(["bert.embeddings.word_embeddings.weight"]);
  expect(graph.outputs[0]?.shape).toEqual(["N", "S", 30]);
});

describe("a vision transformer", () => {
  const positions = (options: object) => vit(smallest, { ...image, ...options }).initializers.get("pos_embed")?.shape[1];

  it("has a token for each patch of 16×16, or of 4×4 of a small image, and one for the class", () => {
    expect(positions({ inputShape: [3, 224, 224] })).toBe(14 * 14 + 1);
    expect(positions({ inputShape: [3, 32, 32] })).toBe(8 * 8 + 1);
    expect(positions({ inputShape: [1, 28, 56], patch: 7 })).toBe(4 * 8 + 1);
  });

  it("that is distilled answers with the mean of its two heads", async () => {
    const graph = vit({ ...smallest, isDistilled: true }, image);
    const values = inferShapes(graph);
    const outputs = ["logits", "logits.class", "logits.distillation"].flatMap((name) => values.get(name) ?? []);
    const input = float32(
      Float32Array.from({ length: 3 * 64 }, (_, index) => Math.sin(index)),
      [1, 3, 8, 8],
    );
    const results = await run({ ...graph, outputs }, { input });
    const [both, ofClass, ofDistillation] = outputs.map(({ name }) => toNumbers(results[name] as Tensor)) as [number[], number[], number[]];
    expect(ofClass).not.toEqual(ofDistillation);
    both.forEach((value, index) => {
      expect(value).toBeCloseTo(((ofClass[index] as number) + (ofDistillation[index] as number)) / 2, 6);
    });
  });

  it.each<[string, () => Graph, RegExp]>([
    ["a patch that doesn't divide the image", () => vit(smallest, { ...image, patch: 3 }), /8×8 can't be cut into patches of 3×3/],
    ["plain features", () => vit("vit-tiny", { ...image, inputShape: [20] }), /vit-tiny takes images/],
    [
      "heads that don't share the features out",
      () => vit({ ...smallest, heads: 3 }, image),
      /16 features can't be shared out among 3 heads/,
    ],
  ])("refuses %s", (_, build, message) => {
    expect(build).toThrow(message);
    expect(build).toThrow(LimbeckError);
  });
});

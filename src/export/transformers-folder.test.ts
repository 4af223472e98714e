import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { env, pipeline } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTokenizerDirectory } from "../data/node/tokenizer-directory.ts";
import { tokenBatch } from "../data/token-batch.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { bindDimensions } from "../graph/rewrite/infer.ts";
import type { Tensor } from "../graph/tensor.ts";
import { SEQUENCE } from "../nn/text.ts";
import { bilstm } from "../nn/zoo/bilstm.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { importModel, writeImported } from "../run/import.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { exportForTransformers, transformersFolder } from "./transformers-folder.ts";

const pretrained = fileURLToPath(new URL("../../test/golden/pretrained/", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "limbeck-transformers-"));
afterAll(() => rmSync(scratch, { recursive: true }));
beforeAll(() => {
  env.allowRemoteModels = false;
});
const LOCAL = { local_files_only: true } as const;

const texts = ["The old captain remembers the harbour at dawn.", "Nobody loves it", "naïve café owners? 中文 😀".repeat(12)];
const LONGEST = 64;

/** What our own session gives for the texts, each by itself. */
async function ours(graph: Graph, output: string): Promise<number[][]> {
  const tokenizer = await openTokenizerDirectory(join(pretrained, "bert"));
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const found: number[][] = [];
  for (const text of texts) {
    const encoding = tokenizer.encode(text);
    // Unlike Python's, transformers.js cuts long texts with their last special token.
    const batch = tokenBatch([encoding], { length: Math.min(encoding.ids.length, LONGEST) });
    const feeds = Object.fromEntries(graph.inputs.map(({ name }) => [name, batch[name] as Tensor]));
    found.push(Array.from((await session.run(feeds))[output]?.data as Float32Array));
  }
  await session.release();
  return found;
}

const softmax = (logits: readonly number[]): number[] => {
  const powers = logits.map(Math.exp);
  return powers.map((power) => power / powers.reduce((a, b) => a + b));
};

/** Imports one of the small models and writes it for transformers.js. */
async function exported(name: string, labels?: readonly string[]) {
  const imported = await importModel(join(pretrained, name));
  const model = join(scratch, name, "model.onnx");
  await writeImported(imported, model);
  const folder = join(scratch, name, "folder");
  return { graph: imported.graph, folder, model, ...(await exportForTransformers(model, folder, { labels })) };
}

describe("what @huggingface/transformers opens", () => {
  it.each(["bert", "distilbert"])("classifies texts as our own session does: %s", async (name) => {
    const labels = ["no", "yes", "maybe"];
    const { graph, folder, task } = await exported(name, labels);
    expect(task).toBe("text-classification");
    const classify = await pipeline("text-classification", folder, LOCAL);
    const found = (await classify(texts, { top_k: 3 })) as unknown as { label: string; score: number }[][];
    const expected = (await ours(graph, "logits")).map(softmax);
    found.forEach((scores, text) => {
      for (const { label, score } of scores) expect(score).toBeCloseTo(expected[text]?.[labels.indexOf(label)] as number, 5);
    });
    await classify.dispose();
  });

  it("makes the sentence embeddings that our own session makes", async () => {
    const { graph, folder, task } = await exported("sentences");
    expect(task).toBe("feature-extraction");
    const embed = await pipeline("feature-extraction", folder, LOCAL);
    const found = (await embed(texts, { pooling: "mean", normalize: true })).tolist() as number[][];
    const expected = await ours(graph, "sentence_embedding");
    found.forEach((vector, text) => {
      vector.forEach((value, index) => expect(value).toBeCloseTo(expected[text]?.[index] as number, 5));
    });
    await embed.dispose();
  });
});

describe("the folder", () => {
  const tokenizer = readFileSync(join(pretrained, "bert", "tokenizer.json"));
  const of = (graph: Graph, labels?: readonly string[]) =>
    transformersFolder(graph, { bytes: writeOnnx(graph), tokenizer, labels, source: "student.onnx" });
  const student = (vocabulary = 700) => bilstm({ vocabulary, embedding: 4, units: 3, hidden: 4, classes: 2, seed: 1 });

  it("names special tokens and classes where nothing says how", () => {
    const { files } = of(student());
    expect(JSON.parse(files["config.json"] as string)).toMatchObject({ id2label: { 0: "LABEL_0", 1: "LABEL_1" } });
    expect(JSON.parse(files["tokenizer_config.json"] as string)).toMatchObject({
      pad_token: "[PAD]",
      cls_token: "[CLS]",
      mask_token: "[MASK]",
    });
  });
  it("cuts texts where the model has no more positions", async () => {
    const { graph } = await importModel(join(pretrained, "bert"));
    expect(JSON.parse(of(graph).files["tokenizer_config.json"] as string)).toMatchObject({ model_max_length: LONGEST });
  });
  it("is not written over another", async () => {
    const { model, folder } = await exported("bert", ["no", "yes", "maybe"]);
    await expect(exportForTransformers(model, folder, { labels: ["a", "b", "c"] })).rejects.toThrow(/another file of this name/);
    await expect(exportForTransformers(model, join(scratch, "new"), { tokenizer: scratch })).rejects.toThrow(/no such file/);
    expect(existsSync(join(scratch, "new"))).toBe(false);
  });
  it.each<[what: string, graph: () => Graph, labels: readonly string[] | undefined, message: RegExp]>([
    ["a network of images", () => mlp({ inputShape: [4], hidden: [4], classes: 2, seed: 1 }), undefined, /takes input, not input_ids/],
    ["texts of one length", () => bindDimensions(student(), { [SEQUENCE]: 8 }), undefined, /is \[N, 8\]; it must take any number/],
    ["a smaller vocabulary", () => student(699), undefined, /has 700 tokens, but the model knows only 699/],
    ["too few labels", () => student(), ["one"], /There are 1 labels \(one\), but the model tells 2 classes apart/],
    ["equal labels", () => student(), ["one", "one"], /There are 2 labels/],
    [
      "another output",
      () => ({ ...student(), outputs: student().outputs.map((value) => ({ ...value, name: "other" })) }),
      undefined,
      /neither logits nor/,
    ],
  ])("refuses %s", (_, graph, labels, message) => {
    expect(() => of(graph(), labels)).toThrow(message);
  });
});

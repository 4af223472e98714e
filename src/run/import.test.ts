import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { int64, type Tensor } from "../graph/tensor.ts";
import { readSafetensors, writeSafetensors } from "../nn/safetensors.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { importModel, writeImported } from "./import.ts";
import { readOnnxFile } from "./onnx-file.ts";

const golden = fileURLToPath(new URL("../../test/golden/pretrained/", import.meta.url));
const folder = (name: string): string => join(golden, name);

interface Encoded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
/** What PyTorch says (scripts/golden/pretrained.py). */
interface Golden {
  readonly inputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly bert: {
    readonly logits: Encoded;
    readonly hidden: readonly Encoded[];
    readonly pooled: Encoded;
    readonly layers: { readonly "2,0": Encoded };
  };
  readonly distilbert: { readonly logits: Encoded; readonly hidden: readonly Encoded[] };
  readonly "masked-lm": Encoded;
  readonly "distil-masked-lm": Encoded;
  readonly sentences: { readonly last_hidden_state: Encoded; readonly sentence_embedding: Encoded };
}
const expected = JSON.parse(readFileSync(join(golden, "golden.json"), "utf8")) as Golden;

const scratch = mkdtempSync(join(tmpdir(), "limbeck-import-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let copies = 0;
/** A copy of one of the folders, to be changed. */
function copyOf(name: string): string {
  const copy = join(scratch, String(copies++));
  cpSync(folder(name), copy, { recursive: true });
  return copy;
}

/** Runs a network of texts on the golden inputs; inner values may be asked for too. */
async function run(graph: Graph, inner: readonly string[] = []): Promise<Record<string, Tensor>> {
  const values = inferShapes(graph);
  const outputs = [...graph.outputs, ...inner.map((name) => values.get(name) as Value)];
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx({ ...graph, outputs }));
  const feeds = graph.inputs.map(({ name }) => {
    const rows = expected.inputs[name] ?? [];
    return [name, int64(rows.flat(), [rows.length, rows[0]?.length ?? 0])] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return results;
}

/** Of padding, whose numbers mean nothing, PyTorch's and ours may differ. */
const mask = (expected.inputs.attention_mask ?? []).flat();
function distance(found: Tensor | undefined, { shape, data }: Encoded): number {
  expect(found?.shape).toEqual(shape);
  const features = shape.length === 3 ? (shape[2] as number) : data.length / (shape[0] as number);
  const counts = (index: number) => shape.length < 3 || mask[Math.floor(index / features)] === 1;
  return data.reduce((worst, value, index) => (counts(index) ? Math.max(worst, Math.abs(Number(found?.data[index]) - value)) : worst), 0);
}

describe("gives what transformers gives", () => {
  it("of a classifier, with all that is inside", async () => {
    const { graph, head, fresh, leftOut } = await importModel(folder("bert"));
    expect([head.kind, fresh, leftOut]).toEqual(["classification", [], []]);
    const inner = ["embeddings", "layer0", "layer1", "layer2"];
    const results = await run(graph, inner);
    expect(distance(results.logits, expected.bert.logits)).toBeLessThan(1e-5);
    inner.forEach((name, index) => {
      expect(distance(results[name], expected.bert.hidden[index] as Encoded), name).toBeLessThan(1e-5);
    });
  });
  it("of its encoder alone", async () => {
    const { graph, leftOut } = await importModel(folder("bert"), { head: "none" });
    const { last_hidden_state, pooler_output } = await run(graph);
    expect(distance(last_hidden_state, expected.bert.hidden[3] as Encoded)).toBeLessThan(1e-5);
    expect(distance(pooler_output, expected.bert.pooled)).toBeLessThan(1e-5);
    expect(leftOut.toSorted()).toEqual(["classifier.bias", "classifier.weight"]);
  });
  it("of some of its layers, in another order", async () => {
    const { graph } = await importModel(folder("bert"), { layers: [2, 0] });
    expect(distance((await run(graph)).logits, expected.bert.layers["2,0"])).toBeLessThan(1e-5);
  });
  it("of a DistilBERT in several files", async () => {
    const { graph } = await importModel(folder("distilbert"));
    const results = await run(graph, ["embeddings", "layer2"]);
    expect(distance(results.logits, expected.distilbert.logits)).toBeLessThan(1e-5);
    expect(distance(results.embeddings, expected.distilbert.hidden[0] as Encoded)).toBeLessThan(1e-5);
    expect(distance(results.layer2, expected.distilbert.hidden[3] as Encoded)).toBeLessThan(1e-5);
    const encoder = await importModel(folder("distilbert"), { head: "none" });
    expect(distance((await run(encoder.graph)).last_hidden_state, expected.distilbert.hidden[3] as Encoded)).toBeLessThan(1e-5);
  });
  it("of a sentence encoder", async () => {
    const { graph, head } = await importModel(folder("sentences"));
    expect(head).toEqual({ kind: "embeddings", pooling: "mean", normalize: true });
    const { sentence_embedding, last_hidden_state } = await run(graph);
    expect(distance(sentence_embedding, expected.sentences.sentence_embedding)).toBeLessThan(1e-6);
    expect(distance(last_hidden_state, expected.sentences.last_hidden_state)).toBeLessThan(1e-5);
  });
  it.each(["masked-lm", "distil-masked-lm"] as const)("of a %s, whose words are one weight", async (name) => {
    const { graph, fresh, leftOut } = await importModel(folder(name), { head: "masked-lm" });
    expect([fresh, leftOut]).toEqual([[], []]);
    expect(distance(firstWords((await run(graph)).logits), expected[name])).toBeLessThan(1e-5);
    expect([...graph.initializers].filter(([, { shape }]) => shape.join() === "700,16")).toHaveLength(1);
  });
  it("of a model in an ONNX file", async () => {
    const { graph } = await importModel(folder("exported"), { head: "embeddings" });
    expect(distance((await run(graph)).sentence_embedding, expected.sentences.sentence_embedding)).toBeLessThan(1e-6);
  });
});

it("takes the weights of a quantised ONNX file, to half a step of its integers", async () => {
  const copy = copyOf("exported");
  rmSync(join(copy, "onnx/model.onnx"));
  const { graph } = await importModel(copy);
  const exact = readSafetensors(readFileSync(join(folder("sentences"), "model.safetensors")));
  for (const [name, tensor] of graph.initializers) {
    const whole = exact.get(name);
    if (!whole || tensor.type !== "float32") continue;
    const values = whole.data as Float32Array;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = values.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(tensor.data[index]))), 0);
    expect(worst, name).toBeLessThan(largest / 120);
  }
  expect(distance((await run(graph)).last_hidden_state, expected.sentences.last_hidden_state)).toBeLessThan(0.2);
});

/** Of scores, those of the first twenty words. */
function firstWords(scores: Tensor | undefined): Tensor {
  const { shape, data: all } = scores as Tensor;
  const [samples, tokens, words] = shape as [number, number, number];
  const data = (all as Float32Array).filter((_, index) => index % words < 20);
  return { type: "float32", shape: [samples, tokens, 20], data };
}

describe("a head that guesses words", () => {
  it.each(["masked-lm", "distil-masked-lm"] as const)("stands beside a new classifier: %s", async (name) => {
    const { graph, fresh } = await importModel(folder(name), { head: "masked-lm", classes: 3, seed: 4 });
    expect(graph.outputs.map((output) => output.name)).toEqual(["logits", "mlm"]);
    expect(fresh.every((weight) => /pooler|pre_classifier|classifier/.test(weight))).toBe(true);
    const { logits, mlm } = await run(graph);
    expect(logits?.shape).toEqual([3, 3]);
    expect(distance(firstWords(mlm), expected[name])).toBeLessThan(1e-5);
    const classifier = await importModel(folder(name), { classes: 3, seed: 4 });
    expect((await run(classifier.graph)).logits?.data).toEqual(logits?.data);
    expect(classifier.leftOut.some((weight) => /cls|vocab/.test(weight))).toBe(true);
  });
  it("is told under its second name, and is refused where its words are others than those that are read", async () => {
    const copy = copyOf("masked-lm");
    const path = join(copy, "model.safetensors");
    const tensors = new Map(readSafetensors(readFileSync(path)));
    const words = tensors.get("bert.embeddings.word_embeddings.weight") as Tensor;
    tensors.set("cls.predictions.decoder.weight", words).set("cls.predictions.decoder.bias", tensors.get("cls.predictions.bias") as Tensor);
    tensors.delete("cls.predictions.bias");
    writeFileSync(path, writeSafetensors(tensors));
    const { graph } = await importModel(copy, { head: "masked-lm" });
    expect(distance(firstWords((await run(graph)).logits), expected["masked-lm"])).toBeLessThan(1e-5);
    tensors.set("cls.predictions.decoder.weight", { ...words, data: (words.data as Float32Array).map((value) => value + 1) });
    writeFileSync(path, writeSafetensors(tensors));
    await expect(importModel(copy, { head: "masked-lm" })).rejects.toThrow(/by a matrix of its own, "cls.predictions.decoder.weight"/);
  });
  it("is refused where a model has none", async () => {
    await expect(importModel(folder("bert"), { head: "masked-lm" })).rejects.toThrow(/no head that guesses masked words/);
  });
});

describe("draws a head anew", () => {
  it("for other classes, and keeps the rest", async () => {
    const { graph, fresh, leftOut } = await importModel(folder("bert"), { classes: 5 });
    expect(fresh).toEqual(["classifier.weight", "classifier.bias"]);
    expect(leftOut.toSorted()).toEqual(["classifier.bias", "classifier.weight"]);
    const { logits, pooled } = await run(graph, ["pooled"]);
    expect(logits?.shape).toEqual([3, 5]);
    expect(distance(pooled, expected.bert.pooled)).toBeLessThan(1e-5);
  });
  it("for a model without one, by the seed", async () => {
    const weight = async (seed: number) =>
      (await importModel(folder("sentences"), { classes: 4, seed })).graph.initializers.get("classifier.weight")?.data;
    expect(await weight(1)).toEqual(await weight(1));
    expect(await weight(1)).not.toEqual(await weight(2));
  });
  it("with its pooler, where an encoder has none", async () => {
    const { fresh } = await importModel(folder("exported"), { head: "classification", classes: 2 });
    expect(fresh).toEqual(["bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"]);
    expect((await importModel(folder("exported"))).graph.outputs.map(({ name }) => name)).toEqual(["last_hidden_state"]);
  });
});

describe("writes", () => {
  it("the ONNX file and the tokenizer beside it, and nothing over another", async () => {
    const out = join(scratch, "written", "student.onnx");
    const imported = await importModel(folder("bert"));
    const written = await writeImported(imported, out);
    const beside = (name: string) => join(scratch, "written", name);
    expect(written).toEqual([out, beside("tokenizer.json"), beside("tokenizer_config.json")]);
    expect(readFileSync(beside("tokenizer.json"))).toEqual(readFileSync(join(folder("bert"), "tokenizer.json")));
    expect(distance((await run((await readOnnxFile(out)).graph)).logits, expected.bert.logits)).toBeLessThan(1e-5);
    await writeImported(imported, out);
    await writeImported(imported, beside("second.onnx"));
    writeFileSync(beside("tokenizer.json"), "{}");
    await expect(writeImported(imported, beside("third.onnx"))).rejects.toThrow(/another file of this name/);
    expect(existsSync(beside("third.onnx"))).toBe(false);
  });
});

describe("refuses with one message", () => {
  const json = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, "utf8"));
  const change = (path: string, keys: object) => writeFileSync(path, JSON.stringify({ ...json(path), ...keys }));
  const configured = (keys: object) => (copy: string) => change(join(copy, "config.json"), keys);
  const weights = (copy: string, changed: (tensors: Map<string, Tensor>) => void) => {
    const path = join(copy, "model.safetensors");
    const tensors = new Map(readSafetensors(readFileSync(path)));
    changed(tensors);
    writeFileSync(path, writeSafetensors(tensors));
  };
  const query = "bert.encoder.layer.1.attention.self.query.weight";

  it.each<[what: string, from: string, spoil: (copy: string) => void, message: RegExp]>([
    ["a folder without a model", "bert", (copy) => rmSync(join(copy, "config.json")), /There is no config\.json/],
    ["no weights", "bert", (copy) => rmSync(join(copy, "model.safetensors")), /There are no weights/],
    ["a config.json that is cut", "bert", (copy) => writeFileSync(join(copy, "config.json"), "{"), /not JSON/],
    ["another kind of model", "bert", configured({ model_type: "gpt2" }), /of the type "gpt2"/],
    ["another activation", "bert", configured({ hidden_act: "relu" }), /hidden_act/],
    ["relative positions", "bert", configured({ position_embedding_type: "relative_key" }), /position_embedding_type/],
    ["a model that is larger than any file", "bert", configured({ hidden_size: 2 ** 20 }), /more than one ONNX file/],
    ["a negative size", "bert", configured({ num_hidden_layers: -1 }), /num_hidden_layers/],
    ["heads that don't divide the features", "bert", configured({ num_attention_heads: 3 }), /16 features can't be shared/],
    ["layers that are missing", "bert", configured({ num_hidden_layers: 5 }), /missing bert\.encoder\.layer\.3\..* and 20 more/],
    ["layers too many", "bert", configured({ num_hidden_layers: 2 }), /no place for bert\.encoder\.layer\.2\./],
    ["sizes that differ", "bert", configured({ intermediate_size: 20 }), /another shape: .*\[24, 16\], not \[20, 16\]/],
    [
      "a weight that is missing",
      "bert",
      (copy) => weights(copy, (tensors) => tensors.delete(query)),
      /missing .*layer\.1\.attention\.self\.query/,
    ],
    [
      "a tensor of something else",
      "bert",
      (copy) => weights(copy, (tensors) => tensors.set("bert.adapter.weight", tensors.get(query) as Tensor)),
      /no place for bert\.adapter\.weight/,
    ],
    [
      "a weight of integers",
      "bert",
      (copy) => weights(copy, (tensors) => tensors.set(query, int64(Array(256).fill(1), [16, 16]))),
      /stored as int64/,
    ],
    [
      "an index that leaves its folder",
      "distilbert",
      (copy) => change(join(copy, "model.safetensors.index.json"), { weight_map: { a: "../bert/model.safetensors" } }),
      /names "\.\.\/bert\/model\.safetensors"/,
    ],
    ["a missing piece", "distilbert", (copy) => rmSync(join(copy, "model-00002-of-00003.safetensors")), /There is no such file/],
    [
      "pooling of another kind",
      "sentences",
      (copy) => change(join(copy, "1_Pooling/config.json"), { pooling_mode_max_tokens: true }),
      /pooled in a way/,
    ],
    [
      "a module of another kind",
      "sentences",
      (copy) => writeFileSync(join(copy, "modules.json"), '[{"type":"sentence_transformers.models.Dense"}]'),
      /isn't built here: Dense/,
    ],
  ])("%s", async (_, from, spoil, message) => {
    const copy = copyOf(from);
    spoil(copy);
    const error = await importModel(copy).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(LimbeckError);
    expect((error as Error).message).toMatch(message);
  });

  it.each([
    ["layers that are not there", { layers: [0, 3] }, /no layer 3/],
    ["no layers", { layers: [] }, /none is named/],
    ["a layer twice", { layers: [1, 1] }, /named twice/],
    ["classes without a classifier", { head: "embeddings" as const, classes: 2 }, /another head/],
  ])("%s", async (_, options, message) => {
    await expect(importModel(folder("bert"), options)).rejects.toThrow(message);
  });
  it("a classifier of no known number of classes", async () => {
    await expect(importModel(folder("sentences"), { head: "classification" })).rejects.toThrow(/number of classes must be given/);
  });
});

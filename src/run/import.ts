import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import type { Tensor } from "../graph/tensor.ts";
import { encoderConfiguration } from "../nn/pretrained/configuration.ts";
import { type Head, type PretrainedEncoder, pretrainedEncoder } from "../nn/pretrained/encoder.ts";
import { tensorsOfOnnx } from "../nn/pretrained/onnx-tensors.ts";
import { readSafetensors } from "../nn/safetensors.ts";
import type { EmbeddingOptions } from "../nn/text.ts";
import { fileError, readBytes, readIfThere, writeNew } from "./files.ts";
import { readOnnxFile } from "./onnx-file.ts";

export interface ImportOptions {
  /** What the network ends in; what the folder says unless given: its classifier, its sentence embeddings, or nothing. */
  readonly head?: Head["kind"];
  /** Classes to tell apart; those of the stored classifier unless given. With the head "masked-lm", of a classifier beside it. */
  readonly classes?: number;
  /** Numbers of the layers to keep, from 0. */
  readonly layers?: readonly number[];
  /** Of new weights. */
  readonly seed?: number;
}

export interface Imported extends PretrainedEncoder {
  readonly head: Head;
  /** The files of the tokenizer, by name. */
  readonly tokenizer: Readonly<Record<string, Uint8Array>>;
}

const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
/** ONNX files where weights are looked for if there are no safetensors, the best first. */
const ONNX_FILES = ["model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx"];
/** Of a JSON file; the index of a model in many pieces has some hundred bytes for each tensor. */
const MOST_JSON_BYTES = 64 * 2 ** 20;

/**
 * Reads a folder in which transformers or sentence-transformers has saved a BERT or DistilBERT: `config.json`, the weights in
 * `model.safetensors`, in several such files, or in an ONNX file, and the tokenizer.
 *
 * @throws LimbeckError when files are missing or damaged, when the model is of another kind, or when config.json and weights don't agree.
 */
export async function importModel(directory: string, options: ImportOptions = {}): Promise<Imported> {
  const path = join(directory, "config.json");
  const json = await readJson(path);
  if (json === undefined) {
    throw new LimbeckError("There is no config.json.", {
      where: directory,
      hint: "Give a folder in which transformers has saved a model.",
    });
  }
  const configuration = encoderConfiguration(json, path);
  const tensors = await readTensors(directory);
  const head = await headOf(directory, options, tensors);
  const encoder = pretrainedEncoder(configuration, tensors, { head, layers: options.layers, seed: options.seed, source: directory });
  const files = await Promise.all(TOKENIZER_FILES.map(async (name) => [name, await readIfThere(join(directory, name))] as const));
  return { ...encoder, head, tokenizer: Object.fromEntries(files.flatMap(([name, bytes]) => (bytes ? [[name, bytes]] : []))) };
}

/**
 * Writes what was imported: the ONNX file, and the tokenizer beside it.
 *
 * @returns The paths of the files.
 * @throws LimbeckError when other files are there already; nothing is written then.
 */
export async function writeImported({ graph, tokenizer }: Imported, out: string): Promise<readonly string[]> {
  const beside = Object.entries(tokenizer).map(([name, bytes]) => [join(dirname(out), name), bytes] as const);
  const files = Object.fromEntries([[out, writeOnnx(graph)] as const, ...beside]);
  await writeNew(files);
  return Object.keys(files);
}

async function readTensors(directory: string): Promise<ReadonlyMap<string, Tensor>> {
  const whole = join(directory, "model.safetensors");
  if (await isThere(whole)) return readSafetensors(await readBytes(whole), whole);
  const shards = await shardsOf(directory);
  if (shards) {
    const tensors = new Map<string, Tensor>();
    for (const path of shards) for (const [name, tensor] of readSafetensors(await readBytes(path), path)) tensors.set(name, tensor);
    return tensors;
  }
  for (const path of ONNX_FILES.map((name) => join(directory, name))) {
    if (await isThere(path)) return tensorsOfOnnx((await readOnnxFile(path)).graph);
  }
  throw new LimbeckError("There are no weights.", {
    where: directory,
    hint: `Looked for model.safetensors, model.safetensors.index.json, ${ONNX_FILES.join(", ")}. From pytorch_model.bin, transformers' save_pretrained makes the first.`,
  });
}

const indexShape = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** The files that model.safetensors.index.json names, in the same folder. */
async function shardsOf(directory: string): Promise<readonly string[] | undefined> {
  const path = join(directory, "model.safetensors.index.json");
  const json = await readJson(path);
  if (json === undefined) return undefined;
  const index = indexShape.safeParse(json);
  if (!index.success) throw new LimbeckError("The index of the model's files has no weight_map of names.", { where: path });
  const names = [...new Set(Object.values(index.data.weight_map))];
  const outside = names.find((name) => !name.endsWith(".safetensors") || name !== basename(name) || name.includes("\\"));
  if (outside !== undefined) {
    throw new LimbeckError(`The index of the model's files names "${outside}", which is no safetensors file beside it.`, { where: path });
  }
  return names.map((name) => join(directory, name));
}

async function headOf(directory: string, options: ImportOptions, tensors: ReadonlyMap<string, Tensor>): Promise<Head> {
  const isSentenceEncoder = await isThere(join(directory, "1_Pooling", "config.json"));
  const stored = tensors.has("classifier.weight") ? "classification" : isSentenceEncoder ? "embeddings" : "none";
  const kind = options.head ?? (options.classes === undefined ? stored : "classification");
  if (kind === "classification" || kind === "masked-lm") return { kind, classes: options.classes };
  if (options.classes !== undefined) throw new LimbeckError("Classes belong to a classifier, but another head was asked for.");
  return kind === "embeddings" ? { kind, ...(await embeddingOf(directory)) } : { kind };
}

const poolingShape = z.looseObject({
  pooling_mode: z.string().optional(),
  pooling_mode_cls_token: z.boolean().optional(),
  pooling_mode_mean_tokens: z.boolean().optional(),
  pooling_mode_max_tokens: z.literal(false).optional(),
  pooling_mode_mean_sqrt_len_tokens: z.literal(false).optional(),
  pooling_mode_weightedmean_tokens: z.literal(false).optional(),
  pooling_mode_lasttoken: z.literal(false).optional(),
});
const modulesShape = z.array(z.looseObject({ type: z.string() }));

/** How sentence-transformers makes a vector of a text; the mean at length 1 where the folder doesn't say. */
async function embeddingOf(directory: string): Promise<EmbeddingOptions> {
  const path = join(directory, "1_Pooling", "config.json");
  const read = poolingShape.safeParse((await readJson(path)) ?? { pooling_mode: "mean" });
  const {
    pooling_mode: mode,
    pooling_mode_cls_token: cls = mode === "cls",
    pooling_mode_mean_tokens: mean = mode === "mean",
  } = read.data ?? {};
  if (!read.success || cls === mean) {
    throw new LimbeckError("Sentence embeddings are pooled in a way that isn't built here.", {
      where: path,
      hint: "Known are the mean of all tokens, and the first token.",
    });
  }
  const listed = join(directory, "modules.json");
  const modules = modulesShape.safeParse((await readJson(listed)) ?? ["Normalize"].map((type) => ({ type })));
  const kinds = modules.data?.map(({ type }) => type.split(".").at(-1) ?? type) ?? ["damaged"];
  const unknown = kinds.find((kind) => !["Transformer", "Pooling", "Normalize"].includes(kind));
  if (unknown) throw new LimbeckError(`The sentence encoder has a module that isn't built here: ${unknown}.`, { where: listed });
  return { pooling: mean ? "mean" : "cls", normalize: kinds.includes("Normalize") };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function readJson(path: string): Promise<unknown> {
  if (!(await isThere(path))) return undefined;
  try {
    const { size } = await stat(path);
    if (size > MOST_JSON_BYTES) throw new LimbeckError(`The file has ${size} bytes, too many for what it is.`, { where: path });
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new LimbeckError("The file is not JSON.", { where: path, cause: error });
    throw fileError(error, path);
  }
}

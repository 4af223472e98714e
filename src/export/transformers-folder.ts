import { dirname, join } from "node:path";
import { openTokenizer, type Tokenizer } from "../data/tokenizer.ts";
import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph, type Value } from "../graph/graph.ts";
import { LOGITS } from "../nn/layers.ts";
import { ATTENTION_MASK, INPUT_IDS, LAST_HIDDEN_STATE, TOKEN_TYPE_IDS } from "../nn/text.ts";
import { readBytes, readIfThere, writeNew } from "../run/files.ts";
import { readOnnxFile } from "../run/onnx-file.ts";

export interface TransformersFolder {
  /** Files by their paths in the folder. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** What `pipeline` of transformers.js is called with. */
  readonly task: "text-classification" | "feature-extraction";
}

export interface TransformersFolderOptions {
  /** The model's bytes: they become `onnx/model.onnx` as they are. */
  readonly bytes: Uint8Array;
  /** tokenizer.json, and tokenizer_config.json if there is one. */
  readonly tokenizer: Uint8Array;
  readonly tokenizerConfig?: Uint8Array;
  /** Names of a classifier's classes; "LABEL_0" and so on unless given. */
  readonly labels?: readonly string[];
  /** What to call the model in messages. */
  readonly source: string;
}

/**
 * A network of texts as a folder that `@huggingface/transformers` opens: `config.json`, the tokenizer, `onnx/model.onnx`. A classifier's output
 * is `logits`, an encoder's `last_hidden_state`, of which the pipeline makes sentence embeddings by pooling.
 *
 * The library calls any encoder of the inputs `input_ids`, `attention_mask` and `token_type_ids` as it calls BERT, so that is what
 * `config.json` says, whatever the network is.
 *
 * @throws LimbeckError when the network takes or gives something else, takes one length only, or has no row for a token.
 */
export function transformersFolder(graph: Graph, options: TransformersFolderOptions): TransformersFolder {
  const { bytes, tokenizer: stored, tokenizerConfig, source } = options;
  const tokenizer = openTokenizer({ tokenizer: stored, config: tokenizerConfig });
  checkInputs(graph, source);
  const logits = graph.outputs.find(({ name }) => name === LOGITS);
  if (!logits && !graph.outputs.some(({ name }) => name === LAST_HIDDEN_STATE)) {
    throw new LimbeckError(
      `The model gives ${graph.outputs.map(({ name }) => name).join(", ")}, but neither logits nor last_hidden_state.`,
      {
        where: source,
        hint: "Networks of texts from the zoo and from `limbeck import` give one of them.",
      },
    );
  }
  const rows = tableRows(graph, INPUT_IDS);
  if (rows !== undefined && rows < tokenizer.vocabularySize) {
    throw new LimbeckError(`The tokenizer has ${tokenizer.vocabularySize} tokens, but the model knows only ${rows}.`, {
      where: source,
      hint: "Give the folder of the tokenizer that the model was trained with.",
    });
  }
  const config = {
    architectures: [logits ? "BertForSequenceClassification" : "BertModel"],
    model_type: "bert",
    vocab_size: rows ?? tokenizer.vocabularySize,
    pad_token_id: tokenizer.special.pad ?? 0,
    ...(logits && labelsOf(logits, options)),
    // Without it browsers look for a quantised file.
    "transformers.js_config": { dtype: "fp32" },
  };
  const files = {
    "config.json": json(config),
    "tokenizer.json": stored,
    "tokenizer_config.json": json(tokenizerConfigFor(graph, tokenizer, options)),
    "onnx/model.onnx": bytes,
  };
  return { files, task: logits ? "text-classification" : "feature-extraction" };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function checkInputs({ inputs }: Graph, source: string): void {
  const known = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS];
  const unknown = inputs.find(({ name }) => !known.includes(name));
  if (unknown || !inputs.some(({ name }) => name === INPUT_IDS)) {
    throw new LimbeckError(`The model takes ${inputs.map(({ name }) => name).join(", ")}, not ${known.join(", ")}.`, {
      where: source,
      hint: "Only networks of texts can be put into such a folder.",
    });
  }
  const fixed = inputs.find(({ shape }) => shape.length !== 2 || shape.some((size) => typeof size === "number"));
  if (fixed) {
    throw new LimbeckError(
      `The model's input "${fixed.name}" is ${formatShape(fixed.shape)}; it must take any number of texts of any length.`,
      {
        where: source,
        hint: "Export the network with open sizes for batch and length.",
      },
    );
  }
}

/** Rows of the table that an input's numbers are looked up in, if there is one. */
function tableRows({ nodes, initializers }: Graph, input: string): number | undefined {
  const lookup = nodes.find(({ op, inputs }) => op === "Gather" && inputs[1] === input);
  return initializers.get(lookup?.inputs[0] ?? "")?.shape[0];
}

function labelsOf({ shape }: Value, { labels, source }: TransformersFolderOptions) {
  const classes = shape.at(-1);
  if (typeof classes !== "number") throw new LimbeckError("The model doesn't say how many classes it tells apart.", { where: source });
  if (labels && (labels.length !== classes || new Set(labels).size !== classes)) {
    throw new LimbeckError(`There are ${labels.length} labels (${labels.join(", ")}), but the model tells ${classes} classes apart.`, {
      where: source,
      hint: "Give each class a name of its own.",
    });
  }
  const names = labels ?? Array.from({ length: classes }, (_, label) => `LABEL_${label}`);
  return {
    id2label: Object.fromEntries(names.map((name, label) => [label, name])),
    label2id: Object.fromEntries(names.map((name, label) => [name, label])),
  };
}

/** What was given, with what the library needs to cut and pad texts. */
function tokenizerConfigFor(
  { initializers }: Graph,
  tokenizer: Tokenizer,
  { tokenizerConfig, tokenizer: stored }: TransformersFolderOptions,
) {
  const decoded = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
  const { added_tokens: added } = decoded(stored) as {
    readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  };
  const names = Object.entries(tokenizer.special).flatMap(([kind, id]) => {
    const name = added.find((token) => token.id === id)?.content;
    return name === undefined ? [] : [[`${kind}_token`, name]];
  });
  const positions = Array.from(initializers).find(([name]) => name.endsWith("position_embeddings.weight"))?.[1].shape[0];
  const longest = Math.min(tokenizer.maxLength ?? Number.POSITIVE_INFINITY, positions ?? Number.POSITIVE_INFINITY);
  return {
    tokenizer_class: "BertTokenizer",
    ...Object.fromEntries(names),
    ...(tokenizerConfig && (decoded(tokenizerConfig) as object)),
    ...(Number.isFinite(longest) && { model_max_length: longest }),
  };
}

export interface ExportOptions {
  /** The folder of the tokenizer; the model's own unless given. */
  readonly tokenizer?: string;
  readonly labels?: readonly string[];
}

/**
 * Writes an ONNX model of texts and its tokenizer as a folder for `@huggingface/transformers`.
 *
 * @throws LimbeckError when they don't suit, or when other files are there already.
 */
export async function exportForTransformers(model: string, out: string, { tokenizer = dirname(model), labels }: ExportOptions = {}) {
  const { graph, bytes } = await readOnnxFile(model);
  const [path, config] = [join(tokenizer, "tokenizer.json"), join(tokenizer, "tokenizer_config.json")];
  const [stored, tokenizerConfig] = [await readBytes(path), await readIfThere(config)];
  const { files, task } = transformersFolder(graph, { bytes, tokenizer: stored, tokenizerConfig, labels, source: model });
  await writeNew(Object.fromEntries(Object.entries(files).map(([name, content]) => [join(out, name), content])));
  return { task, files: Object.keys(files).map((name) => join(out, name)) };
}

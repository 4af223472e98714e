import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Random, randomFor } from "../../random.ts";
import { INIT } from "../attention.ts";
import { fitTensors } from "../load-weights.ts";
import type { EmbeddingOptions } from "../text.ts";
import { bert, bertClassifier, bertEmbedder, bertMaskedLm } from "../zoo/bert.ts";
import { distilbert, distilbertClassifier, distilbertEmbedder, distilbertMaskedLm } from "../zoo/distilbert.ts";
import type { EncoderConfiguration } from "./configuration.ts";

/**
 * What stands on an encoder: nothing (`last_hidden_state`, of BERT with a pooler `pooler_output`), a classifier (`logits`), what guesses
 * masked words (`logits`; with a classifier beside it `mlm`), or what makes a vector of each text (`sentence_embedding`).
 */
export type Head =
  | { readonly kind: "none" }
  /** As many classes as the stored classifier tells apart, unless given; where they differ, the last layer is drawn anew. */
  | { readonly kind: "classification"; readonly classes?: number }
  /** The model must have it; with `classes`, a classifier of so many comes first. */
  | { readonly kind: "masked-lm"; readonly classes?: number }
  | ({ readonly kind: "embeddings" } & EmbeddingOptions);

export interface EncoderOptions {
  readonly head: Head;
  /** Numbers of the layers to keep, from 0, in their new order; all unless given. */
  readonly layers?: readonly number[];
  /** Of weights that are drawn anew; 0 unless given. */
  readonly seed?: number;
  /** What to call the model in messages. */
  readonly source: string;
}

export interface PretrainedEncoder {
  readonly graph: Graph;
  /** Names of weights of the head that the model lacked, drawn anew. */
  readonly fresh: readonly string[];
  /** Names of the model's tensors that belong to other heads. */
  readonly leftOut: readonly string[];
}

/** What may be missing, and is drawn anew. */
const FRESH = /^(bert\.pooler|pre_classifier|classifier)\./;
/** Of what transformers puts upon these encoders; a model may have any, whatever is made of it. */
const HEADS = /(^|\.)(pooler|classifier|pre_classifier|cls|qa_outputs|vocab_transform|vocab_layer_norm|vocab_projector)\./;

/**
 * A pretrained encoder as a graph that can be trained, of the zoo's networks.
 *
 * @param tensors By the names of transformers' `state_dict`.
 * @throws LimbeckError naming every weight of the encoder that is missing or of another shape, and every tensor that has no place in it.
 */
export function pretrainedEncoder(
  configuration: EncoderConfiguration,
  tensors: ReadonlyMap<string, Tensor>,
  { head, layers, seed = 0, source }: EncoderOptions,
): PretrainedEncoder {
  const kept = layers ?? Array.from({ length: configuration.size.layers }, (_, layer) => layer);
  checkLayers(kept, configuration.size.layers, source);
  const size = { ...configuration.size, layers: kept.length };
  const stored = storedClasses(tensors);
  const classes = classesOf(head, stored);
  if (head.kind === "classification" && classes === undefined) {
    throw new LimbeckError("The model has no classifier, so the number of classes must be given.", { where: source });
  }
  if (head.kind === "masked-lm" && !hasMaskedLm(tensors)) {
    throw new LimbeckError("The model has no head that guesses masked words.", {
      where: source,
      hint: "Take the folder of a BertForMaskedLM or DistilBertForMaskedLM, as models are before they are fine-tuned.",
    });
  }
  const hasPooler = Array.from(tensors.keys()).some((name) => name.endsWith("pooler.dense.weight"));
  const graph = build({ ...configuration, size }, { head, classes, hasPooler });
  const isNewClassifier = classes !== undefined && classes !== stored;
  const fit = fitTensors(graph, ofLayers(head.kind === "masked-lm" ? tied(tensors, source) : tensors, kept, configuration.size.layers), {
    isIgnored: (name) => isNewClassifier && name.startsWith("classifier."),
    source,
  });
  const [missing, misplaced] = [
    fit.missing.filter((name) => !FRESH.test(name)),
    fit.unexpected.flatMap(({ stored: own, name }) => (HEADS.test(name) ? [] : [own])),
  ];
  if (missing.length + misplaced.length + fit.misfits.length > 0) throw misfit(missing, fit.misfits, misplaced, source);
  const classifier = (names: Iterable<string>) => Array.from(names).filter((name) => isNewClassifier && name.startsWith("classifier."));
  const fresh = [...fit.missing, ...classifier(graph.initializers.keys())];
  return {
    graph: drawnAnew(fit.graph, fresh, seed),
    fresh,
    leftOut: [...fit.unexpected.map(({ stored: own }) => own), ...classifier(tensors.keys())],
  };
}

interface Build {
  readonly head: Head;
  readonly classes: number | undefined;
  readonly hasPooler: boolean;
}

/** Draws zeros: the weights come from the model, and drawing those of a whole encoder takes long. */
const nothing: Random = { uniform: () => 0.5, integer: (from) => from, normal: () => 0 };

function build(configuration: EncoderConfiguration, { head, classes, hasPooler }: Build): Graph {
  const options = { ...configuration, seed: nothing };
  const maskedLm = head.kind === "masked-lm";
  if (configuration.family === "bert") {
    if (classes !== undefined) return bertClassifier(configuration.size, { ...options, classes, maskedLm });
    if (maskedLm) return bertMaskedLm(configuration.size, options);
    if (head.kind === "embeddings") return bertEmbedder(configuration.size, { ...options, ...head });
    return bert(configuration.size, { ...options, pooler: hasPooler });
  }
  if (classes !== undefined) return distilbertClassifier({ ...options, classes, maskedLm });
  if (maskedLm) return distilbertMaskedLm(options);
  return head.kind === "embeddings" ? distilbertEmbedder({ ...options, ...head }) : distilbert(options);
}

/** Draws matrices; biases stay zeros. */
function drawnAnew(graph: Graph, names: readonly string[], seed: number): Graph {
  const random = randomFor(seed, 0x4ead);
  const initializers = new Map(graph.initializers);
  for (const name of names) {
    const shape = initializers.get(name)?.shape ?? [];
    if (shape.length > 1) initializers.set(name, INIT(shape, random));
  }
  return { ...graph, initializers };
}

function checkLayers(kept: readonly number[], count: number, source: string): void {
  const unknown = kept.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= count);
  if (unknown === undefined && kept.length > 0 && new Set(kept).size === kept.length) return;
  const why = unknown === undefined ? (kept.length === 0 ? "none is named" : "one is named twice") : `there is no layer ${unknown}`;
  throw new LimbeckError(`These layers can't be kept: ${why}.`, { where: source, hint: `The model has the layers 0 to ${count - 1}.` });
}

/** Of a classifier, where there is to be one. */
function classesOf(head: Head, stored: number | undefined): number | undefined {
  if (head.kind === "masked-lm") return head.classes;
  return head.kind === "classification" ? (head.classes ?? stored) : undefined;
}

const hasMaskedLm = (tensors: ReadonlyMap<string, Tensor>): boolean =>
  ["cls.predictions.transform.dense.weight", "vocab_transform.weight"].some((name) => tensors.has(name));

/** Other names of weights that a head shares: its matrix is the word embeddings. */
const TIED = ["cls.predictions.decoder.weight", "vocab_projector.weight"];

/**
 * The tensors without the word embeddings under a second name.
 *
 * @throws LimbeckError when these are other numbers.
 */
function tied(tensors: ReadonlyMap<string, Tensor>, source: string): ReadonlyMap<string, Tensor> {
  const words = Array.from(tensors).find(([name]) => name.endsWith("word_embeddings.weight"))?.[1];
  const kept = new Map(tensors);
  for (const name of TIED) {
    const own = kept.get(name);
    if (own && !isSame(own, words)) {
      throw new LimbeckError(`The head guesses words by a matrix of its own, "${name}", not by the word embeddings.`, {
        where: source,
        hint: "Heads that share the word embeddings are imported (tie_word_embeddings).",
      });
    }
    kept.delete(name);
  }
  // The bias is stored under either name, or both.
  const bias = kept.get("cls.predictions.decoder.bias");
  kept.delete("cls.predictions.decoder.bias");
  return bias && !kept.has("cls.predictions.bias") ? kept.set("cls.predictions.bias", bias) : kept;
}

function isSame(a: Tensor, b: Tensor | undefined): boolean {
  const [ours, theirs] = [a.data, b?.data].map((data) => data as Float32Array | undefined);
  return ours?.length === theirs?.length && (ours?.every((value, index) => value === theirs?.[index]) ?? false);
}

/** How many classes a stored classifier tells apart. */
function storedClasses(tensors: ReadonlyMap<string, Tensor>): number | undefined {
  return tensors.get("classifier.weight")?.shape[0];
}

/** The tensors, those of kept layers under their new numbers and without those of the other layers of `count`. */
function ofLayers(tensors: ReadonlyMap<string, Tensor>, kept: readonly number[], count: number): ReadonlyMap<string, Tensor> {
  const places = new Map(kept.map((layer, place) => [layer, place]));
  return new Map(
    Array.from(tensors).flatMap(([name, tensor]): [string, Tensor][] => {
      const [, before, layer, after] = /^((?:.*\.)?layer\.)(\d+)(\..*)$/.exec(name) ?? [];
      if (layer === undefined || Number(layer) >= count) return [[name, tensor]];
      const place = places.get(Number(layer));
      return place === undefined ? [] : [[`${before}${place}${after}`, tensor]];
    }),
  );
}

const MOST_NAMED = 12;

function misfit(missing: readonly string[], misfits: readonly string[], misplaced: readonly string[], source: string): LimbeckError {
  const listed = (what: string, names: readonly string[]) => {
    const rest = names.length - MOST_NAMED;
    return names.length === 0 ? [] : [`${what} ${names.slice(0, MOST_NAMED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`];
  };
  const problems = [...listed("missing", missing), ...listed("of another shape:", misfits), ...listed("no place for", misplaced)];
  return new LimbeckError(`The model's tensors are not those of the encoder that its config.json describes: ${problems.join("; ")}.`, {
    where: source,
    hint: "config.json and weights must come from one model, and that must be a plain BERT or DistilBERT.",
  });
}

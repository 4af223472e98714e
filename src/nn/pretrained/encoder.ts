import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Random, randomFor } from "../../random.ts";
import { INIT } from "../attention.ts";
import { fitTensors } from "../load-weights.ts";
import type { EmbeddingOptions } from "../text.ts";
import { bert, bertClassifier, bertEmbedder } from "../zoo/bert.ts";
import { distilbert, distilbertClassifier, distilbertEmbedder } from "../zoo/distilbert.ts";
import type { EncoderConfiguration } from "./configuration.ts";

/**
 * What stands on an encoder: nothing (`last_hidden_state`, of BERT with a pooler `pooler_output`), a classifier (`logits`), or what makes a
 * vector of each text (`sentence_embedding`).
 */
export type Head =
  | { readonly kind: "none" }
  /** As many classes as the stored classifier tells apart, unless given; where they differ, the last layer is drawn anew. */
  | { readonly kind: "classification"; readonly classes?: number }
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
  const classes = head.kind === "classification" ? (head.classes ?? stored) : undefined;
  if (head.kind === "classification" && classes === undefined) {
    throw new LimbeckError("The model has no classifier, so the number of classes must be given.", { where: source });
  }
  const hasPooler = Array.from(tensors.keys()).some((name) => name.endsWith("pooler.dense.weight"));
  const graph = build({ ...configuration, size }, { head, classes, hasPooler });
  const isNewClassifier = classes !== undefined && classes !== stored;
  const fit = fitTensors(graph, ofLayers(tensors, kept, configuration.size.layers), {
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

function build(configuration: EncoderConfiguration, { head, classes = 0, hasPooler }: Build): Graph {
  const options = { ...configuration, seed: nothing };
  if (configuration.family === "bert") {
    if (head.kind === "classification") return bertClassifier(configuration.size, { ...options, classes });
    if (head.kind === "embeddings") return bertEmbedder(configuration.size, { ...options, ...head });
    return bert(configuration.size, { ...options, pooler: hasPooler });
  }
  if (head.kind === "classification") return distilbertClassifier({ ...options, classes });
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

import type { Normalization } from "../data/normalize.ts";
import type { Samples } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { openBatch } from "../graph/rewrite/batch.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { bindDimensions } from "../graph/rewrite/infer.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { widenFloats } from "../graph/rewrite/widen.ts";
import { headFor } from "../nn/head.ts";
import { loadWeights } from "../nn/load-weights.ts";
import { architectures, buildArchitecture, textArchitectures } from "../nn/zoo/zoo.ts";
import { classifierInterface } from "../train/classifier.ts";
import { inLayoutOf, repeatsChannel, takingImages } from "./fit-input.ts";
import { checkTexts, fitToTexts } from "./fit-texts.ts";
import { keepLayers } from "./keep-layers.ts";
import type { NetworkRecipe } from "./recipe/schema.ts";

/** The longest text of a new network: BERT's, unless the data's are longer. */
const POSITIONS = 512;

/** Keys of a model's metadata. */
const NORMALIZATION = "limbeck.normalization";
const CLASSES = "limbeck.classes";

/**
 * Builds or reads the network that a recipe describes, for samples like these.
 *
 * @throws LimbeckError when it doesn't fit the samples.
 */
export async function toNetwork(
  recipe: NetworkRecipe,
  samples: Samples,
  seed: number,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<Graph> {
  if (recipe.zoo === "onnx") {
    const whole = canonicalize(readOnnx(await readFile(recipe.file), recipe.file));
    const file = fitToSamples(recipe.layers ? keepLayers(whole, recipe.layers, recipe.file) : whole, samples);
    return checkClassifier(recipe.newHead ? headFor(file, samples.classes.length, seed) : file, samples, recipe.file);
  }
  if (Object.hasOwn(textArchitectures, recipe.zoo) !== Boolean(samples.texts)) {
    const known = Object.keys(samples.texts ? textArchitectures : architectures).filter(
      (name) => samples.texts || !Object.hasOwn(textArchitectures, name),
    );
    throw new LimbeckError(`The zoo's ${recipe.zoo} doesn't take ${samples.texts ? "texts" : "images"}.`, {
      where: samples.name,
      hint: `Those that do: ${known.join(", ")}.`,
    });
  }
  const { zoo, classes = samples.classes.length, weights, ...given } = recipe;
  const { inputSize, ...options } = { inputSize: undefined, ...given };
  const inputShape = inputSize === undefined ? samples.sampleShape : imagesOf(samples, inputSize);
  const network = buildArchitecture(zoo, { ...textOptions(samples), inputShape, classes, seed, ...options });
  const initialised = weights ? loadWeights(network, await readFile(weights.file), { ...weights, source: weights.file }) : network;
  return checkClassifier(takingImages(initialised, samples.sampleShape), samples, `the recipe's ${zoo}`);
}

/** What networks of texts are made for. */
function textOptions({ texts }: Samples): { readonly vocabulary?: number; readonly positions?: number } {
  return texts ? { vocabulary: texts.vocabulary, positions: Math.max(POSITIONS, texts.lengths.at(-1) ?? 0) } : {};
}

/** The shape of the samples at another height and width. */
function imagesOf({ sampleShape, name }: Samples, size: number): readonly number[] {
  if (sampleShape.length === 3) return [sampleShape[0] as number, size, size];
  throw new LimbeckError(`A network's inputSize is that of images; a sample of this data has the shape ${formatShape(sampleShape)}.`, {
    where: name,
    hint: "Leave inputSize out.",
  });
}

/**
 * A model as it can be used on samples like these: in float32, for any batch, without further outputs, every size of a sample known; one of
 * images of another size or layout begins with what brings them to it.
 *
 * @param normalization What its inputs are normalised by, where that is to hold for a channel that it repeats, too.
 */
export function fitToSamples(network: Graph, samples: Samples, normalization?: Normalization): Graph {
  if (samples.texts) return fitToTexts(network);
  const wide = [network.inputs[0], network.outputs[0]].every((value) => value?.type === "float32") ? network : widenFloats(network);
  const single = wide.outputs.length > 1 ? pruneDead({ ...wide, outputs: wide.outputs.slice(0, 1) }) : wide;
  const used = typeof single.inputs[0]?.shape[0] === "number" ? openBatch(canonicalize(single)) : single;
  const [input] = used.inputs;
  if (!input || input.shape.length !== samples.sampleShape.length + 1) return used;
  const sizes = inLayoutOf(used, samples.sampleShape);
  const open = input.shape.slice(1).flatMap((size, axis) => (typeof size === "string" ? [[size, sizes[axis] as number] as const] : []));
  const bound = open.length > 0 ? bindDimensions(used, Object.fromEntries(open)) : used;
  const fitted = takingImages(bound, samples.sampleShape, normalization);
  return normalization && repeatsChannel(bound, samples.sampleShape) ? normalizedBy(fitted, AS_THEY_ARE) : fitted;
}

/** Of one channel. */
const AS_THEY_ARE: Normalization = { mean: [0], std: [1] };

/**
 * @throws LimbeckError when a network takes other inputs than batches of the samples, or tells other classes apart, where the samples have
 * any: else it may give vectors of any length.
 */
export function checkClassifier(network: Graph, samples: Samples, source: string): Graph {
  const { inputs, logits: output } = classifierInterface(network, source);
  const [batch, ...taken] = inputs[0]?.shape ?? [];
  if (typeof batch === "number") {
    throw new LimbeckError(`The model takes batches of exactly ${batch}.`, {
      where: source,
      hint: "Export it with a batch axis of any size (`dynamic_axes` or `dynamic_shapes` of torch.onnx.export).",
    });
  }
  if (samples.texts) checkTexts(network, samples.texts, source);
  else if (taken.join() !== samples.sampleShape.join()) {
    throw new LimbeckError(
      `The model takes inputs of shape ${formatShape(taken)}, but the data's are ${formatShape(samples.sampleShape)}.`,
      {
        where: source,
        hint: "Use a model made for this data.",
      },
    );
  }
  if (samples.classes.length > 0 && output.shape[1] !== samples.classes.length) {
    throw new LimbeckError(`The model tells ${output.shape[1]} classes apart, but the data has ${samples.classes.length}.`, {
      where: source,
      hint: "Teacher, student and data must have the same classes; a student from a file can be given a new head (`newHead: true`).",
    });
  }
  const named = network.metadata[CLASSES];
  if (named !== undefined && samples.classes.length > 0 && named !== JSON.stringify(samples.classes)) {
    throw new LimbeckError(`The model's classes are ${named}, the data's ${JSON.stringify(samples.classes)}.`, {
      where: source,
      hint: "The classes must be the same, in the same order.",
    });
  }
  return network;
}

/** Notes in the model what its inputs are normalised by, where they are values, and what its outputs mean. */
export function describeClassifier(network: Graph, normalization: Normalization, classes: readonly string[]): Graph {
  const described = normalizedBy(network, normalization);
  if (classes.length === 0) return described;
  return { ...described, metadata: { ...described.metadata, [CLASSES]: JSON.stringify(classes) } };
}

function normalizedBy(network: Graph, normalization: Normalization): Graph {
  if (normalization.mean.length === 0) return network;
  return { ...network, metadata: { ...network.metadata, [NORMALIZATION]: JSON.stringify(normalization) } };
}

/** What the model says its inputs must be normalised by. @throws LimbeckError when the note is damaged. */
export function normalizationOf(network: Graph, source: string): Normalization | undefined {
  const text = network.metadata[NORMALIZATION];
  if (text === undefined) return undefined;
  try {
    const { mean, std } = JSON.parse(text) as Record<string, unknown>;
    if (isNumbers(mean) && isNumbers(std) && std.every((value) => value > 0)) return { mean, std };
  } catch {
    // Falls through to the same complaint.
  }
  throw new LimbeckError(`The model's metadata "${NORMALIZATION}" is not {"mean": [...], "std": [...]}.`, { where: source });
}

const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((entry) => Number.isFinite(entry));

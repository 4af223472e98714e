import type { Normalization } from "../data/normalize.ts";
import type { Samples } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { lenet } from "../nn/zoo/lenet.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { classifierInterface } from "../train/step.ts";
import type { NetworkRecipe } from "./recipe/schema.ts";

/** Keys of a model's metadata. */
const NORMALIZATION = "limbeck.normalization";
const CLASSES = "limbeck.classes";

/** Builds or reads the network that a recipe describes, for samples like these. */
export async function toNetwork(
  recipe: NetworkRecipe,
  samples: Samples,
  seed: number,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<Graph> {
  const common = { inputShape: samples.sampleShape, classes: samples.classes.length };
  switch (recipe.zoo) {
    case "mlp":
      return mlp({ ...common, seed, ...recipe });
    case "lenet":
      return lenet({ ...common, seed, ...recipe });
    case "small-cnn":
      return smallCnn({ ...common, seed, ...recipe });
    case "onnx":
      return checkClassifier(readOnnx(await readFile(recipe.file), recipe.file), samples, recipe.file);
  }
}

/** @throws LimbeckError when a network takes other inputs than batches of the samples, or tells other classes apart. */
export function checkClassifier(network: Graph, samples: Samples, source: string): Graph {
  const [input, output] = classifierInterface(network, source);
  const [batch, ...taken] = input.shape;
  if (typeof batch === "number") {
    throw new LimbeckError(`The model takes batches of exactly ${batch}.`, {
      where: source,
      hint: "Export it with a batch axis of any size (`dynamic_axes` or `dynamic_shapes` of torch.onnx.export).",
    });
  }
  if (taken.join() !== samples.sampleShape.join()) {
    throw new LimbeckError(
      `The model takes inputs of shape ${formatShape(taken)}, but the data's are ${formatShape(samples.sampleShape)}.`,
      {
        where: source,
        hint: "Use a model made for this data.",
      },
    );
  }
  if (output.shape[1] !== samples.classes.length) {
    throw new LimbeckError(`The model tells ${output.shape[1]} classes apart, but the data has ${samples.classes.length}.`, {
      where: source,
      hint: "Teacher, student and data must have the same classes.",
    });
  }
  const named = network.metadata[CLASSES];
  if (named !== undefined && named !== JSON.stringify(samples.classes)) {
    throw new LimbeckError(`The model's classes are ${named}, the data's ${JSON.stringify(samples.classes)}.`, {
      where: source,
      hint: "The classes must be the same, in the same order.",
    });
  }
  return network;
}

/** Notes in the model what its inputs are normalised by and what its outputs mean. */
export function describeClassifier(network: Graph, normalization: Normalization, classes: readonly string[]): Graph {
  const metadata = { ...network.metadata, [NORMALIZATION]: JSON.stringify(normalization), [CLASSES]: JSON.stringify(classes) };
  return { ...network, metadata };
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

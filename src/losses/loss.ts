import type { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import type { Float32Tensor } from "../graph/tensor.ts";
import type { Network } from "../nn/layers.ts";
import type { ScheduleRecipe } from "../options.ts";
import type { TemperatureRecipe } from "./temperature.ts";
import type { Truth } from "./truth.ts";

/** What a loss may have of its own. Names are the loss's, and apart from those of every other loss. */
export interface LossParts {
  readonly g: GraphBuilder;
  /** Trained with the student, by its optimiser; not part of the student that comes out. */
  parameter(name: string, initial: Float32Tensor): Value;
  /** Layers, trained as `parameter` is. Batch normalisation takes the batch's statistics. */
  module(name: string, inputs: readonly Value[], body: (network: Network, ...inputs: Value[]) => Value): Value;
  /** A tensor that lives from step to step, and is changed by nothing but `replace`. */
  memory(name: string, initial: Float32Tensor): Memory;
  /** A scalar that the host feeds at each step. */
  scalar(name: string): Value;
}

export interface Memory {
  /** As the step begins. */
  readonly value: Value;
  /** What the step leaves. Called once. */
  replace(next: Value): void;
}

/** What every loss sees of a step. */
export interface LossScene<S, O> extends LossParts {
  /** [B], int32: the label of each sample. @throws LimbeckError where samples are mixed or some have no label: then `truth` says more. */
  readonly labels: () => Value;
  readonly truth: Truth;
  /** [B], int32: the places of the batch's samples in the training set. @throws LimbeckError where samples are mixed. */
  readonly indices: () => Value;
  /** [B, T], int32: the word that was at each token that is masked, and −1 elsewhere. @throws LimbeckError where no words are masked. */
  readonly tokenLabels: () => Value;
  /** Samples in the training set. */
  readonly samples: number;
  readonly classes: number;
  /** The numbers that may follow a schedule: scalars, but for a temperature per sample, which is [B, 1]. */
  readonly numbers: { readonly [K in keyof S]: Value };
  /** The options that are fixed for the run. */
  readonly options: { readonly [K in keyof O]: z.output<O[K] & z.ZodType> };
}

export interface LogitScene<S, O> extends LossScene<S, O> {
  /** [B, C] */
  readonly student: Value;
  /** [B, C]; no gradient flows into it. The student's own logits where the loss needs no teacher. */
  readonly teacher: Value;
}

/** Two tapped values that belong together, after `fit` has been seen to. */
export interface FeaturePair {
  readonly student: Value;
  readonly teacher: Value;
}

export interface FeatureScene<S, O> extends LossScene<S, O> {
  readonly pairs: readonly FeaturePair[];
  /** [B, T], 1 for tokens and 0 for padding, where the student takes such a mask. */
  readonly mask?: Value;
  /** [B, C], where the networks classify. */
  readonly studentLogits?: Value;
  /** [B, C], where the networks classify; no gradient flows into it. */
  readonly teacherLogits?: Value;
}

/** What recipes may say for each number: a schedule; for a temperature, `temperatureOption`. */
type Numbers = Readonly<Record<string, z.ZodType<ScheduleRecipe | TemperatureRecipe>>>;

interface Described<N extends string, S, O> {
  /** Its key in recipes. */
  readonly name: N;
  /** One line for `limbeck methods`. */
  readonly summary: string;
  /** The paper: authors, year, arXiv number or venue. */
  readonly paper: string;
  /** Its weight unless the recipe says otherwise: the published one. */
  readonly weight: number;
  /** Numbers that may follow a schedule, and change without anything being compiled again. */
  readonly numbers: S;
  /** Fixed for the run. */
  readonly options: O;
}

/** A loss on the logits of student and teacher. */
export interface LogitLoss<N extends string = string, S = Numbers, O = z.ZodRawShape> extends Described<N, S, O> {
  readonly of: "logits";
  /** Set where the loss is of student and labels alone: `teacher` of its scene is not to be used. */
  readonly needsTeacher?: false;
  /** @returns A scalar, or [B]: the loss of each sample, whose mean is taken; what several teachers say can then be weighted by sample. */
  build(scene: LogitScene<S, O>): Value;
}

/**
 * How the values of a pair are brought together before a feature loss sees them (`src/distill/adapters.ts`). What a loss asks to be `same`
 * is made so where it is not; `any` is left as it is.
 */
export interface Fit {
  /**
   * What it takes: `maps` [B, C, H, W], `vectors` [B, D], `tokens` [B, T, D] or `any`. Vectors are pooled from maps and tokens; maps come of
   * tokens and tokens of maps where the one network has these and the other has those.
   */
  readonly form: "maps" | "vectors" | "tokens" | "any";
  /** `same`: the student's channels (of vectors, features) are turned into the teacher's by a 1×1 convolution and BN, or a linear layer. */
  readonly channels: "same" | "any";
  /** `same`: the larger of two maps is averaged to the size of the smaller, and so are tokens. */
  readonly space: "same" | "any";
}

/** A loss on tapped values inside of student and teacher. */
export interface FeatureLoss<N extends string = string, S = Numbers, O = z.ZodRawShape> extends Described<N, S, O> {
  readonly of: "features";
  /** What is paired unless the recipe gives `pairs`: every stage, the middle one (the second of three or four), or one tap by its alias. */
  readonly pairs: "stages" | "middle" | "blocks" | "attentions" | "lastAttention" | "last" | "pooled" | "mlm";
  /** Of attentions: which of their values are paired, each by itself, in this order. Their probabilities unless given. */
  readonly parts?: readonly AttentionPart[];
  /** False for what looks at the student alone: `teacher` of a pair is then the student's value too. */
  readonly needsTeacher?: boolean;
  readonly fit: Fit;
  /** @returns A scalar. */
  build(scene: FeatureScene<S, O>): Value;
}

/** A value of an attention: query, key and value [B, T, D] before they are shared out among heads; scores [B, heads, T, T] before softmax. */
export type AttentionPart = "query" | "key" | "value" | "scores";

export type LossDefinition = LogitLoss | FeatureLoss;

/** Gives the definition of a loss on logits its types. */
export function logitLoss<N extends string, S extends Numbers, O extends z.ZodRawShape>(
  definition: Omit<LogitLoss<N, S, O>, "of">,
): LogitLoss<N, S, O> {
  return { of: "logits", ...definition };
}

/** Gives the definition of a loss on features its types. */
export function featureLoss<N extends string, S extends Numbers, O extends z.ZodRawShape>(
  definition: Omit<FeatureLoss<N, S, O>, "of">,
): FeatureLoss<N, S, O> {
  return { of: "features", ...definition };
}

/** Sums a loss of one pair over all pairs. */
export function overPairs<Scene extends { readonly g: GraphBuilder; readonly pairs: readonly FeaturePair[] }>(
  ofPair: (scene: Scene, pair: FeaturePair, index: number) => Value,
): (scene: Scene) => Value {
  return (scene) => scene.g.sum(...scene.pairs.map((pair, index) => ofPair(scene, pair, index)));
}

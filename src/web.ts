/**
 * Limbeck for the browser: recipes, and what it takes to run one where there are no files. The page gives the data and the teacher's
 * bytes in an `Environment`, and `onnxruntime-web` must be installed beside Limbeck.
 *
 * @packageDocumentation
 */

export { idxSamples, parseIdx } from "./data/idx.ts";
export { channelStatistics, type Normalization } from "./data/normalize.ts";
export { holdOut, type MemorySamples, memorySamples, type Samples, type Splits, subset } from "./data/samples.ts";
export { type Outcome, runRecipe } from "./distill/distill.ts";
export type { Environment, Phase, ProgressEvents } from "./distill/environment.ts";
export * from "./distill/recipe/define.ts";
export { parseRecipe } from "./distill/recipe/parse.ts";
export type { Recipe, RecipeInput } from "./distill/recipe/schema.ts";
export type { Trained } from "./distill/train-network.ts";
export { LimbeckError } from "./errors.ts";
export type { Device, Feeds, Runtime, Session, SessionOptions } from "./runtime/runtime.ts";
export { webRuntime } from "./runtime/web.ts";
export type { CheckpointStore } from "./train/checkpoint.ts";
export type { Predictions } from "./train/evaluation.ts";
export type { EpochEvent, StepEvent } from "./train/fit.ts";

/**
 * Limbeck for Node: recipes, and the functions that run them.
 *
 * @packageDocumentation
 */

export { openTokenizerDirectory } from "./data/node/tokenizer-directory.ts";
export { type PadOptions, tokenBatch } from "./data/token-batch.ts";
export type { EncodeOptions, Encoding, SpecialTokens, Tokenizer } from "./data/tokenizer.ts";
export type { Phase, ProgressEvents } from "./distill/environment.ts";
export {
  adamw,
  affine,
  attention,
  augment,
  averageTeacher,
  balance,
  cifar,
  cosine,
  crop,
  crossEntropy,
  defineRecipe,
  elastic,
  exponential,
  flip,
  hinton,
  idx,
  imageFolder,
  kd,
  lenet,
  linear,
  loss,
  manifest,
  mlp,
  mnist,
  oneCycle,
  onnx,
  parquet,
  rotate,
  sgd,
  shift,
  smallCnn,
  stepDecay,
  steps,
  text,
  webdataset,
  zoo,
} from "./distill/recipe/define.ts";
export { parseRecipe } from "./distill/recipe/parse.ts";
export type { Recipe, RecipeInput } from "./distill/recipe/schema.ts";
export { LimbeckError } from "./errors.ts";
export { type ExportOptions, exportForTransformers } from "./export/transformers-folder.ts";
export type { Comparison } from "./report/compare.ts";
export type { Evaluation } from "./report/evaluation.ts";
export type { Report } from "./report/report.ts";
export { type CompareOptions, compare } from "./run/compare.ts";
export { type EvaluateOptions, evaluate } from "./run/evaluate.ts";
export { type Imported, type ImportOptions, importModel, writeImported } from "./run/import.ts";
export { distill, type Run, type RunOptions, train } from "./run/run.ts";
export type { EpochEvent, StepEvent } from "./train/fit.ts";

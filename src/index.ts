/**
 * Limbeck for Node: recipes, and the functions that run them.
 *
 * @packageDocumentation
 */

export type { Phase, ProgressEvents } from "./distill/environment.ts";
export {
  adamw,
  affine,
  attention,
  averageTeacher,
  balance,
  cosine,
  crossEntropy,
  defineRecipe,
  elastic,
  exponential,
  flip,
  hinton,
  idx,
  kd,
  lenet,
  linear,
  loss,
  mlp,
  mnist,
  oneCycle,
  onnx,
  rotate,
  sgd,
  shift,
  smallCnn,
  stepDecay,
  steps,
  zoo,
} from "./distill/recipe/define.ts";
export { parseRecipe } from "./distill/recipe/parse.ts";
export type { Recipe, RecipeInput } from "./distill/recipe/schema.ts";
export { LimbeckError } from "./errors.ts";
export type { Comparison } from "./report/compare.ts";
export type { Evaluation } from "./report/evaluation.ts";
export type { Report } from "./report/report.ts";
export { type CompareOptions, compare } from "./run/compare.ts";
export { type EvaluateOptions, evaluate } from "./run/evaluate.ts";
export { distill, type Run, type RunOptions, train } from "./run/run.ts";
export type { EpochEvent, StepEvent } from "./train/fit.ts";

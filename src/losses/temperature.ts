import { z } from "zod";
import { reverseGradient, stopGradient } from "../autodiff/custom-gradients.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { nonNegative, numberOr, oneOf, positive, type ScheduleRecipe, schedule, scheduleShapes, strict } from "../options.ts";
import type { LossParts } from "./loss.ts";

const learned = strict({
  /** The lowest temperature. */
  from: positive.default(1),
  /** How far above `from` it may go. */
  range: positive.default(20),
  /** θ as training begins: 1 is 0.73 of the range. */
  initial: z.number().default(1),
  /** How strongly the temperature works against the student. The authors let it rise over the first 10 of 240 epochs. */
  lambda: schedule(nonNegative).default({ constant: { value: 1, warmup: 0.04 } }),
});

/** The mean of the batch's temperatures. */
const mean = z.number().min(1).default(4);
/** How much the temperatures of a batch differ. */
const spread = nonNegative.default(1);
const perSample = oneOf({
  flsw: strict({ base: mean, beta: spread, gamma: positive.default(2) }),
  cwsm: strict({ base: mean, beta: spread }),
});

/** A temperature in recipes: a number, a schedule, learned with the student, or one of each sample. */
export const temperatureOption = numberOr(
  positive,
  { ...scheduleShapes(positive), learned, perSample },
  "a schedule, or where else it comes from",
);

export type TemperatureRecipe = z.output<typeof temperatureOption>;
type LearnedRecipe = z.output<typeof learned>;
type PerSampleRecipe = z.output<typeof perSample>;

/**
 * The temperature that a recipe describes.
 *
 * @param parts Of the loss: a schedule's number is its scalar `temperature`; one that is learned has the parameter `temperature` and the
 * scalar `lambda`.
 * @param student [B, C] logits @param teacher [B, C] logits
 * @returns A scalar, or [B, 1].
 */
export function temperatureOf(parts: LossParts, student: Value, teacher: Value, recipe: TemperatureRecipe): Value {
  if (typeof recipe === "object" && "learned" in recipe) {
    const { from, range, initial } = recipe.learned;
    const theta = parts.parameter("temperature", float32([initial], []));
    return learnedTemperature(parts.g, theta, parts.scalar("lambda"), { from, range });
  }
  if (typeof recipe === "object" && "perSample" in recipe) return temperaturePerSample(parts.g, student, teacher, recipe.perSample);
  return parts.scalar("temperature");
}

/** The schedules of the scalars that `temperatureOf` asks its parts for, by their names. */
export function temperatureSchedules(recipe: TemperatureRecipe): Readonly<Record<string, ScheduleRecipe>> {
  if (typeof recipe === "object" && "learned" in recipe) return { lambda: recipe.learned.lambda };
  if (typeof recipe === "object" && "perSample" in recipe) return {};
  return { temperature: recipe };
}

/**
 * Curriculum temperature, one for all samples (CTKD): Li et al., 2022 (arXiv:2211.16231).
 *
 *     T = from + range·σ(θ)
 *
 * θ is trained with the student, but its gradient is multiplied by −λ: it looks for the temperature at which the student does worst, the
 * harder the more λ has risen.
 *
 * @param theta A scalar @param lambda A scalar
 * @returns A scalar.
 */
export function learnedTemperature(
  g: GraphBuilder,
  theta: Value,
  lambda: Value,
  { from, range }: Pick<LearnedRecipe, "from" | "range">,
): Value {
  return g.add(g.mul(g.sigmoid(reverseGradient(g, theta, lambda)), range), from);
}

/** Temperatures do not fall below this. */
const LOWEST = 1;

/**
 * A temperature of each sample, by how hard it is: Wen, Lai and Qian, 2019 (arXiv:1911.07471), as adapted by TextBrewer.
 *
 *     T = base + β·(mean of the batch's w − w)
 *
 * - `flsw`: w = (1 − cosine of student's and teacher's logits)^γ. Samples on which the student is far off get a lower temperature.
 * - `cwsm`: w = 1/(greatest of softmax(student) + 1e-3). Those of which the student is unsure get a lower one.
 *
 * No gradient flows through it. With many classes w reaches the hundreds, and T would become negative; here it stays at 1 or above.
 *
 * @returns [B, 1]
 */
export function temperaturePerSample(g: GraphBuilder, student: Value, teacher: Value, recipe: PerSampleRecipe): Value {
  const { base, beta } = "flsw" in recipe ? recipe.flsw : recipe.cwsm;
  const fixed = stopGradient(g, student);
  const w = "flsw" in recipe ? g.pow(distance(g, fixed, stopGradient(g, teacher)), recipe.flsw.gamma) : unsureness(g, fixed);
  return g.max(g.add(g.mul(g.sub(g.reduceMean(w), w), beta), base), LOWEST);
}

/** 1 − cosine, from 0 to 2. */
function distance(g: GraphBuilder, a: Value, b: Value): Value {
  const rows = { axes: [1], keepDims: true };
  const unit = (x: Value) => g.div(x, g.add(g.sqrt(g.reduceSumSquare(x, rows)), 1e-4));
  return g.max(g.sub(1, g.reduceSum(g.mul(unit(a), unit(b)), rows)), 0);
}

function unsureness(g: GraphBuilder, logits: Value): Value {
  return g.reciprocal(g.add(g.reduceMax(g.softmax(logits), { axes: [1], keepDims: true }), 1e-3));
}

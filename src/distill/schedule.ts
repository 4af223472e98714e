import type { ScheduleRecipe } from "../options.ts";
import { constant, cosine, exponential, linear, oneCycle, type Schedule, stepDecay, steps, withWarmup } from "../train/schedules.ts";

/** The schedule that a recipe describes. */
export function toSchedule(recipe: ScheduleRecipe): Schedule {
  if (typeof recipe === "number") return constant(recipe);
  if ("steps" in recipe) return steps(recipe.steps);
  const [shape, warmup] = body(recipe);
  return warmup ? withWarmup(shape, warmup) : shape;
}

function body(recipe: Exclude<ScheduleRecipe, number | { steps: unknown }>): readonly [Schedule, number | undefined] {
  if ("constant" in recipe) return [constant(recipe.constant.value), recipe.constant.warmup];
  if ("linear" in recipe) return [linear(recipe.linear.from, recipe.linear.to), recipe.linear.warmup];
  if ("cosine" in recipe) return [cosine(recipe.cosine.from, recipe.cosine.to), recipe.cosine.warmup];
  if ("exponential" in recipe) return [exponential(recipe.exponential.from, recipe.exponential.to), recipe.exponential.warmup];
  if ("stepDecay" in recipe)
    return [stepDecay(recipe.stepDecay.from, recipe.stepDecay.at, recipe.stepDecay.factor), recipe.stepDecay.warmup];
  return [oneCycle(recipe.oneCycle.peak, recipe.oneCycle.rise, recipe.oneCycle.divisor), undefined];
}

import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { classWeights, combine, confidenceWeights, entropyWeights, fixedWeights, randomTeacher } from "../losses/teachers.ts";
import { onlyLabels, type Truth } from "../losses/truth.ts";
import type { LossContext } from "../train/step.ts";
import type { Networks } from "./objective.ts";
import type { CombineRecipe } from "./recipe/schema.ts";

/** Whether a way of combining teachers treats all samples of a batch alike. */
export function isOfBatches(recipe: CombineRecipe | undefined): boolean {
  return typeof recipe === "object" ? "weights" in recipe : recipe === undefined || recipe === "mean" || recipe === "random";
}

/** @throws LimbeckError when the weights are not of the teachers and classes that there are. */
export function checkCombine({ teachers, classes, combine: recipe }: Pick<Networks, "teachers" | "classes" | "combine">): void {
  if (typeof recipe !== "object" || teachers.length === 0) return;
  const [rows, key] = "weights" in recipe ? [recipe.weights, "weights"] : [recipe.perClass, "perClass"];
  if (rows.length !== teachers.length) {
    throw new LimbeckError(`There are ${rows.length} of combine.${key} for ${teachers.length} teachers.`, {
      hint: "Give one for each teacher.",
    });
  }
  const odd = "perClass" in recipe ? recipe.perClass.find((row) => row.length !== classes) : undefined;
  if (odd)
    throw new LimbeckError(`combine.perClass has a row of ${odd.length} weights for ${classes} classes.`, {
      hint: "Give one for each class.",
    });
}

/**
 * What the losses of several teachers come to.
 *
 * @param losses Of each teacher: [B], or a scalar where the loss is of whole batches.
 * @param answers Of each teacher: its logits, [B, C].
 * @throws LimbeckError when samples are to be weighted and the loss is of whole batches.
 */
export function combineLosses(
  context: Truth & Pick<LossContext, "g" | "scalar">,
  losses: readonly Value[],
  answers: readonly Value[],
  recipe: CombineRecipe = "mean",
): Value {
  const { g } = context;
  if (losses.length === 1) return meanOf(g, losses[0] as Value);
  if (recipe === "mean") return g.div(g.sum(...losses.map((loss) => meanOf(g, loss))), losses.length);
  const weights = weightsOf(context, answers, recipe);
  if (losses.every(({ shape }) => shape.length === 1)) return g.reduceMean(combine(g, losses, weights));
  if (weights.shape[0] !== 1) {
    throw new LimbeckError("The loss compares whole batches, so that teachers cannot be weighted by sample.", {
      where: "combine",
      hint: "Combine teachers by mean, meanLogits, random or weights, or use a loss of single samples such as kd.",
    });
  }
  const row = g.concat(
    losses.map((loss) => g.reshape(meanOf(g, loss), [1, 1])),
    1,
  );
  return g.reshape(g.reduceSum(g.mul(row, weights)), []);
}

/** Of the losses of single samples, their mean. */
export function meanOf(g: GraphBuilder, loss: Value): Value {
  return loss.shape.length === 0 ? loss : g.reduceMean(loss);
}

/** [B, K], or [1, K] where all samples have the same. */
function weightsOf(
  { g, scalar, ...truth }: Truth & Pick<LossContext, "g" | "scalar">,
  answers: readonly Value[],
  recipe: CombineRecipe,
): Value {
  if (typeof recipe === "object") {
    return "weights" in recipe
      ? fixedWeights(g, recipe.weights)
      : classWeights(g, recipe.perClass, onlyLabels(truth, "`combine: { perClass }`"));
  }
  if (recipe === "entropy") return entropyWeights(g, answers);
  return recipe === "confidence"
    ? confidenceWeights(g, answers, onlyLabels(truth, "`combine: confidence`"))
    : randomTeacher(g, scalar("seed"), answers.length);
}

import { needsTeacher } from "./objective.ts";
import type { LossRecipe, Recipe, StageRecipe } from "./recipe/schema.ts";

/** A part of a run with losses, data and schedules of its own. */
export interface Stage extends Pick<Recipe, "losses" | "optimizer" | "epochs" | "frozen" | "data" | "clipNorm"> {
  /** Tells it from the others: nothing where there is but one. */
  readonly name?: string;
  /** Patterns of the only weights that are trained; all of them unless given. */
  readonly trained?: readonly string[];
}

/** The stages of a recipe: those it lists, what they leave open being as in the recipe; or the one that it is. */
export function stagesOf(recipe: Recipe): readonly Stage[] {
  const whole = { ...wholeOf(recipe), losses: recipe.losses };
  return recipe.stages?.map((stage, index) => ({ ...whole, ...given(stage), name: stage.name ?? `stage${index + 1}` })) ?? [whole];
}

function wholeOf({ optimizer, epochs, frozen, data, clipNorm }: Recipe): Omit<Stage, "losses"> {
  return { optimizer, epochs, frozen, data, clipNorm };
}

function given({ data, ...stage }: StageRecipe): Partial<Stage> {
  return Object.fromEntries(Object.entries({ ...stage, ...(data && { data }) }).filter(([, value]) => value !== undefined));
}

/** Whether a recipe's student learns from more than labels: from a teacher, or from peers. */
export function learnsFromOthers(recipe: Recipe): boolean {
  return recipe.mutual !== undefined || stagesOf(recipe).some(({ losses }) => losses.some(needsTeacher));
}

/** The same training without a teacher, as long as all stages together: hard labels alone. */
export function withoutTeacher(recipe: Recipe): readonly Stage[] {
  return [{ ...wholeOf(recipe), losses: hardLosses(recipe), epochs: epochsOf(recipe) }];
}

/** Labels alone, smoothed where the recipe smooths them. */
export function hardLosses(recipe: Recipe): LossRecipe[] {
  const hard = stagesOf(recipe)
    .flatMap(({ losses }) => losses)
    .find((loss) => "crossEntropy" in loss);
  return [{ crossEntropy: { labelSmoothing: hard?.crossEntropy.labelSmoothing ?? 0, weight: 1 } }];
}

/** Of all stages together. */
export function epochsOf(recipe: Recipe): number {
  return stagesOf(recipe).reduce((sum, { epochs }) => sum + epochs, 0);
}

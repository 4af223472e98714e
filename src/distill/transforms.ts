import { affine } from "../data/affine.ts";
import { elastic } from "../data/elastic.ts";
import { flip, shift, type Transform } from "../data/transforms.ts";
import type { AugmentationRecipe } from "./recipe/schema.ts";

/** The transform that a recipe describes. */
export function toTransform(recipe: AugmentationRecipe): Transform {
  if ("shift" in recipe) return shift(recipe.shift);
  if ("rotate" in recipe) return affine({ rotate: recipe.rotate });
  if ("affine" in recipe) return affine(recipe.affine);
  if ("elastic" in recipe) return elastic(recipe.elastic);
  return flip();
}

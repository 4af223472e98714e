import { type AffineOptions, affine } from "./affine.ts";
import { type ElasticOptions, elastic } from "./elastic.ts";
import { flip, shift, type Transform } from "./transforms.ts";

/** A transform as plain data: what a recipe holds, and what can be sent to another thread. */
export type Augmentation =
  | { readonly shift: number }
  | { readonly rotate: number }
  | { readonly affine: AffineOptions }
  | { readonly elastic: ElasticOptions }
  | { readonly flip: true };

/** The transform that an augmentation describes. @throws LimbeckError when its options are impossible. */
export function toTransform(augmentation: Augmentation): Transform {
  if ("shift" in augmentation) return shift(augmentation.shift);
  if ("rotate" in augmentation) return affine({ rotate: augmentation.rotate });
  if ("affine" in augmentation) return affine(augmentation.affine);
  if ("elastic" in augmentation) return elastic(augmentation.elastic);
  return flip();
}

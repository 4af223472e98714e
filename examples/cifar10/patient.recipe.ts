import { adamw, cosine, defineRecipe, zoo } from "limbeck";
import { common, trained } from "./common.ts";

/**
 * "A good teacher is patient and consistent" (Beyer et al., 2022): soft targets alone, of the very image that the student sees, with mixup and a
 * long schedule. Patience is what a short one lacks: the paper's begin at 300 epochs.
 */
export default defineRecipe({
  ...common,
  preset: "patient",
  data: { ...common.data, mix: { mixup: { alpha: 1 } } },
  teacher: trained("resnet56"),
  student: zoo.resnet20(),
  optimizer: adamw({ learningRate: cosine(3e-3, { warmup: 0.05 }), weightDecay: 1e-4 }),
  clipNorm: 1,
  epochs: 8,
});

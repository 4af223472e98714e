import { sgd, stepDecay } from "limbeck";

/**
 * CIFAR-10 as Hugging Face has it (uoft-cs/cifar10), in examples/cifar10/data; or by `--data` wherever it is, in the official binary form too.
 * Padded crops and flips, as published.
 */
const data = { parquet: "./data", size: 32, validation: 5000, augment: [{ shift: 4 }, { flip: true as const }] };

/**
 * What the pairs of the literature are trained with (RepDistiller, Tian et al., 2020; mdistiller), but for the epochs: 240 there, with decays after
 * 150, 180 and 210. Recipes here have a short schedule, meant for some 25 minutes on two cores; `--set epochs=240` gives the published one.
 */
export const common = { data, batchSize: 64, optimizer: published(0.05), baseline: false };

/** @param rate 0.05; 0.01 for MobileNets and ShuffleNets. */
export function published(rate: number) {
  return sgd({ learningRate: stepDecay(rate, { at: [150 / 240, 180 / 240, 210 / 240], factor: 0.1 }), momentum: 0.9, weightDecay: 5e-4 });
}

/** A teacher that teacher.recipe.ts has trained. */
export const trained = (name: string): string => `../../runs/cifar10-${name}/student.onnx`;

import { LimbeckError } from "../errors.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { withWeights } from "../train/trainable.ts";
import type { State } from "../train/trainer.ts";
import type { Environment } from "./environment.ts";
import { describeClassifier } from "./network.ts";
import type { Recipe } from "./recipe/schema.ts";
import { epochsOf } from "./stages.ts";
import type { Training } from "./train-network.ts";

/** @throws LimbeckError when the run never gets to an epoch of which the recipe keeps the student, or has no place to keep it in. */
export function checkSnapshots(recipe: Recipe, { keepFile }: Environment): void {
  const epochs = epochsOf(recipe);
  const beyond = recipe.snapshots.find((epoch) => epoch > epochs);
  if (beyond !== undefined) throw new LimbeckError(`The run has ${epochs} epochs, so there is no snapshot of epoch ${beyond}.`);
  if (recipe.snapshots.length > 0 && !keepFile) {
    throw new LimbeckError("There is no place for the snapshots.", { hint: "Give the run a directory (`out`), or leave snapshots out." });
  }
}

/**
 * Keeps the student as it is after an epoch that the recipe names, as an ONNX file of its own: early-stopped teachers (Cho and Hariharan,
 * 2019, arXiv:1910.01348). It must be called before the epoch counts as done, so that a run that is killed and resumed keeps it too.
 */
export async function keepSnapshot(
  { phase, recipe, network, normalization, data, environment }: Training,
  epoch: number,
  weights: () => Promise<State>,
): Promise<void> {
  if (phase !== "student" || !recipe.snapshots.includes(epoch)) return;
  const student = describeClassifier(withWeights(network, await weights()), normalization, data.train.classes);
  await environment.keepFile?.(`epoch-${epoch}.onnx`, writeOnnx(student));
}

import type { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { crossEntropyLoss } from "../../src/losses/cross-entropy.ts";
import { LABELS, type LossTerm } from "../../src/train/step.ts";

/**
 * What scripts/golden/models.py and bench/peers/check_models.py write beside a model: `input:NAME`, `labels` or `target:NAME`,
 * `gradient:NAME` and more, the names being those in the model.
 */
export type Reference = ReadonlyMap<string, Tensor>;

/** The tensors whose names begin with `kind:`, by the rest of their name. */
export function tensorsOf(reference: Reference, kind: string): ReadonlyMap<string, Tensor> {
  const prefix = `${kind}:`;
  return new Map(Array.from(reference).flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])));
}

/** The sizes that the model leaves open, as the inputs have them. */
export function sizesOf(model: Graph, reference: Reference): Record<string, number> {
  const inputs = tensorsOf(reference, "input");
  return Object.fromEntries(
    model.inputs.flatMap(({ name, shape }) =>
      shape.flatMap((size, axis) => (typeof size === "string" ? [[size, inputs.get(name)?.shape[axis] as number] as const] : [])),
    ),
  );
}

/** How many samples the inputs hold. */
export function batchSizeOf(reference: Reference): number {
  const [size] = [...tensorsOf(reference, "input").values()][0]?.shape ?? [];
  if (size === undefined) throw new Error("There is no input.");
  return size;
}

/** PyTorch's loss: cross-entropy with the labels, or the mean squared difference of each output from its target, summed. */
export function lossOf(reference: Reference): LossTerm {
  if (reference.has("labels")) return { name: "loss", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) };
  const targets = tensorsOf(reference, "target");
  return {
    name: "loss",
    teacher: Object.fromEntries(Array.from(targets, ([name, { shape }]) => [name, shape.slice(1)])),
    build: ({ g, student, teacher }) => {
      const differences = Array.from(targets.keys(), (name) => g.sub(student(name), teacher(name)));
      return g.sum(...differences.map((difference) => g.reduceMean(g.mul(difference, difference))));
    },
  };
}

/** What a step with that loss is fed. */
export function batchOf(reference: Reference): Record<string, Tensor> {
  const count = batchSizeOf(reference);
  const labels = reference.get("labels") ?? { type: "int32", shape: [count], data: new Int32Array(count) };
  const targets = Array.from(tensorsOf(reference, "target"), ([name, tensor]) => [`teacher:${name}`, tensor] as const);
  return { ...Object.fromEntries(tensorsOf(reference, "input")), ...Object.fromEntries(targets), [LABELS]: labels };
}

/** The scalars of a step with that loss. */
export const scalarsOf = (learningRate: number): Record<string, number> => ({ learningRate, seed: 0, "weight:loss": 1 });

/**
 * The gradients of the first step, from the state after it: with SGD, the momentum that began as zero. The tensors are the trainer's own,
 * which overwrites them.
 */
export function firstGradients(state: Reference): ReadonlyMap<string, Tensor> {
  return tensorsOf(state, "momentum");
}

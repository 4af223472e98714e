/** Test helper, not part of the package: small networks to train, and how to train them. */
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import { crossEntropyLoss } from "../losses/cross-entropy.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { LossTerm } from "./step.ts";
import { LABELS } from "./step.ts";

export const runtime = nodeRuntime({ threads: 1 });

export const hardLabels: LossTerm = { name: "crossEntropy", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) };

/** scale·sin(a·i + b) over the row-major index i: the numbers that need no file. */
export const sine = (shape: readonly number[], scale: number, a: number, b: number): Float32Tensor =>
  float32(
    Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => scale * Math.sin(a * i + b)),
    shape,
  );

/** A classifier of inputs [N, ...sample] from what `body` makes of them. */
export function network(sample: readonly number[], body: (g: GraphBuilder, x: Value) => Value): Graph {
  const g = graphBuilder("network");
  g.output(body(g, g.input("x", "float32", ["N", ...sample])), "logits");
  return g.build();
}

/** What the step calls a batch of the networks made here. */
export const batchOf = (inputs: Float32Tensor, labels: readonly number[], input = "x"): Record<string, Tensor> => ({
  [input]: inputs,
  [LABELS]: int32(labels),
});

/** A deep copy of tensors by name, which the trainer's own are not: they are overwritten. */
export const snapshot = (tensors: ReadonlyMap<string, Float32Tensor>): Record<string, Float32Array> =>
  Object.fromEntries(Array.from(tensors, ([name, { data }]) => [name, data.slice()]));

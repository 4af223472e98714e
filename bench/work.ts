import { backpropagate } from "../src/autodiff/gradient.ts";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { pruneDead } from "../src/graph/rewrite/prune.ts";
import { elementCount, float32, int32, type Tensor } from "../src/graph/tensor.ts";
import { crossEntropyLoss } from "../src/losses/cross-entropy.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { randomFor } from "../src/random.ts";
import type { Runtime } from "../src/runtime/runtime.ts";
import { sgd } from "../src/train/optimizers.ts";
import { compileStep, LABELS } from "../src/train/step.ts";
import { createTrainer } from "../src/train/trainer.ts";

/** Something to time: one call is one iteration. */
export type Work = () => Promise<unknown>;

const random = randomFor(0);
const uniform = (shape: readonly number[]): Tensor => float32(Float32Array.from({ length: elementCount(shape) }, random.uniform), shape);

/** One SGD step of 784-1200-1200-10 on a batch of 128. */
export async function mlpStep(runtime: Runtime): Promise<Work> {
  const student = mlp({ inputShape: [784], hidden: [1200, 1200], classes: 10, seed: 0 });
  const losses = [{ name: "crossEntropy", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) }] satisfies Parameters<
    typeof compileStep
  >[0]["losses"];
  const trainer = await createTrainer(runtime, compileStep({ student, batchSize: 128, losses, optimizer: sgd() }));
  const batch = { input: uniform([128, 784]), [LABELS]: int32(Int32Array.from({ length: 128 }, () => random.integer(0, 9))) };
  return () => trainer.run(batch, { learningRate: 0.01, seed: 0, "weight:crossEntropy": 1 });
}

/** Forward and backward of a 3×3 convolution 64→64 at 32×32 on a batch of 64: gradients of input and weight. */
export async function convolution(runtime: Runtime): Promise<Work> {
  const g = graphBuilder("convolution");
  const [x, w, direction] = [
    g.input("x", "float32", [64, 64, 32, 32]),
    g.input("w", "float32", [64, 64, 3, 3]),
    g.input("direction", "float32", [64, 64, 32, 32]),
  ];
  const y = g.conv(x, w, undefined, { padding: 1 });
  // Backpropagating Σ y·direction makes `direction` the gradient of y, as PyTorch's y.backward(direction) does.
  const [dx, dw] = backpropagate(g, g.reduceSum(g.mul(y, direction)), [x, w]);
  const outputs = { y, dx: dx ?? x, dw: dw ?? w };
  for (const [name, value] of Object.entries(outputs)) g.output(value, name);
  const session = await runtime.createSession(writeOnnx(pruneDead(g.build())));
  const feeds = { x: uniform([64, 64, 32, 32]), w: uniform([64, 64, 3, 3]), direction: uniform([64, 64, 32, 32]) };
  const into = Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, uniform(shape.map(Number))]));
  return () => session.run(feeds, { into, fetch: [] });
}

/** A matrix product of 1024³ multiply-adds: the rate that nothing here can exceed by much. */
export async function matrixProduct(runtime: Runtime): Promise<Work> {
  const g = graphBuilder("matrix-product");
  g.output(g.matMul(g.input("a", "float32", [1024, 1024]), g.input("b", "float32", [1024, 1024])), "y");
  const session = await runtime.createSession(writeOnnx(g.build()));
  const feeds = { a: uniform([1024, 1024]), b: uniform([1024, 1024]) };
  const into = { y: uniform([1024, 1024]) };
  return () => session.run(feeds, { into, fetch: [] });
}

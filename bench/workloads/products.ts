import { backpropagate } from "../../src/autodiff/gradient.ts";
import { graphBuilder } from "../../src/graph/builder/builder.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { pruneDead } from "../../src/graph/rewrite/prune.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { uniform, type Work } from "./work.ts";

/** A matrix product of 1024³ multiply-adds: the rate that nothing here can exceed by much. */
export async function matrixProduct(runtime: Runtime): Promise<Work> {
  const g = graphBuilder("matrix-product");
  g.output(g.matMul(g.input("a", "float32", [1024, 1024]), g.input("b", "float32", [1024, 1024])), "y");
  const session = await runtime.createSession(writeOnnx(g.build()));
  const feeds = { a: uniform([1024, 1024]), b: uniform([1024, 1024]) };
  const into = { y: uniform([1024, 1024]) };
  return { run: () => session.run(feeds, { into, fetch: [] }), flops: 2 * 1024 ** 3 };
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
  return { run: () => session.run(feeds, { into, fetch: [] }), flops: 6 * 64 * 32 * 32 * 64 * 64 * 9 };
}

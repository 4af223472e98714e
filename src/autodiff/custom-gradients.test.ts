import { expect, test } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { reverseGradient, stopGradient } from "./custom-gradients.ts";
import { backpropagate } from "./gradient.ts";

test("a gradient is stopped on one way and reversed on another, and the values stay", async () => {
  const g = graphBuilder("custom");
  const [x, lambda] = [g.input("x", "float32", [2]), g.input("lambda", "float32", [])];
  // y = x·stop(x) + 3·reverse(x)  =>  dx = x − 3λ
  const y = g.add(g.mul(x, stopGradient(g, x)), g.mul(reverseGradient(g, x, lambda), 3));
  g.output(y, "y");
  g.output(backpropagate(g, g.reduceSum(y), [x])[0] ?? x, "dx");
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(g.build()));
  const found = await session.run({ x: float32([2, -1]), lambda: float32([0.5], []) });
  await session.release();
  expect(Array.from(found.y?.data as Float32Array)).toEqual([10, -2]);
  expect(Array.from(found.dx?.data as Float32Array)).toEqual([0.5, -2.5]);
});

test("what only stopped values lead to has no gradient", () => {
  const g = graphBuilder("stopped");
  const x = g.input("x", "float32", [2]);
  const [dx] = backpropagate(g, g.reduceSum(stopGradient(g, x)), [x]);
  expect(dx && g.constantOf(dx)?.data).toEqual(Float32Array.of(0, 0));
});

import { expect, it } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { backpropagate } from "./gradient.ts";
import { stopGradient } from "./stop-gradient.ts";

it("a stopped value counts, and has no gradient", async () => {
  const g = graphBuilder("stopped");
  const x = g.input("x", "float32", [2]);
  const loss = g.reduceSum(g.mul(stopGradient(g, g.mul(x, x)), x));
  g.output(loss, "loss");
  g.output(backpropagate(g, loss, [x])[0] as Value, "gradient");
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(g.build()));
  const found = await session.run({ x: float32([2, 3]) });
  await session.release();
  expect(found.loss?.data[0]).toBe(35);
  expect(Array.from(found.gradient?.data as Float32Array)).toEqual([4, 9]);
});

it("a loss of stopped values alone has a gradient of zeros", () => {
  const g = graphBuilder("stopped");
  const x = g.input("x", "float32", [2]);
  const [gradient] = backpropagate(g, g.reduceSum(stopGradient(g, x)), [x]);
  expect(gradient?.shape).toEqual([2]);
});

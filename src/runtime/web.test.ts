import { describe, expect, it } from "vitest";
import { backpropagate } from "../autodiff/gradient.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { float32, int32 } from "../graph/tensor.ts";
import { nodeRuntime } from "./node.ts";
import type { Runtime } from "./runtime.ts";
import { webRuntime } from "./web.ts";

/** Loss and gradients of a small convolutional classifier. */
function gradientGraph(): Uint8Array {
  const g = graphBuilder("gradients");
  const x = g.input("x", "float32", [4, 1, 6, 6]);
  const [kernel, weight] = [g.input("kernel", "float32", [3, 1, 3, 3]), g.input("weight", "float32", [2, 12])];
  const features = g.flatten(g.maxPool(g.relu(g.conv(x, kernel)), [2, 2], { stride: 2 }));
  const picked = g.mul(g.logSoftmax(g.matMul(features, weight, { transposeB: true })), g.oneHot(g.input("labels", "int32", [4]), 2));
  const loss = g.neg(g.reduceMean(g.reduceSum(picked, { axes: [1] })));
  const [dKernel, dWeight] = backpropagate(g, loss, [kernel, weight]);
  g.output(loss, "loss");
  g.output(dKernel ?? loss, "dKernel");
  g.output(dWeight ?? loss, "dWeight");
  return writeOnnx(pruneDead(g.build()));
}

const wave = (shape: readonly number[], step: number) =>
  float32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(step * i + 0.3)),
    shape,
  );
const feeds = { x: wave([4, 1, 6, 6], 0.7), kernel: wave([3, 1, 3, 3], 1.1), weight: wave([2, 12], 0.5), labels: int32([0, 1, 1, 0]) };

async function answers(runtime: Runtime) {
  const session = await runtime.createSession(gradientGraph());
  const result = await session.run(feeds);
  await session.release();
  return result;
}

describe("the runtime of browsers", () => {
  it("gives the gradients that Node's gives", async () => {
    const [web, node] = [await answers(webRuntime({ threads: 1 })), await answers(nodeRuntime())];
    for (const name of ["loss", "dKernel", "dWeight"]) {
      const [ours, theirs] = [web[name]?.data as Float32Array, node[name]?.data as Float32Array];
      expect(theirs.some((value) => value !== 0)).toBe(true);
      ours.forEach((value, index) => expect(value).toBeCloseTo(theirs[index] as number, 5));
    }
  });

  it("writes into tensors that are given", async () => {
    const session = await webRuntime({ threads: 1 }).createSession(gradientGraph());
    const into = { dWeight: float32(new Float32Array(24), [2, 12]) };
    await session.run(feeds, { into, fetch: [] });
    expect(into.dWeight.data).toEqual((await session.run(feeds)).dWeight?.data);
    await session.release();
  });
});

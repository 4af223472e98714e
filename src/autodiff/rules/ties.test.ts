import { describe, expect, it } from "vitest";
import { ints } from "../../graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { float32 } from "../../graph/tensor.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { gradient } from "../gradient.ts";

/** Gradient of the sum of what `build` makes of x. */
async function gradientAt(x: readonly number[], shape: readonly number[], build: (g: GraphBuilder, x: Value) => Value): Promise<number[]> {
  const g = graphBuilder("ties");
  g.output(g.reduceSum(build(g, g.input("x", "float32", shape))), "loss");
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(gradient(g.build(), "loss", ["x"])));
  const { "gradient:x": found } = await session.run({ x: float32(x, shape) }, { fetch: ["gradient:x"] });
  return Array.from((found as { data: Float32Array }).data);
}

describe("among equal maxima", () => {
  it("MaxPool's gradient goes to the first in the window, as in PyTorch", async () => {
    const side = await gradientAt([1, 1, 0, 2, 1, 1, 2, 2], [1, 1, 2, 4], (g, x) => g.maxPool(x, [2, 2], { stride: 2 }));
    expect(side).toEqual([1, 0, 0, 1, 0, 0, 0, 0]);
    const overlapping = await gradientAt([0, 3, 3, 3, 0], [1, 1, 5], (g, x) => g.maxPool(x, [3], { padding: 1 }));
    expect(overlapping).toEqual([0, 3, 1, 1, 0]);
  });

  it("GlobalMaxPool's gradient goes to the first", async () => {
    const found = await gradientAt([1, 5, 5, 1], [1, 1, 2, 2], (g, x) => g.emit("GlobalMaxPool", [x])[0] as Value);
    expect(found).toEqual([0, 1, 0, 0]);
  });

  it("MaxPool's gradient adds up where windows share their maximum", async () => {
    const found = await gradientAt(
      [1, 9, 1],
      [1, 1, 3],
      (g, x) => g.emit("MaxPool", [x], { attributes: { kernel_shape: ints([2]) } })[0] as Value,
    );
    expect(found).toEqual([0, 2, 0]);
  });

  it("ReduceMax and Max share the gradient equally, as PyTorch's amax and maximum do", async () => {
    expect(await gradientAt([2, 2, 1, 2], [4], (g, x) => g.reduceMax(x))).toEqual([1, 1, 0, 1].map((hit) => Math.fround(hit / 3)));
    expect(await gradientAt([2, 3, 1], [3], (g, x) => g.max(x, g.constant(float32([2, 0, 2]))))).toEqual([0.5, 1, 0]);
  });
});

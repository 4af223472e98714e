import { describe, expect, it } from "vitest";
import { float, ints } from "../../graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../../graph/builder/builder.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { float32, int64 } from "../../graph/tensor.ts";
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

const emit = (g: GraphBuilder, op: string, inputs: readonly Value[], attributes: Attributes = {}): Value =>
  g.emit(op, inputs, { attributes })[0] as Value;

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

  it("TopK's gradient goes to those that the runtime took, the first ones", async () => {
    const largest = (g: GraphBuilder, x: Value) => g.emit("TopK", [x, g.constant(int64([2]))], { outputs: 2 })[0] as Value;
    expect(await gradientAt([1, 3, 3, 3], [4], largest)).toEqual([0, 1, 1, 0]);
  });
});

/** Numbers that PyTorch 2.13 gives for the gradient of the sum. */
describe("at kinks, the gradient is PyTorch's", () => {
  it("0 for |x|, ReLU and Sign at 0", async () => {
    expect(await gradientAt([-1, 0, 2], [3], (g, x) => g.abs(x))).toEqual([-1, 0, 1]);
    expect(await gradientAt([-1, 0, 2], [3], (g, x) => g.relu(x))).toEqual([0, 0, 1]);
    expect(await gradientAt([-1, 0, 2], [3], (g, x) => g.sign(x))).toEqual([0, 0, 0]);
  });

  it("the slope of the left side for LeakyReLU and ELU at 0", async () => {
    expect(await gradientAt([0], [1], (g, x) => g.leakyRelu(x, 0.25))).toEqual([0.25]);
    expect(await gradientAt([0], [1], (g, x) => emit(g, "Elu", [x], { alpha: float(0.5) }))).toEqual([0.5]);
  });

  it("1 for Clip at its bounds, like that of clamp, and 0 at those of ReLU6", async () => {
    expect(await gradientAt([-2, -1, 0, 1, 2], [5], (g, x) => g.clip(x, -1, 1))).toEqual([0, 1, 1, 1, 0]);
    expect(await gradientAt([-1, 0, 1, 6, 7], [5], (g, x) => g.clip(x, 0, 6))).toEqual([0, 0, 1, 0, 0]);
  });

  it("0 and 1 for HardSwish at -3 and 3", async () => {
    expect(await gradientAt([-3, 3], [2], (g, x) => g.hardSwish(x))).toEqual([0, 1]);
  });

  it("0 for HardSigmoid at its bounds", async () => {
    expect(await gradientAt([-4, 0, 4], [3], (g, x) => emit(g, "HardSigmoid", [x], { alpha: float(1 / 8), beta: float(1 / 2) }))).toEqual([
      0, 0.125, 0,
    ]);
  });

  it("0 for a norm at the origin", async () => {
    expect(await gradientAt([0, 0, 3, 4], [2, 2], (g, x) => emit(g, "ReduceL2", [x, g.constant(int64([1]))]))).toEqual([
      0,
      0,
      Math.fround(0.6),
      Math.fround(0.8),
    ]);
    expect(await gradientAt([0, -1, 2], [3], (g, x) => emit(g, "ReduceL1", [x]))).toEqual([0, -1, 1]);
  });

  it("that of the product of the others for ReduceProd with zeros", async () => {
    expect(await gradientAt([0, 2, 3, 0, 5, 0], [2, 3], (g, x) => emit(g, "ReduceProd", [x, g.constant(int64([1]))]))).toEqual([
      6, 0, 0, 0, 0, 0,
    ]);
  });

  it("shared among three equal operands of Max", async () => {
    const third = Math.fround(1 / 3);
    expect(await gradientAt([1, 2], [2], (g, x) => emit(g, "Max", [x, g.scalar(1), g.mul(g.scalar(1), 1)]))).toEqual([third, 1]);
  });
});

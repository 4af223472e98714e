import { describe, expect, it } from "vitest";
import { int } from "../../graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { float32, type Tensor } from "../../graph/tensor.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { gradient } from "../gradient.ts";

const X = [-1.4, -1.253, -1.101, -0.302, 0, 0.123, 0.601, 1.153, 1.301];
const SHAPE = [3, 3];
const integers = (type: "int8" | "uint8", data: readonly number[], shape: readonly number[] = []): Tensor => ({
  type,
  shape,
  data: type === "int8" ? Int8Array.from(data) : Uint8Array.from(data),
});

/** The weights of the elements in the loss. */
const WEIGHTS = float32([1, 2, 3, 4, 5, 6, 7, 8, 9], SHAPE);

/** Gradients of the weighed sum of what `build` makes of x and s. */
async function gradientsOf(scale: Tensor, build: (g: GraphBuilder, x: Value, s: Value) => Value): Promise<{ x: number[]; s: number[] }> {
  const g = graphBuilder("quantised");
  const [x, s] = [g.input("x", "float32", SHAPE), g.input("s", "float32", scale.shape)];
  g.output(g.reduceSum(g.mul(build(g, x, s), g.constant(WEIGHTS))), "loss");
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(gradient(g.build(), "loss", ["x", "s"])));
  const found = await session.run({ x: float32(X, SHAPE), s: scale }, { fetch: ["gradient:x", "gradient:s"] });
  const numbers = (name: string) => Array.from((found[name] as Tensor).data as Float32Array);
  return { x: numbers("gradient:x"), s: numbers("gradient:s") };
}

const quantize = (g: GraphBuilder, x: Value, s: Value, z: Value | undefined, axis = 1): Value =>
  g.emit("QuantizeLinear", [x, s, z], { attributes: { axis: int(axis) } })[0] as Value;
const dequantize = (g: GraphBuilder, q: Value, s: Value, z: Value | undefined, axis = 1): Value =>
  g.emit("DequantizeLinear", [q, s, z], { attributes: { axis: int(axis) } })[0] as Value;

/** PyTorch's `fake_quantize` and LSQ's scale, worked out element by element. */
function expected(scale: (index: number) => number, zero: number, low: number, high: number) {
  const inside = X.map((x, index) => {
    const steps = roundToEven(x / scale(index)) + zero;
    return steps >= low && steps <= high;
  });
  const weight = (index: number) => WEIGHTS.data[index] as number;
  const scaleTerms = X.map((x, index) => {
    const steps = x / scale(index);
    const clipped = Math.min(Math.max(roundToEven(steps) + zero, low), high) - zero;
    return weight(index) * (inside[index] ? clipped - steps : clipped);
  });
  return { x: X.map((_, index) => (inside[index] ? weight(index) : 0)), scaleTerms };
}

function roundToEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const sum = (terms: readonly number[]): number => terms.reduce((total, term) => total + term, 0);

describe("quantising and back", () => {
  it("passes the gradient straight through where nothing is clipped, and gives the scale LSQ's", async () => {
    // From -1.28 to 1.27 in steps of 0.01.
    const { x, s } = await gradientsOf(float32([0.01], []), (g, value, scale) => {
      const z = g.constant(integers("int8", [0]));
      return dequantize(g, quantize(g, value, scale, z), scale, z);
    });
    const right = expected(() => Math.fround(0.01), 0, -128, 127);
    expect(x).toEqual(right.x);
    expect(right.x.filter((grad) => grad === 0)).toHaveLength(2);
    expect(s[0]).toBeCloseTo(sum(right.scaleTerms), 2);
  });

  it("with a zero point, and one that is left out", async () => {
    const { x } = await gradientsOf(float32([0.01], []), (g, value, scale) => {
      const z = g.constant(integers("uint8", [100]));
      return dequantize(g, quantize(g, value, scale, z), scale, z);
    });
    expect(x).toEqual(expected(() => Math.fround(0.01), 100, 0, 255).x);
    const plain = await gradientsOf(float32([0.01], []), (g, value, scale) =>
      dequantize(g, quantize(g, value, scale, undefined), scale, undefined),
    );
    expect(plain.x).toEqual(expected(() => Math.fround(0.01), 0, 0, 255).x);
  });

  it("at exactly half a step beyond the range, follows rounding to even: inside below, outside above", async () => {
    const g = graphBuilder("edges");
    const value = g.input("x", "float32", [4]);
    const [scale, z] = [g.constant(float32([2 ** -7], [])), g.constant(integers("int8", [0]))];
    g.output(g.reduceSum(dequantize(g, quantize(g, value, scale, z), scale, z)), "loss");
    const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(gradient(g.build(), "loss", ["x"])));
    const found = await session.run({ x: float32([-128.5, 127.5, -128.51, 127.49].map((steps) => steps * 2 ** -7)) });
    expect(Array.from((found["gradient:x"] as Tensor).data as Float32Array)).toEqual([1, 0, 0, 1]);
  });

  it("by a scale per column and per row", async () => {
    const scales = [0.01, 0.02, 0.005];
    for (const axis of [0, 1]) {
      const { x, s } = await gradientsOf(float32(scales), (g, value, scale) => {
        const z = g.constant(integers("int8", [0, 0, 0], [3]));
        return dequantize(g, quantize(g, value, scale, z, axis), scale, z, axis);
      });
      const of = (index: number) => (axis === 0 ? Math.floor(index / 3) : index % 3);
      const right = expected((index) => Math.fround(scales[of(index)] as number), 0, -128, 127);
      expect(x).toEqual(right.x);
      s.forEach((found, channel) => {
        expect(found).toBeCloseTo(sum(right.scaleTerms.filter((_, index) => of(index) === channel)), 2);
      });
    }
  });

  it("through what only moves or clips the integers", async () => {
    const { x } = await gradientsOf(float32([0.01], []), (g, value, scale) => {
      const z = g.constant(integers("int8", [0]));
      const q = quantize(g, value, scale, z);
      const clipped = g.clip(q, g.constant(integers("int8", [-100])), g.constant(integers("int8", [100])));
      return dequantize(g, g.transpose(g.transpose(clipped, [1, 0]), [1, 0]), scale, z);
    });
    expect(x).toEqual([0, 0, 0, 4, 5, 6, 7, 0, 0]);
  });

  it("by another scale, multiplies by their ratio", async () => {
    const { x } = await gradientsOf(float32([0.01], []), (g, value, scale) => {
      const z = g.constant(integers("int8", [0]));
      return dequantize(g, quantize(g, value, scale, z), g.constant(float32([0.02], [])), z);
    });
    expect(x.map((grad) => Math.round(grad * 1000) / 1000)).toEqual([0, 4, 6, 8, 10, 12, 14, 16, 0]);
  });

  it("stops at integers that are computed with", async () => {
    const { x } = await gradientsOf(float32([0.01], []), (g, value, scale) =>
      g.add(g.cast(quantize(g, value, scale, g.constant(integers("int8", [0]))), "float32"), value),
    );
    expect(x).toEqual(Array.from(WEIGHTS.data));
  });
});

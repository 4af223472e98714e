import { int } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { float32, type Tensor } from "../../graph/tensor.ts";
import type { GradientCase } from "../finite-differences.ts";

const int8 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor => ({
  type: "int8",
  shape,
  data: Int8Array.from(data),
});
const stored = int8([-128, -3, 0, 5, 100, 127], [2, 3]);

const dequantized = (
  note: string,
  scale: readonly number[],
  zeroPoint: Tensor | undefined,
  attributes: Record<string, number> = {},
): GradientCase => ({
  name: `DequantizeLinear of stored integers, ${note}`,
  inputs: [{ shape: scale, range: [0.5, 1] }],
  build: (g, s) => emit(g, "DequantizeLinear", [g.constant(stored), s as Value, zeroPoint && g.constant(zeroPoint)], attributes),
  onlyFloat32: true,
});

function emit(g: GraphBuilder, op: string, inputs: readonly (Value | undefined)[], attributes: Record<string, number> = {}): Value {
  return g.emit(op, inputs, {
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, int(value)])),
  })[0] as Value;
}

/** Steps so fine, from -0.5 to 0.5, that differences don't see them. */
const fine = (
  note: string,
  range: readonly [number, number],
  scale: readonly number[],
  attributes: Record<string, number> = {},
): GradientCase => ({
  name: `QuantizeLinear and back in fine steps, ${note}`,
  inputs: [{ shape: [2, 3], range }],
  build: (g, x) => {
    const shape = scale.length === 1 ? [] : [scale.length];
    const s = g.constant(float32(scale, shape));
    const z = g.constant({ type: "int16", shape, data: new Int16Array(scale.length) });
    return emit(g, "DequantizeLinear", [emit(g, "QuantizeLinear", [x, s, z], attributes), s, z], attributes);
  },
  onlyFloat32: true,
});

export const quantizationCases: readonly GradientCase[] = [
  dequantized("one scale", [], int8([3], [])),
  dequantized("no zero point", [1], undefined),
  dequantized("a scale per column", [3], int8([1, -2, 3])),
  dequantized("a scale per row", [2], int8([1, -2]), { axis: -2 }),
  dequantized("a scale per block", [2, 2], int8([1, -2, 3, 4], [2, 2]), { axis: 1, block_size: 2 }),
  fine("inside", [-0.4, 0.4], [2 ** -16]),
  fine("outside", [0.6, 2], [2 ** -16]),
  fine("per channel", [-0.4, 0.4], [2 ** -16, 2 ** -17, 2 ** -16], { axis: -1 }),
];

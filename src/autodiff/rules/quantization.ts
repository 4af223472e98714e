import { LimbeckError } from "../../errors.ts";
import { intAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import { describeNode, type Node, type Value } from "../../graph/graph.ts";
import { type ElementType, int64 } from "../../graph/tensor.ts";
import { type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { masked } from "./elementwise.ts";

/** The least and the greatest number of each type that is quantised to. */
const ranges: Readonly<Partial<Record<ElementType, readonly [number, number]>>> = {
  int2: [-2, 1],
  uint2: [0, 3],
  int4: [-8, 7],
  uint4: [0, 15],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

/**
 * q = clip(round(x/s) + z): the gradient passes straight through the rounding (Bengio et al., 2013, arXiv:1308.3432), and stops where x was
 * clipped, as in PyTorch's `fake_quantize`. That of q is stated for the real number r = s·(q - z) that q stands for, so it is that of x.
 * With DequantizeLinear's r = s·(q - z), the rule for s is that of LSQ (Esser et al., 2020, arXiv:1902.08153): r/s - x/s inside, r/s
 * outside.
 */
const quantizeLinear: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const [x, scale, zeroPoint] = inputs as [Value, Value, Value | undefined];
  const [q, dr] = [outputs[0], grads[0]] as [Value, Value];
  const range = ranges[q.type];
  if (!range) {
    throw new LimbeckError(`No gradient rule for ${describeNode(node)} to ${q.type}.`, {
      hint: "Quantise to integers of 16 bits or less.",
    });
  }
  const s = g.cast(scale, x.type);
  const z = zeroPoint ? g.cast(zeroPoint, x.type) : g.scalar(0, x.type);
  const [low, high] = range;
  // Half a step beyond the range rounds to even: into it at the lower end, out of it at the upper one.
  const isInside = g.and(
    g.greaterOrEqual(x, alongBlocks(g, node, g.mul(s, g.sub(low - 0.5, z)), x)),
    g.less(x, alongBlocks(g, node, g.mul(s, g.sub(high + 0.5, z)), x)),
  );
  const dx = masked(g, isInside, dr);
  return [dx, g.cast(g.neg(g.div(sumOverBlocks(g, node, g.mul(dx, x), scale), s)), scale.type)];
};

/**
 * y = s·(q - z)  =>  ds = Σ dy·y/s. Where q was made with another scale, y is not the real number that q stands for, but a multiple of it.
 */
const dequantizeLinear: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const [q, scale] = inputs as [Value, Value];
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const source = quantizerOf(g, q);
  const own = source && g.value(source.inputs[1] as string);
  const dr = !own || isSame(g, own, scale) ? dy : g.mul(dy, g.div(alongBlocks(g, node, scale, q), alongBlocks(g, source, own, q)));
  return [dr, g.div(sumOverBlocks(g, node, g.mul(dy, y), scale), scale)];
};

/** The QuantizeLinear that q comes from, moved about or not. */
function quantizerOf(g: GraphBuilder, q: Value): Node | undefined {
  const producers = new Map(g.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let node = producers.get(q.name);
  while (node && node.op !== "QuantizeLinear") node = producers.get(node.inputs[0] as string);
  return node;
}

function isSame(g: GraphBuilder, a: Value, b: Value): boolean {
  if (a.name === b.name) return true;
  const [left, right] = [g.constantOf(a), g.constantOf(b)];
  return left !== undefined && right !== undefined && left.shape.join() === right.shape.join() && left.data.join() === right.data.join();
}

/** The axis that scales go along, and how many elements share one: all (undefined), a slice of the axis (1), or a block. */
function blocksOf(node: Node, parameter: Value, rank: number): { axis: number; block: number } | undefined {
  if (parameter.shape.length === 0 || (parameter.shape.length === 1 && parameter.shape[0] === 1)) return undefined;
  const axis = intAttribute(node, "axis", 1);
  return { axis: axis < 0 ? axis + rank : axis, block: intAttribute(node, "block_size", 0) };
}

/** Scales or zero points, shaped to broadcast to x. */
function alongBlocks(g: GraphBuilder, node: Node, parameter: Value, x: Value): Value {
  const sizes = sizesOf(x);
  const blocks = blocksOf(node, parameter, sizes.length);
  if (!blocks) return g.reshape(parameter, []);
  const { axis, block } = blocks;
  const size = sizes[axis] as number;
  if (block === 0) {
    return g.reshape(
      parameter,
      sizes.map((_, other) => (other === axis ? size : 1)),
    );
  }
  return g.gather(parameter, g.constant(int64(Array.from({ length: size }, (_, index) => Math.floor(index / block)))), axis);
}

/** The sums of an x-shaped tensor over the elements that share a scale. */
function sumOverBlocks(g: GraphBuilder, node: Node, x: Value, scale: Value): Value {
  const sizes = sizesOf(x);
  const blocks = blocksOf(node, scale, sizes.length);
  if (!blocks) return g.reshape(g.reduceSum(x), scale.shape);
  const { axis, block } = blocks;
  if (block === 0) return g.reduceSum(x, { axes: [...sizes.keys()].filter((other) => other !== axis) });
  const count = sizesOf(scale)[axis] as number;
  const missing = count * block - (sizes[axis] as number);
  const whole = g.pad(
    x,
    [...sizes, ...sizes].map((_, index) => (index === sizes.length + axis ? missing : 0)),
  );
  return g.reduceSum(g.reshape(whole, sizes.toSpliced(axis, 1, count, block)), { axes: [axis + 1] });
}

export const quantizationRules: GradientRules = { QuantizeLinear: quantizeLinear, DequantizeLinear: dequantizeLinear };

import { applyNormalized, batchNormalized, type Normalized } from "../autodiff/blocked/batch-normalization.ts";
import { blockedConvolution, depthwiseConvolution, firstConvolution } from "../autodiff/blocked/convolution.ts";
import { type Blocked, fromBlocked, globalAverage, toBlocked } from "../autodiff/blocked/layout.ts";
import { intAttribute } from "../graph/attributes.ts";
import type { Activation } from "../graph/builder/blocked.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { windowOf } from "../graph/shapes/window.ts";
import { elementCount } from "../graph/tensor.ts";

/** Emits a node's outputs in the blocked layout, or nothing where the plain operator must do. */
export type Replacement = (node: Node, inputs: readonly (Value | undefined)[]) => Value | undefined;

/** A normalised image, and what has been added to it. */
interface Unactivated {
  readonly normalized: Normalized;
  readonly sum?: Value;
}

/**
 * The convolutional part of a network in the blocked layout of ONNX Runtime's CPU kernels. Each value that is made in blocks is made as a
 * plain one too, for whoever needs that; what nobody needs is pruned from the finished step.
 *
 * @param block How many channels lie side by side: what the runtime's kernels have (`Runtime.channelBlock`).
 */
export class BlockedNetwork {
  readonly #g: GraphBuilder;
  readonly #block: number;
  /** By the name of the plain value. */
  readonly #blocked = new Map<string, Blocked>();
  readonly #unactivated = new Map<string, Unactivated>();

  constructor(g: GraphBuilder, block: number) {
    this.#g = g;
    this.#block = block;
  }

  /** A node other than a batch normalisation. */
  readonly replace: Replacement = (node, inputs) => {
    if (node.domain !== "") return undefined;
    if (node.op === "Conv") return this.#convolution(node, inputs as readonly [Value, Value, Value | undefined]);
    if (!inputs.some((input) => input && this.#blocked.has(input.name))) return undefined;
    if (node.op === "GlobalAveragePool") return this.#average(inputs as readonly [Value]);
    if (node.op === "Add") return this.#sum(node, inputs as readonly [Value, Value]);
    const activation = activationOf(this.#g, node, inputs);
    const [x] = inputs as readonly [Value];
    const unactivated = this.#unactivated.get(x.name);
    if (activation && unactivated) {
      return this.#plain(applyNormalized(this.#g, unactivated.normalized, { sum: unactivated.sum, activation }));
    }
    return elementwise.has(node.op) ? this.#emit(node, inputs) : undefined;
  };

  /** A batch normalisation by the batch's own statistics, which are given too; nothing for an x that isn't blocked. */
  normalize(x: Value, scale: Value, bias: Value, epsilon: number): { y: Value; mean: Value; variance: Value } | undefined {
    const blocked = this.#blocked.get(x.name);
    if (!blocked) return undefined;
    const { statistics, ...normalized } = batchNormalized(this.#g, blocked, scale, bias, epsilon);
    const y = this.#plain(applyNormalized(this.#g, normalized));
    this.#unactivated.set(y.name, { normalized });
    return { y, ...statistics };
  }

  #convolution(node: Node, [x, w, bias]: readonly [Value, Value, Value | undefined]): Value | undefined {
    if (x.shape.length !== 4 || x.type !== "float32") return undefined;
    const [filters, perGroup, ...kernel] = w.shape.map(Number) as [number, number, number, number];
    const [, channels, ...spatial] = x.shape.map(Number) as [number, number, number, number];
    const group = intAttribute(node, "group", 1);
    const isDepthwise = group > 1 && perGroup === 1 && filters === channels;
    if (group > 1 && !isDepthwise) return undefined;
    const convolution = { w, bias, window: windowOf(node, kernel, spatial) };
    if (isDepthwise) return this.#plain(depthwiseConvolution(this.#g, this.#toBlocked(x), convolution));
    const isFirst = channels < this.#block && !this.#blocked.has(x.name);
    return this.#plain(
      isFirst ? firstConvolution(this.#g, x, this.#block, convolution) : blockedConvolution(this.#g, this.#toBlocked(x), convolution),
    );
  }

  #average([x]: readonly [Value]): Value {
    const means = globalAverage(this.#g, this.#toBlocked(x));
    return this.#g.reshape(means, [...means.shape, 1, 1]);
  }

  #sum(node: Node, [a, b]: readonly [Value, Value]): Value | undefined {
    if (a.shape.join() !== b.shape.join()) return undefined;
    const [normal, other] = this.#unactivated.get(a.name)?.sum === undefined && this.#unactivated.has(a.name) ? [a, b] : [b, a];
    const unactivated = this.#unactivated.get(normal.name);
    if (!unactivated || unactivated.sum) return this.#emit(node, [a, b]);
    const { normalized } = unactivated;
    const sum = this.#toBlocked(other).value;
    const y = this.#plain(applyNormalized(this.#g, normalized, { sum }));
    this.#unactivated.set(y.name, { normalized, sum });
    return y;
  }

  /** The plain operator on blocked values: it needn't know where which element lies. */
  #emit(node: Node, inputs: readonly (Value | undefined)[]): Value | undefined {
    const [first] = inputs as readonly [Value];
    const images = inputs.map((input) => (input && input.shape.join() === first.shape.join() ? this.#toBlocked(input) : input));
    const isFitting = inputs.every((input, index) => !input || images[index] !== input || input.shape.length === 0);
    if (!isFitting) return undefined;
    const values = images.map((image) => (image && "value" in image ? image.value : image));
    const [value] = this.#g.emit(node.op, values, { attributes: node.attributes }) as [Value];
    return this.#plain({ ...(images[0] as Blocked), value });
  }

  #toBlocked(x: Value): Blocked {
    const known = this.#blocked.get(x.name) ?? toBlocked(this.#g, x, this.#block);
    this.#blocked.set(x.name, known);
    return known;
  }

  #plain(blocked: Blocked): Value {
    const value = fromBlocked(this.#g, blocked);
    this.#blocked.set(value.name, blocked);
    return value;
  }
}

/** How many elements may be padding, beside those that are not: with more, plain layouts are faster (docs/performance.md). */
const MOST_PADDING = 0.35;

/** Whether a network's images are wide enough for blocks: channels are padded to a multiple of the block. */
export function fillsBlocks(network: Graph, block: number): boolean {
  const values = inferShapes(network);
  let [elements, padding] = [0, 0];
  for (const { op, outputs } of network.nodes) {
    const [, channels, ...spatial] = values.get(outputs[0] as string)?.shape ?? [];
    if (op !== "Conv" || typeof channels !== "number") continue;
    const area = elementCount(spatial.map(Number));
    elements += channels * area;
    padding += (Math.ceil(channels / block) * block - channels) * area;
  }
  return padding <= MOST_PADDING * elements;
}

/** Operators that treat every element alike, whatever lies beside it. */
const elementwise = new Set([
  "Relu",
  "LeakyRelu",
  "Elu",
  "Selu",
  "Celu",
  "Sigmoid",
  "HardSigmoid",
  "HardSwish",
  "Tanh",
  "Gelu",
  "Mish",
  "Softplus",
  "Clip",
  "Mul",
  "Sub",
  "Div",
  "Neg",
  "Abs",
  "Identity",
]);

/** What activates in the pass that normalises. */
function activationOf(g: GraphBuilder, node: Node, inputs: readonly (Value | undefined)[]): Activation | undefined {
  if (node.op === "Relu") return { kind: "Relu" };
  if (node.op !== "Clip" || !inputs[1] || !inputs[2]) return undefined;
  const [low, high] = [inputs[1], inputs[2]].map((bound) => g.constantOf(bound)?.data[0]);
  return typeof low === "number" && typeof high === "number" ? { kind: "Clip", low, high } : undefined;
}

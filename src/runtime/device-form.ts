import { floatAttribute, intAttribute, intsAttribute, without } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { type Graph, MICROSOFT, type Node, type Value } from "../graph/graph.ts";
import { type Decomposition, type Decompositions, replaceNodes, taking } from "../graph/rewrite/decompose/replace.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { type Window, windowOf } from "../graph/shapes/window.ts";
import { elementCount, int32, int64 } from "../graph/tensor.ts";
import type { Device } from "./runtime.ts";

/** Swaps the last two axes. */
function transposed(g: GraphBuilder, x: Value): Value {
  const order = [...x.shape.keys()];
  return g.transpose(x, [...order.slice(0, -2), ...order.slice(-2).reverse()]);
}

/** Gemm where both sides are matrices, since it transposes for free. */
const fusedMatMul: Decomposition = ({ g, node, inputs }) => {
  const [a, b] = inputs as [Value, Value];
  const [transposeA, transposeB] = [intAttribute(node, "transA", 0) === 1, intAttribute(node, "transB", 0) === 1];
  const areMatrices = a.shape.length === 2 && b.shape.length === 2;
  const product = areMatrices
    ? g.gemm(a, b, undefined, { transposeA, transposeB })
    : g.matMul(transposeA ? transposed(g, a) : a, transposeB ? transposed(g, b) : b);
  const alpha = floatAttribute(node, "alpha", 1);
  return [alpha === 1 ? product : g.mul(product, alpha)];
};

const sum: Decomposition = ({ g, inputs }) => [(inputs as Value[]).reduce((total, term) => g.add(total, term))];

/** log softmax(x) = z − log Σ exp z, z = x − max x */
const logSoftmax: Decomposition = ({ g, node, inputs }) => {
  const x = inputs[0] as Value;
  const along = { axes: [intAttribute(node, "axis", -1)], keepDims: true };
  const z = g.sub(x, g.reduceMax(x, along));
  return [g.sub(z, g.log(g.reduceSum(g.exp(z), along)))];
};

/** y = γ·(x − μ)/√(σ² + ε) + β by the batch's own μ and σ², which the running averages follow. */
const batchNormalization: Decomposition = ({ g, node, inputs }) => {
  if (intAttribute(node, "training_mode", 0) === 0) return undefined;
  const [x, scale, bias, oldMean, oldVariance] = inputs as [Value, Value, Value, Value, Value];
  const overBatch = { axes: [...x.shape.keys()].filter((axis) => axis !== 1), keepDims: true };
  const alongChannels = (perChannel: Value) => g.reshape(perChannel, [-1, ...x.shape.slice(2).map(() => 1)]);
  const mean = g.reduceMean(x, overBatch);
  const centred = g.sub(x, mean);
  const variance = g.reduceMean(g.mul(centred, centred), overBatch);
  const deviation = g.sqrt(g.add(variance, floatAttribute(node, "epsilon", 1e-5)));
  const y = g.add(g.mul(centred, g.div(alongChannels(scale), deviation)), alongChannels(bias));
  const kept = floatAttribute(node, "momentum", 0.9);
  const average = (old: Value, batch: Value) => {
    const perChannel = g.reshape(batch, old.shape);
    return kept === 0 ? perChannel : g.add(g.mul(old, kept), g.mul(perChannel, 1 - kept));
  };
  return [y, average(oldMean, mean), average(oldVariance, variance)];
};

/** sign x = [x > 0] − [x < 0] */
const sign: Decomposition = ({ g, inputs }) => {
  const x = inputs[0] as Value;
  return [g.sub(g.cast(g.greater(x, 0), x.type), g.cast(g.less(x, 0), x.type))];
};

/** Windows of more elements than this are left to the CPU. */
const MOST_TAPS = 64;

/** Where a maximum is, counted through the whole of x: at the first element of its window that equals it. */
const maxPool: Decomposition = ({ g, node, inputs }) => {
  const x = inputs[0] as Value;
  const [batch, channels, ...spatial] = x.shape.map(Number) as [number, number, ...number[]];
  const window = windowOf(node, intsAttribute(node, "kernel_shape") ?? [], spatial);
  if (!node.outputs[1] || intAttribute(node, "storage_order", 0) === 1 || elementCount(window.kernel) > MOST_TAPS) return undefined;
  const y = g.emit("MaxPool", [x], { attributes: without(node.attributes, "storage_order") })[0] as Value;
  const output = y.shape.slice(2).map(Number);
  if (intAttribute(node, "ceil_mode", 0) === 1 && isCutShort(window, spatial, output)) return undefined;
  const padded = paddedTo(g, x, window, output);
  const taps = indicesWithin(window.kernel).toReversed();
  const positions = taps.map((tap) => g.constant(int32(positionsUnder(tap, window, spatial, output), [1, 1, ...output])));
  const found = taps.reduce<Value | undefined>((later, tap, index) => {
    const here = positions[index] as Value;
    return later ? g.where(g.equal(tapped(g, padded, tap, window, output), y), here, later) : g.expand(here, y.shape.map(Number));
  }, undefined) as Value;
  const images = Array.from({ length: batch * channels }, (_, image) => image * elementCount(spatial));
  const offsets = g.constant(int32(images, [batch, channels, ...spatial.map(() => 1)]));
  // Flat when it becomes int64: the runtime moves its changes of layout past anything else, and has no kernel that transposes int64.
  const flat = g.reshape(g.add(found, offsets), [elementCount(y.shape.map(Number))]);
  return [y, g.reshape(g.cast(flat, "int64"), y.shape)];
};

/** Whether a window, rounded up to, is left out since it would begin in the padding. ONNX Runtime counts it until it runs. */
function isCutShort(
  { kernel, strides, dilations, padsBegin, padsEnd }: Window,
  spatial: readonly number[],
  output: readonly number[],
): boolean {
  return spatial.some((size, axis) => {
    const reach = ((kernel[axis] as number) - 1) * (dilations[axis] as number) + 1;
    const room = size + (padsBegin[axis] as number) + (padsEnd[axis] as number) - reach;
    return Math.ceil(room / (strides[axis] as number)) >= (output[axis] as number);
  });
}

/** x with −∞ around it wherever a window reaches. */
function paddedTo(g: GraphBuilder, x: Value, { kernel, strides, dilations, padsBegin }: Window, output: readonly number[]): Value {
  const after = output.map((size, axis) => {
    const reach = (size - 1) * (strides[axis] as number) + ((kernel[axis] as number) - 1) * (dilations[axis] as number) + 1;
    return Math.max(0, reach - (padsBegin[axis] as number) - Number(x.shape[axis + 2]));
  });
  if ([...padsBegin, ...after].every((size) => size === 0)) return x;
  const pads = g.constant(int64([0, 0, ...padsBegin, 0, 0, ...after]));
  return g.emit("Pad", [x, pads, g.scalar(Number.NEGATIVE_INFINITY, x.type)])[0] as Value;
}

/** The element of each window that lies under one tap of the kernel. */
function tapped(g: GraphBuilder, padded: Value, tap: readonly number[], { strides, dilations }: Window, output: readonly number[]): Value {
  const ranges = tap.map((index, axis) => {
    const [start, step] = [index * (dilations[axis] as number), strides[axis] as number];
    return { axis: axis + 2, start, end: start + ((output[axis] as number) - 1) * step + 1, step };
  });
  return g.slice(padded, ranges);
}

/** Where that element is in the image, for each window; of no meaning where the tap lies in the padding. */
function positionsUnder(tap: readonly number[], window: Window, spatial: readonly number[], output: readonly number[]): number[] {
  const { strides, dilations, padsBegin } = window;
  return indicesWithin(output).map((place) =>
    place.reduce((position, index, axis) => {
      const along = index * (strides[axis] as number) + (tap[axis] as number) * (dilations[axis] as number) - (padsBegin[axis] as number);
      return position * (spatial[axis] as number) + along;
    }, 0),
  );
}

/** Every index of a tensor of these sizes, the last axis fastest. */
function indicesWithin(sizes: readonly number[]): readonly (readonly number[])[] {
  return sizes.reduce<readonly (readonly number[])[]>(
    (all, size) => all.flatMap((head) => Array.from({ length: size }, (_, index) => [...head, index])),
    [[]],
  );
}

/** A scatter, where the output's size is given and nothing of the window moves the positions. */
const maxUnpool: Decomposition = ({ g, node, inputs }) => {
  const [x, positions, size] = inputs as [Value, Value, Value | undefined];
  const sizes = size && g.constantOf(size);
  if (!sizes || intsAttribute(node, "kernel_shape")?.some((length) => length !== 1)) return undefined;
  const shape = Array.from(sizes.data, Number);
  const flat = (value: Value) => g.reshape(value, [elementCount(value.shape.map(Number))]);
  const zeros = g.expand(g.scalar(0, x.type), [elementCount(shape)]);
  return [g.reshape(g.emit("ScatterElements", [zeros, flat(positions), flat(x)])[0] as Value, shape)];
};

/**
 * What a device's provider has no kernel for, or one that refuses, though other operators would do. On CUDA a BatchNormalization that should
 * go by its batch goes by its inputs 3 and 4 without a word: the kernel looks for five outputs.
 */
const decompositions: Readonly<Partial<Record<Device, Decompositions>>> = {
  cuda: { BatchNormalization: taking(5, batchNormalization) },
  webgpu: {
    [`${MICROSOFT}:FusedMatMul`]: taking(2, fusedMatMul),
    Sum: taking(1, sum),
    Sign: taking(1, sign),
    LogSoftmax: taking(1, logSoftmax),
    BatchNormalization: taking(5, batchNormalization),
    MaxPool: taking(1, maxPool),
    MaxUnpool: taking(2, maxUnpool),
  },
};

/** Axes of [N, C, D, H, W]. */
const VOLUMES = 5;

/** A training step in operators that the device has kernels for, as far as they can be said in others; the runtime puts the rest on the CPU. */
export function deviceForm(graph: Graph, device: Device): Graph {
  const own = decompositions[device];
  return own ? replaceNodes(graph, own) : graph;
}

/**
 * Names of the nodes that the WebGPU provider should leave to the CPU, although it says that it could run them: what would fail when it runs,
 * and the hashing with 32-bit words (dropout's masks), which would go back and forth, since shifting and exclusive or have no kernel there.
 */
export function leftToCpu(graph: Graph): readonly string[] {
  const values = inferShapes(graph);
  const isWord = (name: string) => values.get(name)?.type === "uint32";
  const fails = (node: Node): boolean => {
    const takesVolumes = values.get(node.inputs[0] as string)?.shape.length === VOLUMES;
    switch (node.op) {
      case "MaxPool":
        return Boolean(node.outputs[1]);
      case "Conv":
        return takesVolumes && intAttribute(node, "group", 1) > 1;
      case "ConvTranspose":
        return takesVolumes;
      default:
        return false;
    }
  };
  return graph.nodes.filter((node) => fails(node) || [...node.inputs, ...node.outputs].some(isWord)).map(({ name }) => name);
}

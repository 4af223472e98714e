import { floatAttribute, int, intAttribute } from "../../attributes.ts";
import { type Graph, type Node, takenBy } from "../../graph.ts";
import { elementCount, type Float32Tensor, float32, type Tensor } from "../../tensor.ts";
import { propagate } from "../propagate.ts";
import { pruneDead } from "../prune.ts";
import { freshNames } from "../splice.ts";

/** y = x·factor + offset for each channel. */
interface Affine {
  readonly factor: Float32Array;
  readonly offset: Float32Array;
}

/**
 * Says every BatchNormalization (of four axes, by stored statistics) as convolution: folded into the Conv before it if nobody else takes what
 * that gives, otherwise as a depthwise 1×1 Conv of its own, as after the sums of residual blocks. What follows is then Convs, ReLUs and
 * sums only. ONNX Runtime does the same when it loads a float32 model; who changes the Convs, as quantisation does, must do it before.
 */
export function batchNormAsConv(graph: Graph): Graph {
  const { values, constants } = propagate(graph, () => false);
  const uses = new Map<string, number>();
  for (const name of [...graph.nodes.flatMap(takenBy), ...graph.outputs.map(({ name }) => name)]) uses.set(name, (uses.get(name) ?? 0) + 1);
  const fresh = freshNames(graph);
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  const producers = new Map<string, number>();
  const store = (name: string, tensor: Tensor): string => {
    const free = fresh(name);
    initializers.set(free, tensor);
    return free;
  };
  for (const node of graph.nodes) {
    const [x = ""] = node.inputs;
    const affine = affineOf(node, constants);
    const place = producers.get(x);
    const conv = place === undefined ? undefined : nodes[place];
    const folded = affine && conv && uses.get(x) === 1 ? foldedInto(conv, node, affine, constants, store) : undefined;
    if (folded) nodes[place as number] = folded;
    else nodes.push(affine && values.get(x)?.shape.length === 4 ? depthwise(node, affine, store) : node);
    const last = folded ? (place as number) : nodes.length - 1;
    for (const name of node.outputs) producers.set(name, last);
  }
  return pruneDead({ ...graph, nodes, initializers });
}

/** What a BatchNormalization does, if its statistics are stored. */
function affineOf(node: Node, constants: ReadonlyMap<string, Tensor>): Affine | undefined {
  if (node.op !== "BatchNormalization" || node.domain !== "" || intAttribute(node, "training_mode", 0) === 1) return undefined;
  const stored = node.inputs.slice(1).map((name) => constants.get(name));
  if (stored.length !== 4 || stored.some((tensor) => tensor?.type !== "float32")) return undefined;
  const [scale, bias, mean, variance] = stored.map((tensor) => tensor?.data as Float32Array) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const factor = scale.map((value, channel) => value / Math.sqrt((variance[channel] as number) + epsilon));
  return { factor, offset: bias.map((value, channel) => value - (mean[channel] as number) * (factor[channel] as number)) };
}

type Store = (name: string, tensor: Tensor) => string;

/** The Conv that gives what the normalisation gave; `undefined` for other nodes. */
function foldedInto(
  conv: Node,
  norm: Node,
  { factor, offset }: Affine,
  constants: ReadonlyMap<string, Tensor>,
  store: Store,
): Node | undefined {
  const [x = "", weight = "", bias = ""] = conv.inputs;
  const [w, b] = [constants.get(weight), constants.get(bias)];
  if (conv.op !== "Conv" || conv.domain !== "" || w?.type !== "float32" || (bias !== "" && b?.type !== "float32")) return undefined;
  const perChannel = elementCount(w.shape.slice(1));
  const scaled = (w.data as Float32Array).map((value, index) => value * (factor[Math.floor(index / perChannel)] as number));
  const shifted = offset.map((value, channel) => value + Number(b?.data[channel] ?? 0) * (factor[channel] as number));
  const inputs = [x, store(weight, float32(scaled, w.shape)), store(`${norm.name}/bias`, float32(shifted))];
  return { ...conv, inputs, outputs: norm.outputs };
}

function depthwise(node: Node, { factor, offset }: Affine, store: Store): Node {
  const channels = factor.length;
  const weight: Float32Tensor = float32(factor, [channels, 1, 1, 1]);
  const inputs = [node.inputs[0] as string, store(`${node.name}/weight`, weight), store(`${node.name}/bias`, float32(offset))];
  return { op: "Conv", domain: "", name: node.name, inputs, outputs: node.outputs, attributes: { group: int(channels) } };
}

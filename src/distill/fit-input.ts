import type { Normalization } from "../data/normalize.ts";
import { ints, string } from "../graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Dim, Graph, Value } from "../graph/graph.ts";
import { convertOpset } from "../graph/rewrite/opset/convert.ts";
import { renameValues } from "../graph/rewrite/rename.ts";
import { freshNames } from "../graph/rewrite/splice.ts";
import { float32, int64 } from "../graph/tensor.ts";

/**
 * A network of images that takes those of another height and width: it begins by resizing them, bilinearly, each pixel being where its centre
 * is (`half_pixel`; PyTorch's `interpolate` without `align_corners`). Where it takes three channels and there is one, that is repeated.
 *
 * @param sampleShape [C, H, W] of what it is to take.
 * @param normalization What it takes its three channels normalised by: one that is repeated is then to be given as it is.
 * @returns The same graph where it takes such samples already, or can't be made to.
 */
export function takingImages(network: Graph, sampleShape: readonly number[], normalization?: Normalization): Graph {
  const [input, ...others] = network.inputs;
  if (!input || others.length > 0 || input.shape.length !== 4 || sampleShape.length !== 3) return network;
  const [batch, channels, ...size] = input.shape as [Dim, number, number, number];
  const isRepeated = channels === 3 && sampleShape[0] === 1;
  const isResized = size.join() !== sampleShape.slice(1).join();
  if (!isRepeated && (!isResized || channels !== sampleShape[0])) return network;
  const fitted = freshNames(network)(`${input.name}:fitted`);
  const g = graphBuilder("opening");
  const samples = g.input(input.name, input.type, [batch, ...sampleShape]);
  const opened = g.scope(fitted, () => {
    const resized = isResized ? resize(g, samples, size) : samples;
    return isRepeated ? normalize(g, g.concat([resized, resized, resized], 1), normalization) : resized;
  });
  g.output(opened, fitted);
  const { nodes, inputs, initializers } = g.build();
  const rest = renameValues(convertOpset(network), new Map([[input.name, fitted]]));
  return { ...rest, inputs, nodes: [...nodes, ...rest.nodes], initializers: new Map([...rest.initializers, ...initializers]) };
}

function resize(g: GraphBuilder, images: Value, size: readonly number[]): Value {
  const attributes = { axes: ints([2, 3]), mode: string("linear"), coordinate_transformation_mode: string("half_pixel") };
  return g.emit("Resize", [images, undefined, undefined, g.initializer("size", int64(size))], { attributes })[0] as Value;
}

function normalize(g: GraphBuilder, images: Value, normalization: Normalization | undefined): Value {
  if (!normalization) return images;
  const { mean, std } = normalization;
  const perChannel = (name: string, numbers: readonly number[]) => g.initializer(name, float32(numbers, [numbers.length, 1, 1]));
  return g.div(g.sub(images, perChannel("mean", mean)), perChannel("std", std));
}

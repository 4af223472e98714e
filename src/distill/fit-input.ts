import type { Normalization } from "../data/normalize.ts";
import { ints, string } from "../graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Dim, Graph, Value } from "../graph/graph.ts";
import { convertOpset } from "../graph/rewrite/opset/convert.ts";
import { renameValues } from "../graph/rewrite/rename.ts";
import { freshNames } from "../graph/rewrite/splice.ts";
import { float32, int64 } from "../graph/tensor.ts";

/** How a network takes images with so many channels. */
interface Layout {
  /** [N, H, W, C] instead of [N, C, H, W]. */
  readonly isChannelsLast: boolean;
  /** It takes three channels, and there is one. */
  readonly isRepeated: boolean;
  readonly size: readonly Dim[];
}

/** @param shape Of its input. @returns Nothing for what takes no images, or those of other channels. */
function layoutOf(shape: readonly Dim[], [given, ...sizes]: readonly number[]): Layout | undefined {
  if (shape.length !== 4 || sizes.length !== 2) return undefined;
  const fits = (channels: Dim | undefined) => channels === given || (channels === 3 && given === 1);
  const [, first, , last] = shape;
  if (fits(first)) return { isChannelsLast: false, isRepeated: first !== given, size: shape.slice(2) };
  return fits(last) ? { isChannelsLast: true, isRepeated: last !== given, size: shape.slice(1, 3) } : undefined;
}

/** The sizes of a sample [C, H, W] in the order in which a network has them. */
export function inLayoutOf(network: Graph, sampleShape: readonly number[]): readonly number[] {
  const isChannelsLast = layoutOf(network.inputs[0]?.shape ?? [], sampleShape)?.isChannelsLast;
  return isChannelsLast ? [...sampleShape.slice(1), ...sampleShape.slice(0, 1)] : sampleShape;
}

/** Whether a network gets the one channel of such samples three times. */
export function repeatsChannel(network: Graph, sampleShape: readonly number[]): boolean {
  return network.inputs.length === 1 && layoutOf(network.inputs[0]?.shape ?? [], sampleShape)?.isRepeated === true;
}

/**
 * A network of images that takes those of another height and width: it begins by resizing them, bilinearly, each pixel being where its centre
 * is (`half_pixel`; PyTorch's `interpolate` without `align_corners`). Where it takes three channels and there is one, that is repeated; where
 * it takes them last, as TensorFlow's do, they are moved there.
 *
 * @param sampleShape [C, H, W] of what it is to take.
 * @param normalization What it takes its three channels normalised by: one that is repeated is then to be given as it is.
 * @returns The same graph where it takes such samples already, or can't be made to.
 */
export function takingImages(network: Graph, sampleShape: readonly number[], normalization?: Normalization): Graph {
  const [input, ...others] = network.inputs;
  const layout = input && layoutOf(input.shape, sampleShape);
  if (!input || !layout || others.length > 0) return network;
  const { isChannelsLast, isRepeated, size } = layout;
  const isResized = size.join() !== sampleShape.slice(1).join();
  if (!isRepeated && !isResized && !isChannelsLast) return network;
  const fitted = freshNames(network)(`${input.name}:fitted`);
  const g = graphBuilder("opening");
  const samples = g.input(input.name, input.type, [input.shape[0] as Dim, ...sampleShape]);
  const opened = g.scope(fitted, () => {
    const resized = isResized ? resize(g, samples, size as readonly number[]) : samples;
    const images = isRepeated ? normalize(g, g.concat([resized, resized, resized], 1), normalization) : resized;
    return isChannelsLast ? g.transpose(images, [0, 2, 3, 1]) : images;
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

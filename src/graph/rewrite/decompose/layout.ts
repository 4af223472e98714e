import { intAttribute, stringAttribute } from "../../attributes.ts";
import { type Dim, MICROSOFT, type Value } from "../../graph.ts";
import { type Decomposition, type Decompositions, share, taking } from "./replace.ts";

/** Blocks of channels [N, b·b·C, H, W] to blocks of pixels [N, C, H·b, W·b]. Left as it is where both H and W are symbolic. */
const depthToSpace: Decomposition = ({ g, node, inputs }) => {
  const x = inputs[0] as Value;
  const [, channels, height, width] = x.shape;
  if (typeof height === "string" && typeof width === "string") return undefined;
  const block = intAttribute(node, "blocksize", 1);
  const depth = share(Number(channels), block ** 2);
  const isDepthFirst = stringAttribute(node, "mode", "DCR") === "CRD";
  // A symbolic side is whatever is left.
  const side = (size: Dim | undefined, factor: number) => (typeof size === "number" ? size * factor : -1);
  const split = isDepthFirst ? [depth, block, block] : [block, block, depth];
  const blocks = g.reshape(x, [0, ...split, side(height, 1), side(width, 1)]);
  const order = isDepthFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return [g.reshape(g.transpose(blocks, order), [0, depth, side(height, block), side(width, block)])];
};

/** Blocks of pixels [N, C, H·b, W·b] to blocks of channels [N, b·b·C, H, W]. Left as it is where H or W is symbolic. */
const spaceToDepth: Decomposition = ({ g, node, inputs }) => {
  const x = inputs[0] as Value;
  const [, channels, height, width] = x.shape;
  if (typeof channels !== "number" || typeof height !== "number" || typeof width !== "number") return undefined;
  const block = intAttribute(node, "blocksize", 1);
  const [rows, columns] = [share(height, block), share(width, block)];
  const blocks = g.reshape(x, [0, channels, rows, block, columns, block]);
  const isDepthFirst = stringAttribute(node, "mode", "DCR") === "CRD";
  const order = isDepthFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return [g.reshape(g.transpose(blocks, order), [0, channels * block ** 2, rows, columns])];
};

const castLike: Decomposition = ({ g, inputs }) => {
  const [x, like] = inputs as [Value, Value];
  return [g.cast(x, like.type)];
};

/** The same operator of ONNX itself. */
const renamed: Decomposition = ({ g, node, inputs }) => g.emit(node.op, inputs, { attributes: node.attributes });

export const layoutDecompositions: Decompositions = {
  CastLike: taking(2, castLike),
  DepthToSpace: taking(1, depthToSpace),
  SpaceToDepth: taking(1, spaceToDepth),
  [`${MICROSOFT}:Trilu`]: renamed,
  [`${MICROSOFT}:QuantizeLinear`]: renamed,
  [`${MICROSOFT}:DequantizeLinear`]: renamed,
};

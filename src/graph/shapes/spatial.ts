import { intAttribute, intsAttribute, stringAttribute } from "../attributes.ts";
import type { Dim, Shape, Value } from "../graph.ts";
import { toNumbers } from "../tensor.ts";
import { invalid, normalizeAxis, openSize, required, type ShapeContext, type ShapeRule, sizesIn } from "./rule.ts";
import { floorDivide, multiply } from "./symbolic.ts";

/** Either `scales` (input 2) or `sizes` (input 3) of all axes, or of those named by the attribute `axes`. */
const resize: ShapeRule = (context) => {
  const x = required(context, 0);
  const axes = (intsAttribute(context.node, "axes") ?? x.shape.map((_, axis) => axis)).map((axis) =>
    normalizeAxis(context, axis, x.shape.length),
  );
  if (new Set(axes).size !== axes.length) throw invalid(context, `[${axes.join(", ")}] names an axis twice`);
  const sizes = isGiven(context, 3) ? targetSizes(context, x, axes) : scaledSizes(context, x, axes);
  if (sizes.length !== axes.length) throw invalid(context, `there must be one scale or size for each of ${axes.length} axes`);
  if (sizes.some((size) => typeof size === "number" && !(size >= 0))) throw invalid(context, `[${sizes.join(", ")}] are no sizes`);
  return [{ type: x.type, shape: x.shape.map((size, axis) => sizes[axes.indexOf(axis)] ?? size) }];
};

/** Exporters leave an input out by an empty tensor, too. */
function isGiven(context: ShapeContext, index: number): boolean {
  const input = context.inputs[index];
  return input !== undefined && input.shape[0] !== 0;
}

function targetSizes(context: ShapeContext, x: Value, axes: readonly number[]): readonly Dim[] {
  const sizes = sizesIn(context, 3) ?? [];
  const policy = stringAttribute(context.node, "keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return sizes;
  const old = axes.map((axis) => x.shape[axis] as Dim);
  if (![...sizes, ...old].every((size) => typeof size === "number")) return axes.map((axis) => openSize(context, axis));
  const ratios = axes.map((_, index) => Number(sizes[index]) / Number(old[index]));
  const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return old.map((size) => Math.floor(ratio * Number(size) + 0.5));
}

/** ⌊size · scale⌋, where ONNX Runtime multiplies in float32. */
function scaledSizes(context: ShapeContext, x: Value, axes: readonly number[]): readonly Dim[] {
  const given = context.constant(2);
  if (!isGiven(context, 2)) throw invalid(context, "it needs scales or sizes");
  if (!given) return axes.map((axis) => openSize(context, axis));
  return toNumbers(given).map((scale, index): Dim => {
    const axis = axes[index] ?? 0;
    const size = x.shape[axis] as Dim;
    if (!(scale > 0) || !Number.isFinite(scale)) throw invalid(context, `${scale} is no scale`);
    if (typeof size === "number") return Math.floor(Math.fround(size * Math.fround(scale)));
    return scaledSymbol(size, scale) ?? openSize(context, axis);
  });
}

/** For scales that are a fraction of small whole numbers: 2, 0.5, 1.5. */
function scaledSymbol(size: Dim, scale: number): Dim | undefined {
  const divisor = [1, 2, 4, 8, 16, 32].find((candidate) => Number.isSafeInteger(scale * candidate));
  return divisor === undefined ? undefined : floorDivide(multiply(size, scale * divisor), divisor);
}

const blockSize = (context: ShapeContext): number => {
  const size = intAttribute(context.node, "blocksize", 0);
  if (!Number.isSafeInteger(size) || size < 1) throw invalid(context, `${size} is no block size`);
  return size;
};

function image(context: ShapeContext): [Dim, Dim, Dim, Dim] {
  const { shape } = required(context, 0);
  if (shape.length !== 4) throw invalid(context, "it works on images [N, C, H, W]");
  return shape as unknown as [Dim, Dim, Dim, Dim];
}

function divided(context: ShapeContext, size: Dim, by: number): Dim {
  if (typeof size === "number" && size % by !== 0) throw invalid(context, `${size} does not divide by ${by}`);
  return floorDivide(size, by);
}

/** [N, C·b², H, W] => [N, C, b·H, b·W]. */
const depthToSpace: ShapeRule = (context) => {
  const [n, c, h, w] = image(context);
  const block = blockSize(context);
  return [{ type: required(context, 0).type, shape: [n, divided(context, c, block * block), multiply(h, block), multiply(w, block)] }];
};

const spaceToDepth: ShapeRule = (context) => {
  const [n, c, h, w] = image(context);
  const block = blockSize(context);
  return [
    { type: required(context, 0).type, shape: [n, multiply(c, block, block), divided(context, h, block), divided(context, w, block)] },
  ];
};

/** x [N, C, ...sizes] sampled at grid [N, ...places, one coordinate per spatial axis]. */
const gridSample: ShapeRule = (context) => {
  const [x, grid] = [required(context, 0), required(context, 1)];
  const spatial = x.shape.length - 2;
  if (spatial < 1 || grid.shape.length !== x.shape.length || (typeof grid.shape.at(-1) === "number" && grid.shape.at(-1) !== spatial))
    throw invalid(context, "the grid must have one coordinate per spatial axis of the input");
  return [{ type: x.type, shape: [...x.shape.slice(0, 2), ...grid.shape.slice(1, -1)] }];
};

/** theta [N, 2, 3] and size [N, C, H, W] => [N, H, W, 2]; in three dimensions likewise. */
const affineGrid: ShapeRule = (context) => {
  const theta = required(context, 0);
  required(context, 1);
  const [batch, , ...places] = sizesIn(context, 1) ?? [];
  if (batch === undefined || places.length < 2 || places.length > 3) throw invalid(context, "the size must be of images or volumes");
  return [{ type: theta.type, shape: [batch, ...places, places.length] }];
};

const roiAlign: ShapeRule = (context) => {
  const [, c] = image(context);
  const rois = required(context, 1);
  const [height, width] = [intAttribute(context.node, "output_height", 1), intAttribute(context.node, "output_width", 1)];
  if (rois.shape.length !== 2 || height < 1 || width < 1) throw invalid(context, "it pools regions [count, 4] to a size of 1 or more");
  return [{ type: required(context, 0).type, shape: [rois.shape[0] as Dim, c, height, width] }];
};

/** Patches that overlap are summed up: x [N, C·block, L] => [N, C, ...image]. */
const col2Im: ShapeRule = (context) => {
  const x = required(context, 0);
  const [sizes, block] = [sizesIn(context, 1), sizesIn(context, 2)] as [Shape | undefined, Shape | undefined];
  if (!sizes || !block || x.shape.length !== 3 || sizes.length !== block.length)
    throw invalid(context, "it takes [N, C·block, L], an image size and a block size");
  return [{ type: x.type, shape: [x.shape[0] as Dim, floorDivide(x.shape[1] as Dim, multiply(...block)), ...sizes] }];
};

export const spatialShapes: Readonly<Record<string, ShapeRule>> = {
  Resize: resize,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roiAlign,
  Col2Im: col2Im,
};

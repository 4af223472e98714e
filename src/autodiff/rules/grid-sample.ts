import { LimbeckError } from "../../errors.ts";
import { intAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import { describeNode, type Node, type Value } from "../../graph/graph.ts";
import { elementCount, float32 } from "../../graph/tensor.ts";
import { constantInput, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";

/** One of the elements that a sampled position lies between, along one axis; every value is [N, 1, P] for P positions. */
interface Neighbour {
  readonly index: Value;
  readonly weight: Value;
  /** Derivative of the weight with respect to the grid's coordinate; left out where there is none. */
  readonly slope?: Value;
}

/**
 * y[n, c, p] = Σ over the elements around position p of weight·x[n, c, element], the weight being a product over the axes
 * (Jaderberg et al., 2015, arXiv:1506.02025): x gets dy·weight there, and each coordinate Σ dy·x·(the weight's slope).
 */
const gridSample: GradientRule = ({ g, node, inputs, grads }) => {
  const [x, grid] = inputs as [Value, Value];
  const [batch, channels, ...spatial] = sizesOf(x) as [number, number, ...number[]];
  const points = elementCount(sizesOf(grid).slice(1, -1));
  const flat = (value: Value) => g.reshape(value, [batch, channels, -1]);
  const [elements, dy] = [flat(x), flat(grads[0] as Value)];
  const coordinates = g.split(
    g.reshape(grid, [batch, 1, points, spatial.length]),
    spatial.map(() => 1),
    3,
  );
  // The grid counts the axes from the last one.
  const around = spatial.map((size, axis) => {
    const coordinate = g.reshape(coordinates[spatial.length - 1 - axis] as Value, [batch, 1, points]);
    return neighbours(g, node, coordinate, size);
  });
  let dx = g.expand(g.scalar(0, x.type), sizesOf(elements));
  const slopes: Value[][] = spatial.map(() => []);
  for (const corner of cornersOf(around)) {
    const numbers = corner.map(({ index }, axis) => g.mul(index, elementCount(spatial.slice(axis + 1))));
    const places = g.expand(g.cast(g.sum(...numbers), "int64"), sizesOf(dy));
    const product = (parts: readonly Value[]) => parts.reduce((total, part) => g.mul(total, part));
    dx = g.scatterAdd(dx, places, g.mul(dy, product(corner.map(({ weight }) => weight))), 2);
    const met = g.reduceSum(g.mul(dy, g.gatherElements(elements, places, 2)), { axes: [1], keepDims: true });
    corner.forEach(({ slope }, axis) => {
      const others = corner.filter((_, other) => other !== axis).map(({ weight }) => weight);
      if (slope) slopes[axis]?.push(product([met, slope, ...others]));
    });
  }
  const dGrid = slopes.every(({ length }) => length > 0)
    ? g.concat(
        slopes.toReversed().map((terms) => g.reshape(g.sum(...terms), [batch, points, 1])),
        2,
      )
    : undefined;
  return [g.reshape(dx, x.shape), dGrid && g.reshape(dGrid, grid.shape)];
};

/**
 * The elements of an axis around a coordinate from -1 to 1: two for linear interpolation, one for the nearest. Outside the axis their
 * weight is 0.
 */
function neighbours(g: GraphBuilder, node: Node, coordinate: Value, size: number): Neighbour[] {
  const [mode, padding] = [stringAttribute(node, "mode", "linear"), stringAttribute(node, "padding_mode", "zeros")];
  if (mode === "cubic" || padding === "reflection") {
    throw new LimbeckError(`No gradient rule for ${describeNode(node)} in mode "${mode}" with padding "${padding}".`, {
      hint: 'The modes "linear" and "nearest" with the paddings "zeros" and "border" have one. Freeze the parameters before this node.',
    });
  }
  const last = size - 1;
  const half = (intAttribute(node, "align_corners", 0) === 1 ? last : size) / 2;
  const unbounded = g.add(g.mul(coordinate, half), last / 2);
  const position = padding === "border" ? g.clip(unbounded, 0, last) : unbounded;
  const indicator = (condition: Value) => g.cast(condition, coordinate.type);
  const within = (index: Value) => indicator(g.and(g.greaterOrEqual(index, 0), g.lessOrEqual(index, last)));
  if (mode === "nearest") {
    const index = g.emit("Round", [position])[0] as Value;
    return [{ index: g.clip(index, 0, last), weight: within(index) }];
  }
  const below = g.emit("Floor", [position])[0] as Value;
  const fraction = g.sub(position, below);
  // A coordinate that was clipped has no slope, at the ends neither.
  const slope =
    padding === "border"
      ? g.mul(indicator(g.and(g.greater(unbounded, 0), g.less(unbounded, last))), half)
      : g.scalar(half, coordinate.type);
  const neighbour = (index: Value, weight: Value, signed: Value): Neighbour => {
    const mask = within(index);
    return { index: g.clip(index, 0, last), weight: g.mul(weight, mask), slope: g.mul(mask, signed) };
  };
  return [neighbour(below, g.sub(1, fraction), g.neg(slope)), neighbour(g.add(below, 1), fraction, slope)];
}

/** Every choice of one neighbour per axis. */
function cornersOf(around: readonly (readonly Neighbour[])[]): Neighbour[][] {
  return around.reduce<Neighbour[][]>((corners, choices) => corners.flatMap((corner) => choices.map((one) => [...corner, one])), [[]]);
}

/** grid = base·θᵀ, where the rows of base are the coordinates of every element and a 1  =>  dθ = dgridᵀ·base */
const affineGrid: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const theta = inputs[0] as Value;
  const [batch, , ...spatial] = constantInput(context, 1) as [number, number, ...number[]];
  const isAligned = intAttribute(node, "align_corners", 0) === 1;
  // From -1 to 1, or between the middles of the first and the last element; of one element alone, the runtime takes 1.
  const aligned = (size: number, index: number) => (size === 1 ? 1 : (2 * index) / (size - 1) - 1);
  const along = isAligned ? aligned : (size: number, index: number) => (2 * index + 1) / size - 1;
  const rows = spatial.reduce<number[][]>(
    (found, size) => found.flatMap((row) => Array.from({ length: size }, (_, index) => [along(size, index), ...row])),
    [[1]],
  );
  const base = g.cast(g.constant(float32(rows.flat(), [rows.length, spatial.length + 1])), theta.type);
  return [g.matMul(g.reshape(grads[0] as Value, [batch, rows.length, spatial.length]), base, { transposeA: true })];
};

export const gridSampleRules: GradientRules = { GridSample: gridSample, AffineGrid: affineGrid };

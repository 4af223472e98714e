import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { reachOf, type Window } from "../../graph/shapes/window.ts";
import { elementCount } from "../../graph/tensor.ts";
import { sizesOf } from "../rule.ts";
import { type Blocked, extentOf, pickRows, pixelRows } from "./layout.ts";

/** How a convolution goes back from its outputs' channels to its inputs'. */
export interface WayBack {
  /** The blocked weight of some taps of the kernel, in the order given. */
  readonly weight: (taps: readonly number[], kernel: readonly number[]) => Value;
  readonly group: number;
}

const still = { strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0] };

/**
 * The gradient of a blocked convolution to its input of the given size: with stride 1 a convolution of dy with the reversed kernel. With
 * larger strides each phase of the input has met only some of the taps, and is a convolution of dy with these.
 */
export function blockedInputGradient(
  g: GraphBuilder,
  dy: Blocked,
  spatial: readonly [number, number],
  window: Window,
  back: WayBack,
): Value {
  const { kernel, strides, padsBegin, padsEnd } = window;
  const reach = kernel.map((_, axis) => reachOf(window, axis) - 1);
  const begin = reach.map((size, axis) => size - (padsBegin[axis] as number));
  const end = reach.map((size, axis) => size - (padsEnd[axis] as number));
  const reversed = Array.from({ length: elementCount(kernel) }, (_, tap) => elementCount(kernel) - 1 - tap);
  const whole = (x: Value, pads: Partial<Window>) =>
    g.blockedConv(x, back.weight(reversed, kernel), { ...window, strides: [1, 1], ...pads }, { group: back.group });
  if (strides.every((stride) => stride === 1) && [...begin, ...end].every((pad) => pad >= 0)) {
    return whole(dy.value, { padsBegin: begin, padsEnd: end });
  }
  if (reversed.length === 1) return spreadOut(g, { ...dy, value: whole(dy.value, still) }, spatial, strides, begin);
  const [down, across] = spatial.map((size, axis) => phasesOf(window, axis, size, extentOf(dy).spatial[axis] as number));
  if (down && across) return interleaved(g, dy, [down, across], kernel, back);
  const room = spatial.map((size, axis) => size + (reach[axis] as number)) as [number, number];
  return whole(spreadOut(g, dy, room, strides, begin), { padsBegin: [0, 0], padsEnd: [0, 0] });
}

/** Every stride-th element of the input along an axis: the taps that it met, reversed, and the pads of the convolution that gives it. */
interface Phase {
  readonly taps: readonly number[];
  readonly size: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Element s·i + ρ of an input with pad p met tap k of output (s·i + ρ + p − k)/s, where that is whole: with φ = (ρ + p) mod s and
 * c = (ρ + p − φ)/s the taps φ + s·j of outputs i + c − j.
 *
 * @returns `undefined` where the phases differ in size, one of them met no tap, or a pad would be negative.
 */
function phasesOf({ kernel, strides, dilations, padsBegin }: Window, axis: number, size: number, outputs: number): Phase[] | undefined {
  const [stride, pad, count] = [strides[axis], padsBegin[axis], kernel[axis]] as [number, number, number];
  if (dilations[axis] !== 1 || size % stride !== 0) return undefined;
  const phases = Array.from({ length: stride }, (_, rest): Phase => {
    const first = (rest + pad) % stride;
    const taps = Array.from({ length: Math.max(0, Math.ceil((count - first) / stride)) }, (_, j) => first + stride * j).reverse();
    const begin = taps.length - 1 - (rest + pad - first) / stride;
    return { taps, size: size / stride, begin, end: size / stride + taps.length - 1 - outputs - begin };
  });
  return phases.every(({ taps, begin, end }) => taps.length > 0 && begin >= 0 && end >= 0) ? phases : undefined;
}

/** One convolution for each phase of rows and columns, their pixels put in turn. */
function interleaved(
  g: GraphBuilder,
  dy: Blocked,
  [down, across]: readonly [Phase[], Phase[]],
  kernel: readonly number[],
  back: WayBack,
): Value {
  let channels = 0;
  const lines = down.map((y) => {
    const columns = across.map((x) => {
      const taps = y.taps.flatMap((row) => x.taps.map((column) => row * (kernel[1] as number) + column));
      const size = [y.taps.length, x.taps.length];
      const window = { ...still, kernel: size, padsBegin: [y.begin, x.begin], padsEnd: [y.end, x.end] };
      const value = g.blockedConv(dy.value, back.weight(taps, size), window, { group: back.group });
      channels = sizesOf(value)[1] as number;
      return pixelRows(g, { ...dy, value });
    });
    const inTurn = g.concat(columns, 1);
    const width = across.length * (across[0] as Phase).size * dy.block;
    return g.reshape(inTurn, [elementCount(sizesOf(inTurn)) / width, width]);
  });
  const [{ size: height }, { size: width }] = [down[0], across[0]] as [Phase, Phase];
  return g.reshape(g.concat(lines, 1), [extentOf(dy).batch, channels, down.length * height, across.length * width]);
}

/** dy with zeros between its pixels, and before and after them: pixel i along an axis comes to lie at begin + stride·i. */
function spreadOut(
  g: GraphBuilder,
  dy: Blocked,
  sizes: readonly [number, number],
  strides: readonly number[],
  begin: readonly number[],
): Value {
  const { batch, blocks, spatial } = extentOf(dy);
  const [height, width] = spatial;
  const source = (position: number, axis: number): number => {
    const index = (position - (begin[axis] as number)) / (strides[axis] as number);
    return Number.isInteger(index) && index >= 0 && index < (spatial[axis] as number) ? index : -1;
  };
  const rows = pickRows(g, pixelRows(g, dy), [batch * blocks, ...sizes], ([plane = 0, y = 0, x = 0]) => {
    const [row, column] = [source(y, 0), source(x, 1)];
    return row < 0 || column < 0 ? -1 : (plane * height + row) * width + column;
  });
  return g.reshape(rows, [batch, blocks * dy.block, ...sizes]);
}

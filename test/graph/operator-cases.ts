import fc from "fast-check";
import { int, ints, string } from "../../src/graph/attributes.ts";
import type { GraphBuilder } from "../../src/graph/builder/builder.ts";
import type { Value } from "../../src/graph/graph.ts";
import { type ElementType, int64 } from "../../src/graph/tensor.ts";

/** Random choices for one graph. */
export interface Draw {
  /** A whole number, both ends included. */
  integer(from: number, to: number): number;
  flip(): boolean;
  pick<T>(items: readonly T[]): T;
  /** A new input of the graph. */
  input(shape: readonly number[], type?: ElementType): Value;
  /** Sizes from 1 to 4. */
  shape(minRank: number, maxRank: number): number[];
}

export function drawFrom(g: GraphBuilder, gen: fc.GeneratorValue): Draw {
  let inputs = 0;
  const integer = (min: number, max: number) => gen(fc.integer, { min, max });
  return {
    integer,
    flip: () => gen(fc.boolean),
    pick: (items) => items[integer(0, items.length - 1)] as (typeof items)[number],
    input: (shape, type = "float32") => g.input(`x${inputs++}`, type, shape),
    shape: (minRank, maxRank) => Array.from({ length: integer(minRank, maxRank) }, () => integer(1, 4)),
  };
}

/** Applies one operator to random inputs of random shapes, with random options. */
export type OperatorCase = (g: GraphBuilder, d: Draw) => Value | readonly Value[];

const axisOf = (d: Draw, x: Value): number => d.integer(-x.shape.length, x.shape.length - 1);
const someAxes = (d: Draw, rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis).filter(() => d.flip());
const each = (names: readonly string[], make: (name: string) => OperatorCase): Record<string, OperatorCase> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));
const operator = (g: GraphBuilder, name: string) => g[name as "add"] as (...operands: readonly unknown[]) => Value;
const only = (values: readonly Value[]): Value => values[0] as Value;

/** Two shapes that broadcast. */
function pair(d: Draw, type: ElementType = "float32"): [Value, Value] {
  const shape = d.shape(0, 4);
  const narrowed = () => shape.map((size) => (d.flip() ? size : 1)).slice(d.integer(0, shape.length));
  return d.flip() ? [d.input(shape, type), d.input(narrowed(), type)] : [d.input(narrowed(), type), d.input(narrowed(), type)];
}

/** [N, C, ...] and options for a window that fits, over 1 or 2 spatial axes. */
function windowed(d: Draw, channels: number) {
  const axes = Array.from({ length: d.integer(1, 2) }, () => {
    const [kernel, dilation, stride] = [d.integer(1, 3), d.integer(1, 2), d.integer(1, 3)];
    return { kernel, dilation, stride, padding: d.integer(0, kernel - 1), size: dilation * (kernel - 1) + 1 + d.integer(0, 4) };
  });
  return {
    x: d.input([d.integer(1, 2), channels, ...axes.map(({ size }) => size)]),
    kernel: axes.map(({ kernel }) => kernel),
    options: {
      stride: axes.map(({ stride }) => stride),
      dilation: axes.map(({ dilation }) => dilation),
      padding: axes.map(({ padding }) => padding),
    },
    window: {
      kernel: axes.map(({ kernel }) => kernel),
      strides: axes.map(({ stride }) => stride),
      dilations: axes.map(({ dilation }) => dilation),
      padsBegin: axes.map(({ padding }) => padding),
      padsEnd: axes.map(({ kernel }) => d.integer(0, kernel - 1)),
    },
  };
}

const elementwise: Record<string, OperatorCase> = {
  ...each(
    ["add", "sub", "mul", "div", "pow", "max", "min", "equal", "less", "lessOrEqual", "greater", "greaterOrEqual"],
    (name) => (g, d) => (d.integer(0, 4) === 0 ? operator(g, name)(d.input(d.shape(0, 4)), 2) : operator(g, name)(...pair(d))),
  ),
  ...each(["and", "or"], (name) => (g, d) => operator(g, name)(...pair(d, "bool"))),
  not: (g, d) => g.not(d.input(d.shape(0, 4), "bool")),
  ...each(
    [
      "neg",
      "abs",
      "sign",
      "exp",
      "log",
      "sqrt",
      "reciprocal",
      "erf",
      "sin",
      "cos",
      "tanh",
      "sigmoid",
      "softplus",
      "relu",
      "hardSwish",
      "identity",
      "leakyRelu",
      "gelu",
    ],
    (name) => (g, d) => operator(g, name)(d.input(d.shape(0, 4))),
  ),
  clip: (g, d) => g.clip(d.input(d.shape(0, 4)), d.flip() ? -1 : undefined, d.flip() ? 1 : undefined),
  where: (g, d) => {
    const [yes, no] = pair(d);
    return g.where(d.flip() ? d.input([1], "bool") : g.less(yes, no), yes, d.flip() ? no : 0);
  },
  cast: (g, d) =>
    g.cast(d.input(d.shape(0, 4), d.pick(["float32", "int64", "bool", "int32"])), d.pick(["float32", "int64", "bool", "float64"])),
  sum: (g, d) => g.sum(...Array.from({ length: d.integer(1, 2) }, () => d.input([2, 3])), d.input([1, 3])),
  ...each(["softmax", "logSoftmax"], (name) => (g, d) => {
    const x = d.input(d.shape(1, 4));
    return operator(g, name)(x, axisOf(d, x));
  }),
  dropout: (g, d) => g.dropout(d.input(d.shape(1, 3)), 0.5),
};

const linear: Record<string, OperatorCase> = {
  matMul: (g, d) => {
    const [m, k, n] = [d.integer(1, 4), d.integer(1, 4), d.integer(1, 4)];
    const batch = d.shape(0, 2);
    const narrowed = batch.map((size) => (d.flip() ? size : 1)).slice(d.integer(0, batch.length));
    const [transposeA, transposeB] = [d.flip(), d.flip()];
    if (d.integer(0, 4) === 0) return g.matMul(d.input([k]), d.input(d.flip() ? [k] : [...batch, k, n]));
    const a = d.input([...batch, ...(transposeA ? [k, m] : [m, k])]);
    return g.matMul(a, d.input([...narrowed, ...(transposeB ? [n, k] : [k, n])]), { transposeA, transposeB, alpha: d.pick([1, 0.5]) });
  },
  gemm: (g, d) => {
    const [m, k, n] = [d.integer(1, 4), d.integer(1, 4), d.integer(1, 4)];
    const [transposeA, transposeB] = [d.flip(), d.flip()];
    const bias = d.pick([undefined, [n], [1, n], [m, 1], [m, n], []]);
    return g.gemm(d.input(transposeA ? [k, m] : [m, k]), d.input(transposeB ? [n, k] : [k, n]), bias && d.input(bias), {
      transposeA,
      transposeB,
    });
  },
};

/** Whole blocks of channels, whether the machine's kernels take 8 or 16 at once. */
const BLOCK = 16;

const blocked: Record<string, OperatorCase> = {
  blockedConv: (g, d) => {
    const size = () => d.integer(3, 6);
    const x = d.input([d.integer(1, 2), BLOCK * d.integer(1, 2), size(), size()]);
    const kernel = [d.integer(1, 3), d.integer(1, 3)];
    const padding = kernel.map((taps) => d.integer(0, taps - 1));
    const window = { kernel, strides: [d.integer(1, 2), d.integer(1, 2)], dilations: [1, 1], padsBegin: padding, padsEnd: padding };
    const filters = BLOCK * d.integer(1, 2);
    const bias = d.flip() ? d.input([filters]) : undefined;
    const activation = d.pick([undefined, { kind: "Relu" }, { kind: "Clip", low: 0, high: 1 }] as const);
    return g.blockedConv(x, d.input([filters, x.shape[1] as number, ...kernel]), window, { bias, activation });
  },
  blockedAverage: (g, d) => g.blockedAverage(d.input([d.integer(1, 2), BLOCK * d.integer(1, 2), d.integer(1, 4), d.integer(1, 4)])),
  reorderInput: (g, d) => g.reorderInput(d.input([d.integer(1, 2), BLOCK * d.integer(1, 2), d.integer(1, 4), d.integer(1, 4)])),
  reorderOutput: (g, d) => g.reorderOutput(d.input([d.integer(1, 2), BLOCK, d.integer(1, 4), d.integer(1, 4)]), d.integer(1, BLOCK)),
};

const windows: Record<string, OperatorCase> = {
  conv: (g, d) => {
    const [group, perGroup, filters] = [d.integer(1, 2), d.integer(1, 2), d.integer(1, 2)];
    const { x, kernel, options } = windowed(d, group * perGroup);
    return g.conv(x, d.input([group * filters, perGroup, ...kernel]), d.flip() ? d.input([group * filters]) : undefined, {
      ...options,
      group,
    });
  },
  convWindow: (g, d) => {
    const { x, kernel, window } = windowed(d, 2);
    return g.convWindow(x, d.input([3, 2, ...kernel]), undefined, window);
  },
  convTranspose: (g, d) => {
    const group = d.integer(1, 2);
    const { x, kernel, window } = windowed(d, 2 * group);
    // The runtime wants extra output smaller than both stride and dilation allow.
    const outputPadding = window.strides.map((stride) => d.integer(0, stride - 1));
    return g.convTranspose(x, d.input([2 * group, 3, ...kernel]), window, { group, outputPadding });
  },
  ...each(["maxPool", "averagePool"], (name) => (g, d) => {
    const { x, kernel, options } = windowed(d, 2);
    return operator(g, name)(x, kernel, options);
  }),
  "pooling with ceil_mode": (g, d) => {
    const { x, window } = windowed(d, 2);
    return only(
      g.emit(d.pick(["MaxPool", "AveragePool"]), [x], {
        attributes: {
          kernel_shape: ints(window.kernel),
          strides: ints(window.strides),
          dilations: ints(window.dilations),
          pads: ints([...window.padsBegin, ...window.padsEnd]),
          ceil_mode: int(1),
        },
      }),
    );
  },
  "convolution with auto_pad": (g, d) => {
    const { x, kernel, window } = windowed(d, 2);
    const attributes = {
      kernel_shape: ints(kernel),
      strides: ints(window.strides),
      auto_pad: string(d.pick(["SAME_UPPER", "SAME_LOWER", "VALID"])),
    };
    return only(g.emit("Conv", [x, d.input([3, 2, ...kernel])], { attributes }));
  },
  globalAveragePool: (g, d) => g.globalAveragePool(d.input(d.shape(3, 4))),
  ...blocked,
};

const reductions: Record<string, OperatorCase> = {
  ...each(["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceSumSquare", "reduceLogSumExp"], (name) => (g, d) => {
    const x = d.input(d.shape(1, 4));
    const axes = d.flip() ? someAxes(d, x.shape.length) : undefined;
    return operator(g, name)(x, { axes: axes?.map((axis) => (d.flip() ? axis : axis - x.shape.length)), keepDims: d.flip() });
  }),
  argMax: (g, d) => {
    const x = d.input(d.shape(1, 4));
    return g.argMax(x, { axis: axisOf(d, x), keepDims: d.flip() });
  },
};

const normalizations: Record<string, OperatorCase> = {
  batchNormalization: (g, d) => {
    const x = d.input(d.shape(2, 4));
    const channels = [Number(x.shape[1])];
    return g.batchNormalization(x, d.input(channels), d.input(channels), d.input(channels), d.input(channels));
  },
  trainingBatchNormalization: (g, d) => {
    const x = d.input(d.shape(2, 4).map((size) => size + 1));
    const channels = [Number(x.shape[1])];
    const { y, mean, variance } = g.trainingBatchNormalization(x, d.input(channels), d.input(channels));
    return [y, mean, variance];
  },
  layerNormalization: (g, d) => {
    const x = d.input(d.shape(2, 4));
    const axis = axisOf(d, x);
    const scale = x.shape.slice(axis).map(Number);
    return g.layerNormalization(x, d.input(scale), d.flip() ? d.input(scale) : undefined, { axis });
  },
};

const layout: Record<string, OperatorCase> = {
  reshape: (g, d) => {
    const x = d.input(d.shape(1, 4));
    const order = x.shape.toReversed();
    return g.reshape(x, d.flip() ? order : order.map((size, axis) => (axis === 0 ? -1 : size)));
  },
  "reshape that copies axes": (g, d) => {
    const x = d.input(d.shape(2, 4));
    return g.reshape(x, [0, -1]);
  },
  transpose: (g, d) => {
    const x = d.input(d.shape(1, 4));
    const turn = d.integer(0, x.shape.length - 1);
    const axes = x.shape.map((_, axis) => axis);
    return g.transpose(x, d.flip() ? [...axes.slice(turn), ...axes.slice(0, turn)] : axes.reverse());
  },
  flatten: (g, d) => {
    const x = d.input(d.shape(1, 4));
    return g.flatten(x, d.integer(-x.shape.length, x.shape.length));
  },
  squeeze: (g, d) => g.squeeze(d.input([1, d.integer(1, 3), 1]), d.pick([[0], [2], [0, 2], [-1], [0, -1]])),
  unsqueeze: (g, d) => g.unsqueeze(d.input(d.shape(1, 2)), d.pick([[0], [1], [-1], [0, 2], [0, -1]])),
  concat: (g, d) => {
    const shape = d.shape(1, 3);
    const axis = d.integer(-shape.length, shape.length - 1);
    const at = axis < 0 ? axis + shape.length : axis;
    return g.concat(
      Array.from({ length: d.integer(1, 3) }, () => d.input(shape.map((size, index) => (index === at ? d.integer(1, 3) : size)))),
      axis,
    );
  },
  split: (g, d) => {
    const sizes = Array.from({ length: d.integer(1, 3) }, () => d.integer(1, 3));
    return g.split(d.input([2, sizes.reduce((total, size) => total + size, 0), 2]), sizes, d.pick([1, -2]));
  },
  "split into equal parts": (g, d) => {
    const parts = d.integer(1, 3);
    const size = parts * d.integer(2, 3) - d.integer(0, parts > 1 ? 1 : 0);
    return g.emit("Split", [d.input([size, 2])], { attributes: { num_outputs: int(parts) }, outputs: parts });
  },
  slice: (g, d) => {
    const x = d.input(d.shape(1, 3));
    const ranges = someAxes(d, x.shape.length).map((axis) => ({
      axis,
      start: d.integer(-6, 6),
      end: d.pick([d.integer(-6, 6), 2 ** 63, 2 ** 31 - 1, -(2 ** 62)]),
      step: d.pick([1, 2, -1, -2]),
    }));
    return g.slice(x, ranges);
  },
  pad: (g, d) => {
    const x = d.input(d.shape(1, 3));
    return g.pad(
      x,
      [...x.shape, ...x.shape].map(() => d.integer(0, 2)),
    );
  },
  "pad of some axes": (g, d) => {
    const x = d.input(d.shape(2, 3));
    const pads = g.constant(int64([d.integer(-1, 2), d.integer(1, 2)]));
    return only(g.emit("Pad", [x, pads, undefined, g.constant(int64([d.pick([1, -1])]))]));
  },
  gather: (g, d) => {
    const x = d.input(d.shape(1, 3).map((size) => size + 1));
    return g.gather(x, d.input(d.shape(0, 2), d.pick(["int64", "int32"])), axisOf(d, x));
  },
  gatherElements: (g, d) => {
    const shape = d.shape(1, 3).map((size) => size + 1);
    return g.gatherElements(
      d.input(shape),
      d.input(
        shape.map((size) => d.integer(1, size)),
        "int64",
      ),
      d.integer(0, shape.length - 1),
    );
  },
  scatterAdd: (g, d) => {
    const shape = d.shape(1, 3).map((size) => size + 1);
    const part = shape.map((size) => d.integer(1, size));
    return g.scatterAdd(d.input(shape), d.input(part, "int64"), d.input(part), d.integer(0, shape.length - 1));
  },
  expand: (g, d) => {
    const shape = d.shape(1, 4);
    return g.expand(d.input(shape.map((size) => (d.flip() ? size : 1)).slice(d.integer(0, shape.length))), shape);
  },
  tile: (g, d) => {
    const x = d.input(d.shape(1, 3));
    return g.tile(
      x,
      x.shape.map(() => d.integer(1, 3)),
    );
  },
  "shape of some axes": (g, d) => {
    const x = d.input(d.shape(2, 4));
    return only(g.emit("Shape", [x], { attributes: d.flip() ? {} : { start: int(d.integer(-1, 1)), end: int(d.integer(-1, 5)) } }));
  },
  range: (g, d) => {
    const [start, limit, delta] = [d.integer(-3, 3), d.integer(-3, 6), d.pick([1, 2, -1])];
    return only(g.emit("Range", [g.scalar(start, "int64"), g.scalar(limit, "int64"), g.scalar(delta, "int64")]));
  },
};

const composites: Record<string, OperatorCase> = {
  oneHot: (g, d) => g.oneHot(d.input(d.shape(1, 2), d.pick(["int64", "int32"])), d.integer(2, 5)),
  sumTo: (g, d) => {
    const shape = d.shape(1, 4);
    const like = d.input(shape.map((size) => (d.flip() ? size : 1)).slice(d.integer(0, shape.length)));
    return g.sumTo(d.input(shape), like);
  },
};

/** One for every operator of the builder, and for forms that only other exporters write. */
export const operatorCases: Readonly<Record<string, OperatorCase>> = {
  ...elementwise,
  ...linear,
  ...windows,
  ...reductions,
  ...normalizations,
  ...layout,
  ...composites,
};

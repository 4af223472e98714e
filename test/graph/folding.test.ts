import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { int, ints } from "../../src/graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../../src/graph/builder/builder.ts";
import { type Graph, OPSET, type Value } from "../../src/graph/graph.ts";
import { codeOfElementType } from "../../src/graph/onnx/element-types.ts";
import { foldConstants } from "../../src/graph/rewrite/fold.ts";
import { bindDimensions, inferShapes } from "../../src/graph/rewrite/infer.ts";
import { pruneDead } from "../../src/graph/rewrite/prune.ts";
import { bitsOf, runGraph } from "../../src/graph/run.fixture.ts";
import { arrayTypeOf, type ElementType, elementCount, float32, int64, type Tensor, type TensorData } from "../../src/graph/tensor.ts";
import { randomFeeds } from "../../src/measure/latency.ts";
import { lenet } from "../../src/nn/zoo/lenet.ts";
import { smallCnn } from "../../src/nn/zoo/small-cnn.ts";
import { type Draw, drawFrom } from "./operator-cases.ts";

type NumericType = Exclude<ElementType, "string">;

/** Random choices for one operator on constants. */
interface ConstantDraw extends Draw {
  /** A stored tensor of whole numbers, or of quarters, large and small, −0 among them. */
  stored(type: NumericType, shape: readonly number[], low?: number, high?: number): Value;
}

function constantsFrom(g: GraphBuilder, gen: fc.GeneratorValue): ConstantDraw {
  const draw = drawFrom(g, gen);
  const stored = (type: NumericType, shape: readonly number[], low = -9, high = 9): Value => {
    const data = new (arrayTypeOf(type))(elementCount(shape));
    for (let index = 0; index < data.length; index++) {
      const whole = draw.integer(low, high);
      if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(whole);
      else data[index] = type.startsWith("float") ? (whole / 4) * draw.pick([1, -1, 1e-3, 1e6]) : type === "bool" ? whole & 1 : whole;
    }
    return g.initializer("stored", { type, shape, data: data as TensorData });
  };
  return { ...draw, stored };
}

const emit = (g: GraphBuilder, op: string, inputs: readonly Value[], attributes = {}): Value =>
  g.emit(op, inputs, { attributes })[0] as Value;
const dataTypes: readonly NumericType[] = ["float32", "float64", "int32", "int64", "uint8", "bool"];

const arithmetic = (op: string) => (g: GraphBuilder, d: ConstantDraw) => {
  const shape = d.shape(0, 3);
  const type = d.pick(["float32", "float64", "int32", "int64"] as const);
  const narrow = shape.map((size) => d.pick([size, 1])).slice(d.integer(0, shape.length));
  const divisor = op === "Div" && type.startsWith("int") ? 1 : -9;
  return emit(g, op, [d.stored(type, shape), d.stored(type, narrow, divisor)]);
};
const unary = (op: string) => (g: GraphBuilder, d: ConstantDraw) =>
  emit(g, op, [d.stored(d.pick(["float32", "float64"] as const), d.shape(0, 3))]);

/** Operators that folding must compute just as the runtime does. */
const foldable: Record<string, (g: GraphBuilder, d: ConstantDraw) => Value> = {
  Identity: (g, d) => g.identity(d.stored(d.pick(dataTypes), d.shape(0, 3))),
  Reshape: (g, d) => g.reshape(d.stored(d.pick(dataTypes), [2, 6]), d.pick([[3, 4], [-1], [2, 1, -1]])),
  Squeeze: (g, d) => emit(g, "Squeeze", [d.stored("int64", [1, 3, 1]), ...d.pick([[], [g.constant(int64([-1]))]])]),
  Unsqueeze: (g, d) => g.unsqueeze(d.stored(d.pick(dataTypes), d.shape(0, 2)), d.pick([[0], [-1]])),
  Flatten: (g, d) => g.flatten(d.stored("float32", d.shape(2, 3)), d.integer(0, 2)),
  Transpose: (g, d) => {
    const x = d.stored(d.pick(["float32", "int64"]), d.shape(3, 3));
    return emit(g, "Transpose", [x], d.pick([{}, { perm: ints([0, 2, 1]) }, { perm: ints([2, 0, 1]) }, { perm: ints([1, 2, 0]) }]));
  },
  Slice: (g, d) => {
    const range = (axis: number) => ({
      axis,
      start: d.integer(-5, 5),
      end: d.pick([d.integer(-5, 5), 2 ** 63, 2 ** 31 - 1, -(2 ** 62)]),
      step: d.pick([1, 2, -1, -2]),
    });
    return g.slice(
      d.stored(d.pick(dataTypes), [d.integer(1, 4), d.integer(1, 4)]),
      d.pick([[range(0)], [range(1)], [range(-1), range(0)]]),
    );
  },
  Gather: (g, d) => {
    const x = d.stored(d.pick(dataTypes), [2, 3, 2]);
    return g.gather(x, d.stored(d.pick(["int64", "int32"] as const), d.shape(0, 2), -2, 1), d.integer(-3, 2));
  },
  Concat: (g, d) => {
    const [type, axis] = [d.pick(dataTypes), d.integer(-2, 1)];
    const part = () => d.stored(type, axis % 2 === 0 ? [d.integer(1, 3), 2] : [2, d.integer(1, 3)]);
    return g.concat([part(), part(), part()], axis);
  },
  Expand: (g, d) =>
    g.expand(
      d.stored("float32", [2, 1]),
      d.pick([
        [2, 3],
        [3, 2, 2],
        [1, 2, 1],
      ]),
    ),
  ConstantOfShape: (g, d) => {
    const value = d.pick<Tensor | undefined>([undefined, int64([7]), float32([-0]), { type: "bool", shape: [1], data: Uint8Array.of(1) }]);
    return emit(g, "ConstantOfShape", [d.stored("int64", [d.integer(0, 3)], 1, 3)], value ? { value: { kind: "tensor", value } } : {});
  },
  Range: (g, d) => {
    const type = d.pick(["int64", "int32"] as const);
    return emit(g, "Range", [
      d.stored(type, []),
      d.stored(type, []),
      d.stored(
        type,
        [],
        ...d.pick<[number, number]>([
          [1, 3],
          [-3, -1],
        ]),
      ),
    ]);
  },
  Where: (g, d) => {
    const type = d.pick(["int64", "int32", "uint8"] as const);
    return emit(g, "Where", [d.stored("bool", [2, 1]), d.stored(type, d.pick([[3], [2, 3], []])), d.stored(type, d.pick([[2, 3], [1]]))]);
  },
  Cast: (g, d) => emit(g, "Cast", [d.stored(d.pick(dataTypes), d.shape(0, 2), 0, 9)], { to: int(codeOfElementType(d.pick(dataTypes))) }),
  Add: arithmetic("Add"),
  Sub: arithmetic("Sub"),
  Mul: arithmetic("Mul"),
  Div: arithmetic("Div"),
  Equal: arithmetic("Equal"),
  Less: arithmetic("Less"),
  LessOrEqual: arithmetic("LessOrEqual"),
  Greater: arithmetic("Greater"),
  GreaterOrEqual: arithmetic("GreaterOrEqual"),
  And: (g, d) => emit(g, "And", [d.stored("bool", [2, 1], 0, 1), d.stored("bool", [3], 0, 1)]),
  Or: (g, d) => emit(g, "Or", [d.stored("bool", [2, 1], 0, 1), d.stored("bool", [3], 0, 1)]),
  Not: (g, d) => emit(g, "Not", [d.stored("bool", d.shape(0, 2), 0, 1)]),
  Xor: (g, d) => emit(g, "Xor", [d.stored("bool", [2, 1], 0, 1), d.stored("bool", [3], 0, 1)]),
  Mod: (g, d) => {
    const type = d.pick(["int32", "int64"] as const);
    return emit(
      g,
      "Mod",
      [
        d.stored(type, [2, 3]),
        d.stored(
          type,
          [3],
          ...d.pick<[number, number]>([
            [1, 4],
            [-4, -1],
          ]),
        ),
      ],
      { fmod: int(d.integer(0, 1)) },
    );
  },
  Max: (g, d) => {
    const type = d.pick(["int32", "int64"] as const);
    return emit(g, d.pick(["Max", "Min"]), [d.stored(type, [2, 1]), d.stored(type, [3]), d.stored(type, [])]);
  },
  Abs: (g, d) => emit(g, "Abs", [d.stored(d.pick(["float32", "float64", "int32", "int64"] as const), d.shape(0, 3))]),
  Round: unary("Round"),
  CastLike: (g, d) => emit(g, "CastLike", [d.stored("int64", [3]), g.input("like", d.pick(["float32", "int32", "bool"] as const), [1])]),
  Tile: (g, d) => g.tile(d.stored(d.pick(dataTypes), [2, 3]), [d.integer(0, 3), d.integer(1, 2)]),
  Pad: (g, d) => {
    const type = d.pick(["float32", "int64"] as const);
    const pads = g.constant(int64([d.integer(0, 2), d.integer(0, 2), d.integer(0, 1), d.integer(0, 1)]));
    return emit(g, "Pad", [d.stored(type, [2, 3]), pads, ...d.pick([[], [d.stored(type, [])]])]);
  },
  Split: (g, d) => g.concat([...g.split(d.stored(d.pick(dataTypes), [2, 5, 2]), [2, 3], d.pick([1, -2]))].reverse(), 1),
  GatherElements: (g, d) => g.gatherElements(d.stored(d.pick(dataTypes), [3, 2]), d.stored("int64", [2, 2], -2, 1), d.integer(-2, 1)),
  GatherND: (g, d) => emit(g, "GatherND", [d.stored(d.pick(dataTypes), [2, 3, 2]), d.stored("int64", [4, d.integer(1, 3)], -2, 1)]),
  ScatterElements: (g, d) => {
    const type = d.pick(dataTypes);
    const axis = d.integer(0, 1);
    const order = g.constant(int64(axis === 0 ? [1, 0, -2, 2] : [0, -1, 1, 0], [2, 2]));
    return emit(g, "ScatterElements", [d.stored(type, [3, 2]), order, d.stored(type, [2, 2])], { axis: int(axis) });
  },
  ScatterND: (g, d) => {
    const type = d.pick(dataTypes);
    return emit(g, "ScatterND", [d.stored(type, [3, 2]), g.constant(int64([2, -3], [2, 1])), d.stored(type, [2, 2])]);
  },
  Trilu: (g, d) =>
    emit(g, "Trilu", [d.stored(d.pick(["float32", "int64"]), [2, 3, 4]), ...d.pick([[], [g.scalar(d.integer(-2, 3), "int64")]])], {
      upper: int(d.integer(0, 1)),
    }),
  NonZero: (g, d) => emit(g, "NonZero", [d.stored(d.pick(["float32", "int64", "bool"]), d.shape(1, 3), -1, 1)]),
  OneHot: (g, d) =>
    emit(g, "OneHot", [d.stored("int64", [2, 3], -5, 5), g.scalar(4, "int64"), d.stored("int64", [2])], { axis: int(d.integer(-3, 2)) }),
  ReduceSum: (g, d) => {
    const x = d.stored("int64", [2, 3, 2], 1, 4);
    const axes = d.pick([undefined, [1], [-1, 0]]);
    return emit(g, d.pick(["ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin"]), axes ? [x, g.constant(int64(axes))] : [x], {
      keepdims: int(d.integer(0, 1)),
    });
  },
  CumSum: (g, d) =>
    emit(g, "CumSum", [d.stored("int64", [2, 3, 2]), g.scalar(d.integer(-3, 2), "int64")], { reverse: int(d.integer(0, 1)) }),
  Size: (g) => emit(g, "Size", [g.input("x", "float32", [2, 3, 4])]),
  Sqrt: unary("Sqrt"),
  Floor: unary("Floor"),
  Ceil: unary("Ceil"),
  Neg: unary("Neg"),
  Shape: (g, d) =>
    emit(g, "Shape", [g.input("x", "float32", [2, 3, 4])], d.pick([{}, { start: int(1) }, { start: int(-2), end: int(-1) }])),
};

/** Outputs before and after, bit for bit. */
async function expectSameOutputs(before: Graph, after: Graph): Promise<void> {
  const feeds = randomFeeds(before, { N: 2 }, 3);
  const [expected, actual] = [await runGraph(before, feeds), await runGraph(after, feeds)];
  for (const { name } of before.outputs) expect(bitsOf(actual[name] as Tensor)).toEqual(bitsOf(expected[name] as Tensor));
}

test.each(Object.keys(foldable))("%s of constants folds to what ONNX Runtime computes", async (op) => {
  let folds = 0;
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (gen) => {
      const g = graphBuilder("constants");
      g.output((foldable[op] as (typeof foldable)[string])(g, constantsFrom(g, gen)), "y");
      const graph = g.build();
      const folded = foldConstants(graph);
      if (folded.nodes.every((node) => node.op === "Constant")) folds++;
      await expectSameOutputs(graph, folded);
    }),
    { numRuns: 25 },
  );
  // Casts that don't fit their type are the runtime's to decide.
  expect(folds).toBeGreaterThanOrEqual(op === "Cast" ? 10 : 25);
});

describe("what exporters emit", () => {
  const node = (op: string, inputs: string[], output: string, attributes = {}) => ({
    op,
    domain: "",
    name: output,
    inputs,
    outputs: [output],
    attributes,
  });
  /** `x.view(x.size(0), -1) * (1 / √d)`, as PyTorch writes it. */
  const viewed: Graph = {
    name: "viewed",
    opsets: { "": OPSET },
    metadata: {},
    inputs: [{ name: "x", type: "float32", shape: ["N", 3, 4] }],
    outputs: [{ name: "y", type: "float32", shape: ["N", "rest"] }],
    initializers: new Map([
      ["zero", int64([0], [])],
      ["axis", int64([0])],
      ["minus", int64([-1])],
      ["end", int64([2 ** 31])],
      ["one", float32([1], [])],
    ]),
    nodes: [
      node("Shape", ["x"], "shape"),
      node("Gather", ["shape", "zero"], "batch"),
      node("Unsqueeze", ["batch", "axis"], "batches"),
      node("Concat", ["batches", "minus"], "target", { axis: int(0) }),
      node("Reshape", ["x", "target"], "flat"),
      node("Shape", ["x"], "shape2"),
      node("Slice", ["shape2", "minus", "end"], "width"),
      node("Cast", ["width"], "d", { to: int(codeOfElementType("float32")) }),
      node("Sqrt", ["d"], "root"),
      node("Div", ["one", "root"], "inverse"),
      node("Mul", ["flat", "inverse"], "y"),
    ],
  };

  test("shape arithmetic folds away, and makes no weights", async () => {
    const bound = bindDimensions(viewed, { N: 2 });
    const folded = foldConstants(bound);
    expect(folded.nodes.map(({ op }) => op)).toEqual(["Constant", "Reshape", "Constant", "Mul"]);
    expect(folded.initializers.size).toBe(0);
    expect(folded.outputs[0]?.shape).toEqual([2, 12]);
    expect(foldConstants(folded)).toEqual(folded);
    await expectSameOutputs(bound, folded);
  });

  test("what a size that is open decides stays in the graph", async () => {
    const folded = foldConstants(viewed);
    expect(folded.nodes.map(({ op }) => op)).toEqual(["Shape", "Gather", "Unsqueeze", "Concat", "Reshape", "Constant", "Mul"]);
    expect(inferShapes(viewed).get("flat")?.shape).toEqual(["N", 12]);
    expect(inferShapes(bindDimensions(viewed, { N: 5 })).get("flat")?.shape).toEqual([5, 12]);
    await expectSameOutputs(viewed, folded);
  });

  test("a transposed weight becomes a weight, unless the original is needed too", async () => {
    const build = (tied: boolean): Graph => {
      const g = graphBuilder("linear");
      const w = g.initializer(
        "w",
        float32(
          Float32Array.from({ length: 200 * 100 }, (_, i) => Math.sin(i)),
          [200, 100],
        ),
      );
      const y = g.matMul(g.input("x", "float32", ["N", 100]), g.transpose(w, [1, 0]));
      g.output(tied ? g.matMul(y, w) : y, "y");
      return g.build();
    };
    const free = foldConstants(build(false));
    expect(free.nodes.map(({ op }) => op)).toEqual(["MatMul"]);
    expect([...free.initializers.values()].map(({ shape }) => shape)).toEqual([[100, 200]]);
    await expectSameOutputs(build(false), free);
    expect(foldConstants(build(true))).toEqual(build(true));
  });
});

test.each([
  ["lenet", lenet({ inputShape: [1, 28, 28], classes: 10, seed: 1 })],
  ["small-cnn", smallCnn({ inputShape: [3, 8, 8], classes: 4, channels: [4, 8], seed: 1 })],
])("folding, pruning and inferring leave %s as it is", async (_, graph) => {
  expect(foldConstants(graph)).toEqual(graph);
  expect(pruneDead(graph)).toEqual(graph);
  const bound = bindDimensions(graph, { N: 2 });
  await expectSameOutputs(graph, bound);
  const everything = {
    ...bound,
    outputs: [...inferShapes(bound).values()].filter(({ name }) => bound.nodes.some(({ outputs }) => outputs.includes(name))),
  };
  const results = await runGraph(everything, randomFeeds(bound));
  for (const { name, type, shape } of everything.outputs)
    expect({ type: results[name]?.type, shape: results[name]?.shape }).toEqual({ type, shape });
});

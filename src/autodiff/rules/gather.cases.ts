import { int, string } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { int32, int64 } from "../../graph/tensor.ts";
import type { GradientCase, TestInput } from "../finite-differences.ts";

/** A case on inputs of these shapes. */
const on = (name: string, inputs: readonly (readonly number[] | TestInput)[], build: GradientCase["build"]): GradientCase => ({
  name,
  inputs: inputs.map((input) => ("shape" in input ? input : { shape: input })),
  build,
});

/** Indices that are known only when the graph runs, for all that is known before. */
const hidden = (g: GraphBuilder, x: Value | undefined, indices: readonly number[], shape: readonly number[]): Value =>
  g.add(g.constant(int64(indices, shape)), g.cast(g.mul(g.reduceSum(x as Value), 0), "int64"));

const scattered = (op: string, g: GraphBuilder, x: Value, indices: Value, updates: Value, reduction: string, axis?: number): Value =>
  g.emit(op, [x, indices, updates], {
    attributes: { reduction: string(reduction), ...(axis === undefined ? {} : { axis: int(axis) }) },
  })[0] as Value;

const topK = (g: GraphBuilder, x: Value, count: number, attributes: Readonly<Record<string, number>>, outputs = 2): readonly Value[] =>
  g.emit("TopK", [x, g.constant(int64([count]))], {
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, int(value)])),
    outputs,
  });

const distinct: TestInput = { shape: [2, 5, 3], distinct: true };

export const gatherCases: readonly GradientCase[] = [
  on("Gather, repeated and negative indices", [[4, 3]], (g, x) => g.gather(x as Value, g.constant(int64([1, 1, -1, 3], [2, 2])), 0)),
  on("Gather, indices known at run time", [[4, 3]], (g, x) => g.gather(x as Value, hidden(g, x, [1, 1, -1, 3], [2, 2]), 0)),
  on("Gather, int32 indices", [[4, 3]], (g, x) =>
    g.gather(x as Value, g.add(g.constant(int32([-1, 2, -1])), g.cast(g.mul(g.reduceSum(x as Value), 0), "int32")), 0),
  ),
  on("Gather from a long table", [[200, 2]], (g, x) => g.gather(x as Value, hidden(g, x, [150, 3, -50, 199, -200], [5]), 0)),
  on("Gather along the middle", [[2, 4, 3]], (g, x) => g.gather(x as Value, g.constant(int64([2, 0])), -2)),
  on("Gather along the middle, indices known at run time", [[2, 4, 3]], (g, x) =>
    g.gather(x as Value, hidden(g, x, [2, -2, 0], [3, 1]), 1),
  ),
  on("Gather neighbours", [[2, 5, 3]], (g, x) => g.gather(x as Value, g.constant(int64([1, 2, -2], [1, 3])), 1)),
  on("Gather in another order", [[2, 4, 3]], (g, x) => g.gather(x as Value, g.constant(int64([2, 0, -1, 1])), 1)),
  on("Gather one", [[2, 4]], (g, x) => g.gather(x as Value, g.constant(int64([2], [])), 1)),
  on("GatherElements", [[3, 3]], (g, x) => g.gatherElements(x as Value, g.constant(int64([0, 0, 2, 1, -1, 1], [2, 3])), -2)),
  on("GatherND, elements", [[3, 4]], (g, x) => g.emit("GatherND", [x, g.constant(int64([0, 1, 2, -1, 0, 1], [3, 2]))])[0] as Value),
  on("GatherND, slices", [[3, 4, 2]], (g, x) => g.emit("GatherND", [x, hidden(g, x, [2, 0, 2, -3], [2, 2, 1])])[0] as Value),
  on(
    "GatherND, in batches",
    [[2, 3, 4, 2]],
    (g, x) =>
      g.emit("GatherND", [x, hidden(g, x, [1, -1, 0, 2, 1, 3, 1, 3], [2, 2, 2])], { attributes: { batch_dims: int(1) } })[0] as Value,
  ),
  ...["none", "add"].flatMap((reduction) => [
    on(`ScatterND, ${reduction}, elements`, [[3, 4], [2]], (g, x, updates) =>
      scattered("ScatterND", g, x as Value, hidden(g, x, [0, 1, -1, 2], [2, 2]), updates as Value, reduction),
    ),
    on(
      `ScatterND, ${reduction}, slices`,
      [
        [3, 4],
        [2, 4],
      ],
      (g, x, updates) => scattered("ScatterND", g, x as Value, hidden(g, x, [2, 0], [2, 1]), updates as Value, reduction),
    ),
    on(
      `ScatterElements, ${reduction}`,
      [
        [3, 4],
        [2, 3],
      ],
      (g, x, updates) =>
        scattered("ScatterElements", g, x as Value, hidden(g, x, [0, 1, -1, 3, 2, 0], [2, 3]), updates as Value, reduction, 1),
    ),
  ]),
  on(
    "ScatterElements, by default, along the first axis",
    [[3], [2]],
    (g, x, updates) => g.emit("ScatterElements", [x, hidden(g, x, [2, 0], [2]), updates])[0] as Value,
  ),
  on("TopK", [distinct], (g, x) => topK(g, x as Value, 2, { axis: 1 })[0] as Value),
  on("TopK, the smallest, along the last axis", [distinct], (g, x) => topK(g, x as Value, 2, { largest: 0 })[0] as Value),
  on("TopK, sorted whole, weighed by place", [distinct], (g, x) => {
    const [values, indices] = topK(g, x as Value, 5, { axis: -2 }) as [Value, Value];
    return g.mul(values, g.cast(indices, values.type));
  }),
];

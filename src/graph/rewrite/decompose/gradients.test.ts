import { expect, test } from "vitest";
import { gradientMismatches, type TestInput } from "../../../autodiff/finite-differences.ts";
import { nodeRuntime } from "../../../runtime/node.ts";
import { int, ints, string } from "../../attributes.ts";
import { inlineGraph } from "../../builder/inline.ts";
import { type Attributes, type Graph, MICROSOFT, OPSET, type Value } from "../../graph.ts";
import { int32, type Tensor } from "../../tensor.ts";
import { decompose } from "./decompose.ts";
import { unrollRecurrent } from "./recurrent/unroll.ts";

const runtime = nodeRuntime({ threads: 1 });

interface Fused {
  readonly op: string;
  readonly domain?: string;
  readonly attributes?: Attributes;
  /** What is differentiated, by shape; `undefined` where an input is left out or is among `given`. */
  readonly inputs: readonly (readonly number[] | undefined)[];
  /** Inputs without a gradient, by their place. */
  readonly given?: Readonly<Record<number, Tensor>>;
  readonly rewrite?: (graph: Graph) => Graph;
}

const fused: readonly Fused[] = [
  { op: "Attention", domain: MICROSOFT, attributes: { num_heads: int(2), unidirectional: int(1) }, inputs: [[2, 3, 4], [4, 12], [12]] },
  {
    op: "Attention",
    domain: MICROSOFT,
    attributes: { num_heads: int(2), qkv_hidden_sizes: ints([4, 4, 6]) },
    inputs: [[2, 3, 4], [4, 14], [14], undefined, undefined, [1, 2, 3, 3]],
    given: { 3: int32([2, 3]) },
  },
  { op: "MultiHeadAttention", domain: MICROSOFT, attributes: { num_heads: int(2) }, inputs: [[2, 3, 4], [2, 2, 4], [2, 2, 6], [14]] },
  {
    op: "Attention",
    attributes: { q_num_heads: int(4), kv_num_heads: int(2), is_causal: int(1) },
    inputs: [
      [2, 3, 8],
      [2, 3, 4],
      [2, 3, 6],
    ],
  },
  { op: "SkipLayerNormalization", domain: MICROSOFT, inputs: [[2, 3, 6], [3, 6], [6], [6], [6]] },
  { op: "SkipSimplifiedLayerNormalization", domain: MICROSOFT, inputs: [[2, 3, 6], [2, 3, 6], [6]] },
  {
    op: "RotaryEmbedding",
    attributes: { num_heads: int(2), interleaved: int(1) },
    inputs: [
      [2, 3, 8],
      [2, 3, 2],
      [2, 3, 2],
    ],
  },
  {
    op: "LSTM",
    attributes: { hidden_size: int(2), direction: string("bidirectional") },
    inputs: [[3, 2, 3], [2, 8, 3], [2, 8, 2], [2, 16], undefined, [2, 2, 2], [2, 2, 2], [2, 6]],
    given: { 4: int32([3, 2]) },
    rewrite: unrollRecurrent,
  },
  {
    op: "GRU",
    attributes: { hidden_size: int(2), linear_before_reset: int(1) },
    inputs: [
      [3, 2, 3],
      [1, 6, 3],
      [1, 6, 2],
      [1, 12],
    ],
    rewrite: unrollRecurrent,
  },
  {
    op: "GRU",
    attributes: { hidden_size: int(2), direction: string("reverse"), layout: int(1) },
    inputs: [[2, 3, 3], [1, 6, 3], [1, 6, 2], [1, 12], undefined, [2, 1, 2]],
    rewrite: unrollRecurrent,
  },
];

/** The rewritten model of one node on given inputs. */
function rewritten({ op, domain = "", attributes = {}, inputs, given = {}, rewrite = decompose }: Fused, values: readonly Value[]): Graph {
  const names = inputs.map((shape, index) => (shape || given[index] ? `i${index}` : ""));
  const rest = [...values];
  return rewrite({
    name: op,
    opsets: { "": OPSET, [MICROSOFT]: 1 },
    inputs: inputs.flatMap((shape, index) => (shape ? [{ ...(rest.shift() as Value), name: `i${index}` }] : [])),
    outputs: [{ name: "y", type: values[0]?.type ?? "float32", shape: [] }],
    nodes: [{ op, domain, name: "node", inputs: names, outputs: ["y"], attributes }],
    initializers: new Map(Object.entries(given).map(([index, tensor]) => [`i${index}`, tensor])),
    metadata: {},
  });
}

test.each(fused)("the gradient of $op $attributes through its decomposition", async (model) => {
  const mismatches = await gradientMismatches(runtime, {
    name: model.op,
    inputs: model.inputs.flatMap((shape): TestInput[] => (shape ? [{ shape, range: [-1, 1] }] : [])),
    build: (g, ...values) => {
      const graph = rewritten(model, values);
      const bind = new Map(graph.inputs.map(({ name }, index) => [name, values[index] as Value]));
      return inlineGraph(g, graph, { bind, prefix: "inner/" }).get("y") as Value;
    },
  });
  expect(mismatches).toEqual([]);
});

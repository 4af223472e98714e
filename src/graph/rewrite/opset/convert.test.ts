import { expect, test } from "vitest";
import { type Graph, OPSET, type Value } from "../../graph.ts";
import { bitsOf, runGraph } from "../../run.fixture.ts";
import type { Tensor } from "../../tensor.ts";
import { type OpsetCase, opsetCases } from "./convert.cases.ts";
import { convertOpset } from "./convert.ts";
import { unchangedCases } from "./unchanged.cases.ts";

/** The case as a graph of one node. */
function graphOf(
  { op, inputs, attributes = {}, stored = [], outputs = [{ type: "float32", rank: first(inputs).shape.length }] }: OpsetCase,
  opset: number,
): Graph {
  const given = Object.entries(inputs).flatMap(([name, tensor]) => (tensor ? [[name, tensor] as const] : []));
  const names = outputs.map((_, index) => `y${index}`);
  return {
    name: op,
    opsets: { "": opset },
    inputs: given.filter(([name]) => !stored.includes(name)).map(([name, { type, shape }]): Value => ({ name, type, shape })),
    outputs: outputs.map(
      ({ type, rank }, index): Value => ({
        name: `y${index}`,
        type,
        shape: Array.from({ length: rank }, (_, axis) => `y${index}_${axis}`),
      }),
    ),
    nodes: [
      {
        op,
        domain: "",
        name: "old",
        inputs: Object.entries(inputs).map(([name, tensor]) => (tensor ? name : "")),
        outputs: names,
        attributes,
      },
    ],
    initializers: new Map(given.filter(([name]) => stored.includes(name))),
    metadata: {},
  };
}

const first = (inputs: OpsetCase["inputs"]) => Object.values(inputs)[0] as Tensor;

const feedsOf = ({ inputs, stored = [] }: OpsetCase) =>
  Object.fromEntries(Object.entries(inputs).flatMap(([name, tensor]) => (tensor && !stored.includes(name) ? [[name, tensor]] : [])));

/** The same graph with nothing said of its inputs' sizes. */
const withOpenSizes = (graph: Graph): Graph => ({
  ...graph,
  inputs: graph.inputs.map((input) => ({ ...input, shape: input.shape.map((_, axis) => `${input.name}_${axis}`) })),
});

function expectSame(actual: Readonly<Record<string, Tensor>>, expected: Readonly<Record<string, Tensor>>, within: number): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) {
    const other = actual[name] as Tensor;
    if (within === 0) expect(bitsOf(other)).toEqual(bitsOf(tensor));
    else {
      expect(other.shape).toEqual(tensor.shape);
      (tensor.data as Float32Array).forEach((element, index) => {
        expect(Math.abs(((other.data as Float32Array)[index] as number) - element)).toBeLessThanOrEqual(
          within * Math.max(1, Math.abs(element)),
        );
      });
    }
  }
}

const pairs = [...opsetCases, ...unchangedCases].flatMap((each) =>
  each.opsets.map((opset) => ({ ...each, opset, title: `${each.op} ${opset}${each.about ? `, ${each.about}` : ""}` })),
);

test.each(pairs)("$title", async ({ opset, within = 0, ...each }) => {
  const graph = graphOf(each, opset);
  const converted = convertOpset(graph);
  expect(converted.opsets).toEqual({ "": OPSET });
  expect(converted.outputs).toEqual(graph.outputs);
  expect(convertOpset(converted)).toBe(converted);
  const feeds = feedsOf(each);
  const expected = await runGraph(graph, feeds);
  expectSame(await runGraph(converted, feeds), expected, within);
  expectSame(await runGraph(convertOpset(withOpenSizes(graph)), feeds), expected, within);
});

import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/builder/builder.ts";
import { randomFeeds } from "../../src/measure/latency.ts";
import { agreementOf } from "./agreement.ts";
import { shapeCases } from "./shape-cases.ts";

const SIZES = { N: 2, S: 6, H: 6, W: 10, P: 4 };

test.each(Object.entries(shapeCases))("%s: types and shapes as in ONNX Runtime, with open sizes and with numbers", async (_, make) => {
  const g = graphBuilder("case");
  for (const value of make(g)) g.output(value);
  const graph = g.build();
  const open = new Set(graph.inputs.flatMap(({ shape }) => shape));
  const bound = Object.fromEntries(Object.entries(SIZES).filter(([name]) => open.has(name)));
  const { compared, differences } = await agreementOf(graph, randomFeeds(graph, bound, 1));
  expect(differences).toEqual([]);
  expect(compared).toBeGreaterThan(0);
});

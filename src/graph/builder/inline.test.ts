import { expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../graph.ts";
import { canonicalize } from "../rewrite/canonicalize.ts";
import { graphBuilder } from "./builder.ts";
import { inlineGraph } from "./inline.ts";

const older: Graph = {
  name: "older",
  opsets: { "": 12 },
  inputs: [{ name: "x", type: "float32", shape: [2] }],
  outputs: [{ name: "y", type: "float32", shape: [2] }],
  nodes: [{ op: "Relu", domain: "", name: "relu", inputs: ["x"], outputs: ["y"], attributes: {} }],
  initializers: new Map(),
  metadata: {},
};

test("a graph of another operator set is refused until it is canonical", () => {
  const g = graphBuilder("larger");
  const bind = new Map([["x", g.input("x", "float32", [2])]]);
  let refusal: unknown;
  try {
    inlineGraph(g, older, { bind });
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(LimbeckError);
  expect(refusal).toMatchObject({
    message: 'The graph "older" uses ONNX opset 12; only opset 21 can be built upon.',
    hint: "Bring it into opset 21 with canonicalize(graph), or export it again.",
  });
  expect(inlineGraph(g, canonicalize(older), { bind }).get("y")).toMatchObject({ type: "float32", shape: [2] });
});

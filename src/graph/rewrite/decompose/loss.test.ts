import { test } from "vitest";
import { int, string } from "../../attributes.ts";
import { OPSET } from "../../graph.ts";
import { int64 } from "../../tensor.ts";
import { expectSame, indices, open, random } from "./decompose.fixture.ts";

const ignored = int64([2, -1, 0, -1, 1, 1], [2, 3]);

test.each(["mean", "sum", "none"])("losses reduced by %s", async (reduction) => {
  for (const op of ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"]) {
    const both = op === "SoftmaxCrossEntropyLoss" ? { logProbabilities: 2 } : {};
    const attributes = { reduction: string(reduction) };
    const scores = () => open(random([5, 4], -2, 2), ["N", 4]);
    const labels = () => open(indices([5], 4), ["N"]);
    await expectSame({
      op,
      opset: 13,
      attributes,
      inputs: { scores: scores(), labels: labels() },
      outputs: { y: reduction === "none" ? 1 : 0, ...both },
    });
    const weighted = { scores: scores(), labels: labels(), weights: random([4], 0.5, 2) };
    await expectSame({ op, opset: OPSET, attributes, inputs: weighted, outputs: { y: reduction === "none" ? 1 : 0 } });
    const pixels = { scores: open(random([2, 4, 3], -2, 2), ["N", 4, 3]), labels: open(ignored, ["N", 3]) };
    const withIgnored = { ...attributes, ignore_index: int(-1) };
    await expectSame({ op, attributes: withIgnored, inputs: pixels, outputs: { y: reduction === "none" ? 2 : 0 } });
    const all = { ...pixels, weights: random([4], 0.5, 2) };
    await expectSame({ op, attributes: withIgnored, inputs: all, outputs: { y: reduction === "none" ? 2 : 0 } });
  }
});

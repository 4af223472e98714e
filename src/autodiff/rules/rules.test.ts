import { describe, expect, it } from "vitest";
import { nodeRuntime } from "../../runtime/node.ts";
import { type GradientCase, gradientMismatches, graphOf } from "../finite-differences.ts";
import { activationCases } from "./activation.cases.ts";
import { convolutionCases } from "./convolution.cases.ts";
import { dropoutCases } from "./dropout.cases.ts";
import { einsumCases } from "./einsum.cases.ts";
import { elementwiseCases } from "./elementwise.cases.ts";
import { gatherCases } from "./gather.cases.ts";
import { gridSampleCases } from "./grid-sample.cases.ts";
import { layoutCases } from "./layout.cases.ts";
import { linearCases } from "./linear.cases.ts";
import { normalizationCases } from "./normalization.cases.ts";
import { poolingCases } from "./pooling.cases.ts";
import { quantizationCases } from "./quantization.cases.ts";
import { reductionCases } from "./reduction.cases.ts";
import { resizeCases } from "./resize.cases.ts";
import { gradientRules } from "./rules.ts";
import { slicingCases } from "./slicing.cases.ts";
import { softmaxCases } from "./softmax.cases.ts";
import { trigonometryCases } from "./trigonometry.cases.ts";

const families: Readonly<Record<string, readonly GradientCase[]>> = {
  elementwise: elementwiseCases,
  activation: activationCases,
  softmax: softmaxCases,
  linear: linearCases,
  convolution: convolutionCases,
  pooling: poolingCases,
  normalization: normalizationCases,
  dropout: dropoutCases,
  reduction: reductionCases,
  layout: layoutCases,
  "grid sample": gridSampleCases,
  quantization: quantizationCases,
  trigonometry: trigonometryCases,
  slicing: slicingCases,
  resize: resizeCases,
  gather: gatherCases,
  einsum: einsumCases,
};

const runtime = nodeRuntime({ threads: 1 });

describe.each(Object.entries(families))("the gradient rules of the family %s agree with finite differences", (_, cases) => {
  it.each(cases.map((test) => [test.name, test] as const))("%s", async (_name, test) => {
    expect(await gradientMismatches(runtime, test)).toEqual([]);
  });
});

it("every gradient rule has a case", () => {
  const covered = new Set<string>();
  for (const test of Object.values(families).flat()) {
    for (const { domain, op } of graphOf(test, "float32").nodes) covered.add(domain ? `${domain}:${op}` : op);
  }
  expect(Object.keys(gradientRules).filter((key) => !covered.has(key))).toEqual([]);
});

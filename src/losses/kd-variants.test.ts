import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { kdLoss, kdPerSample } from "./kd.ts";
import {
  kdMean,
  kdMeanPerSample,
  mseLogits,
  mseLogitsPerSample,
  softCrossEntropy,
  softCrossEntropyPerSample,
  tinybertPrediction,
  tinybertPredictionPerSample,
} from "./kd-variants.ts";
import { defined, ofPair } from "./logits.fixture.ts";
import { expectGolden, extremes, goldenTensors, measure } from "./losses.fixture.ts";

const formulas = { kdMeanPerSample, softCrossEntropyPerSample, tinybertPredictionPerSample, mseLogitsPerSample };
const runtime = nodeRuntime({ threads: 1 });

describe("what others call distillation", () => {
  it("has their values and gradients", async () => {
    const at4 = { numbers: { temperature: 4 } };
    await expectGolden("KD T=4 KLDivLoss reduction=mean *T^2 (TAKD/Tf-KD/DeiT variant)", defined(kdMean));
    await expectGolden("kd_ce T=4 (TextBrewer, no T^2, incl. teacher entropy)", defined(softCrossEntropy));
    await expectGolden("kd_mse T=4 (TextBrewer)", defined(mseLogits, at4));
    await expectGolden("TinyBERT soft_cross_entropy mean over ALL elems", defined(tinybertPrediction));
  });

  it("is kd at T = 1 for deep mutual learning", async () => {
    await expectGolden(
      "DML KL(S||peer T) T=1 (pred2*log(pred2/pred1))",
      ofPair((g, student, peer) => kdPerSample(g, student, peer, 1)),
    );
  });

  describe.each(Object.entries(formulas))("%s", (name, formula) => {
    it("has a gradient that agrees with central differences, to a temperature per sample too", async () => {
      for (const shape of [[], [4, 1]]) {
        const test = {
          name,
          inputs: [{ shape: [4, 3] }, { shape: [4, 3] }, { shape, range: [1, 5] as const }],
          build: (g: GraphBuilder, ...inputs: Value[]) => formula(g, ...(inputs as [Value, Value, Value])),
        };
        expect(await gradientMismatches(runtime, test)).toEqual([]);
      }
    });

    it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
      for (const temperature of [1, 20]) {
        const { loss, gradient } = await measure(
          ofPair((g, student, teacher) => formula(g, student, teacher, temperature)),
          inputs,
        );
        expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
      }
    });
  });

  it("differs from kd as it says: by 1/C, by T² and the teacher's entropy", async () => {
    const T = 3;
    const of = async (formula: Parameters<typeof ofPair>[0]) => (await measure(ofPair(formula), goldenTensors)).loss;
    const kl = await of((g, student, teacher) => kdLoss(g, student, teacher, T));
    expect(await of((g, student, teacher) => kdMeanPerSample(g, student, teacher, T))).toBeCloseTo(kl / 5, 5);
    const entropy = await of((g, _, teacher) => softCrossEntropyPerSample(g, teacher, teacher, T));
    const crossed = await of((g, student, teacher) => softCrossEntropyPerSample(g, student, teacher, T));
    expect(crossed).toBeCloseTo(kl / T ** 2 + entropy, 5);
    expect(await of((g, student, teacher) => tinybertPredictionPerSample(g, student, teacher, T))).toBeCloseTo(crossed / 5, 5);
  });
});

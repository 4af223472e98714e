import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomFor } from "../random.ts";
import {
  brierScore,
  calibratingTemperature,
  expectedCalibrationError,
  negativeLogLikelihood,
  reliabilityBins,
  temperatureScaling,
} from "./calibration.ts";
import type { Classified } from "./classification.ts";

/** Logits of two classes whose softmax gives class 0 this probability. */
const certain = (...probabilities: readonly number[]) => Float32Array.from(probabilities.flatMap((p) => [Math.log(p / (1 - p)), 0]));
const calibrationError = (classified: Classified, bins?: number) => expectedCalibrationError(reliabilityBins(classified, bins));

describe("by hand", () => {
  test("bins, and the expected calibration error of them", () => {
    // Bin (12/15, 13/15]: confidences 0.85 and 0.82, one right: |1/2 - 0.835|; bin (13/15, 14/15]: 0.9, right: 0.1. Weights 2/3 and 1/3.
    const classified = { logits: certain(0.85, 0.82, 0.9), labels: [0, 1, 0] };
    const bins = reliabilityBins(classified);
    expect(bins).toHaveLength(15);
    expect(bins[12]).toEqual({ samples: 2, accuracy: 0.5, confidence: expect.closeTo(0.835, 6) });
    expect(bins[13]).toEqual({ samples: 1, accuracy: 1, confidence: expect.closeTo(0.9, 6) });
    expect(bins[14]).toEqual({ samples: 0, accuracy: 0, confidence: 0 });
    expect(expectedCalibrationError(bins)).toBeCloseTo((2 / 3) * 0.335 + (1 / 3) * 0.1, 6);
    // In one bin, right and wrong cancel: mean confidence 0.856667, accuracy 2/3.
    expect(calibrationError(classified, 1)).toBeCloseTo((0.85 + 0.82 + 0.9) / 3 - 2 / 3, 6);
  });

  test("full confidence is in the last bin, and large logits don't overflow", () => {
    const logits = Float32Array.of(1000, 0, 0, 1000);
    expect(calibrationError({ logits, labels: [0, 1] })).toBe(0);
    expect(calibrationError({ logits, labels: [1, 0] })).toBe(1);
    expect(negativeLogLikelihood({ logits, labels: [1, 0] })).toBe(1000);
    expect(brierScore({ logits, labels: [1, 0] })).toBe(2);
  });

  test("negative log likelihood and Brier score", () => {
    const classified = { logits: certain(0.8, 0.3), labels: [0, 0] };
    expect(negativeLogLikelihood(classified)).toBeCloseTo(-(Math.log(0.8) + Math.log(0.3)) / 2, 6);
    expect(brierScore(classified)).toBeCloseTo((2 * 0.2 ** 2 + 2 * 0.7 ** 2) / 2, 6);
  });
});

/** Samples whose labels are drawn from the softmax of their logits, which are then multiplied: calibrated at that temperature. */
function overconfident(factor: number, count: number): Classified {
  const random = randomFor(3);
  const logits = Float32Array.from({ length: 3 * count }, () => 1.5 * random.normal());
  const labels = Array.from({ length: count }, (_, sample) => {
    const weights = [0, 1, 2].map((label) => Math.exp(logits[3 * sample + label] as number));
    const [first = 0, second = 0, third = 0] = weights;
    const drawn = random.uniform() * (first + second + third);
    return drawn < first ? 0 : drawn < first + second ? 1 : 2;
  });
  return { logits: logits.map((logit) => factor * logit), labels };
}

describe("temperature", () => {
  test("is what logits were multiplied by", () => {
    for (const factor of [0.3, 1, 4]) expect(calibratingTemperature(overconfident(factor, 6000)) / factor).toBeCloseTo(1, 1);
  });

  test("has the least negative log likelihood of all", () => {
    const classified = overconfident(2.5, 300);
    const at = (temperature: number) =>
      negativeLogLikelihood({ ...classified, logits: classified.logits.map((logit) => logit / temperature) });
    const best = calibratingTemperature(classified);
    for (const factor of [0.5, 0.9, 0.99, 1.01, 1.1, 2]) expect(at(best)).toBeLessThan(at(best * factor));
  });

  test("stays within bounds where no temperature is the best, and minus infinity is no trouble", () => {
    expect(calibratingTemperature({ logits: certain(0.9, 0.8), labels: [0, 0] })).toBeCloseTo(1 / 20, 5);
    expect(calibratingTemperature({ logits: certain(0.9, 0.8), labels: [1, 1] })).toBeCloseTo(20, 3);
    const logits = Float32Array.of(1, 0, Number.NEGATIVE_INFINITY, 1, 0, Number.NEGATIVE_INFINITY);
    expect(calibratingTemperature({ logits, labels: [0, 1] })).toBeCloseTo(20, 3);
  });

  test("is tried on samples that it was not fitted to", () => {
    const scaling = temperatureScaling(overconfident(4, 6000));
    expect(scaling?.before).toBeGreaterThan(0.1);
    expect(scaling?.after).toBeLessThan(0.03);
    // The even samples alone decide: those between are all wrong.
    const even = overconfident(1, 500);
    const mixed = {
      logits: Float32Array.from({ length: 3000 }, (_, index) =>
        Math.floor(index / 3) % 2 === 0 ? (even.logits[3 * Math.floor(index / 6) + (index % 3)] as number) : Number(index % 3 === 0),
      ),
      labels: Array.from({ length: 1000 }, (_, sample) => (sample % 2 === 0 ? (even.labels[sample / 2] as number) : 2)),
    };
    expect(temperatureScaling(mixed)?.temperature).toBe(calibratingTemperature(even));
    expect(temperatureScaling({ logits: certain(0.9), labels: [0] })).toBeUndefined();
  });
});

describe("laws", () => {
  const scored = fc.integer({ min: 2, max: 5 }).chain((classes) =>
    fc
      .array(fc.tuple(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: classes, maxLength: classes }), fc.nat(classes - 1)), {
        minLength: 1,
        maxLength: 30,
      })
      .map((samples) => ({ logits: Float32Array.from(samples.flatMap(([row]) => row)), labels: samples.map(([, label]) => label) })),
  );

  test("bins hold every sample once; finer ones never hide more; scores are within their bounds", () => {
    fc.assert(
      fc.property(scored, (set) => {
        const bins = reliabilityBins(set);
        expect(bins.reduce((total, { samples }) => total + samples, 0)).toBe(set.labels.length);
        bins.forEach(({ samples, confidence }, bin) => {
          if (samples === 0) return;
          expect(confidence).toBeGreaterThan(bin / 15 - 1e-6);
          expect(confidence).toBeLessThan((bin + 1) / 15 + 1e-6);
        });
        const fine = expectedCalibrationError(bins);
        expect(fine).toBeGreaterThanOrEqual(calibrationError(set, 1) - 1e-12);
        expect(fine).toBeLessThanOrEqual(1);
        expect(negativeLogLikelihood(set)).toBeGreaterThanOrEqual(0);
        expect(brierScore(set)).toBeGreaterThanOrEqual(0);
        expect(brierScore(set)).toBeLessThanOrEqual(2);
      }),
    );
  });
});

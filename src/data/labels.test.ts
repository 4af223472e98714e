import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelledOnly, lacksLabels, withLabels } from "./labels.ts";
import { classCounts, memorySamples, NO_LABEL, openSamples, relabelled, type Samples, type SamplesSource, subset } from "./samples.ts";

/** Of three classes and one that no sample has; sample i is of a class with a share of 1/2, 1/3 or 1/6. */
function samplesOf(length: number): Samples {
  return memorySamples({
    name: "train",
    sampleShape: [1, 1, 2],
    classes: ["a", "b", "c", "none"],
    pixels: Uint8Array.from({ length: 2 * length }, (_, pixel) => pixel % 251),
    labels: Uint8Array.from({ length }, (_, index) => [0, 0, 0, 1, 1, 2][index % 6] as number),
  });
}
const labelsOf = (samples: Samples) => Array.from({ length: samples.length }, (_, index) => samples.label(index));
const known = (samples: Samples) => labelsOf(samples).filter((label) => label !== NO_LABEL).length;

describe("keeping labels", () => {
  it("keeps as many of each class, to within one, as far as they go", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer(), (keep, seed) => {
        const samples = samplesOf(60);
        const kept = withLabels(samples, { keep, seed });
        const counts = [0, 1, 2].map((label) => labelsOf(kept).filter((found) => found === label).length);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(keep);
        const most = Math.max(...counts);
        for (const [label, count] of counts.entries()) expect(count >= Math.min(most - 1, [30, 20, 10][label] as number)).toBe(true);
        labelsOf(kept).forEach((label, index) => void expect([NO_LABEL, samples.label(index)]).toContain(label));
      }),
    );
  });

  it("takes a share, by the seed, and of more labels all of the fewer", () => {
    const kept = (keep: number, seed = 0) => labelsOf(withLabels(samplesOf(60), { keep, seed }));
    expect(known(withLabels(samplesOf(60), { keep: 0.25 }))).toBe(15);
    expect(kept(12)).toEqual(kept(12));
    expect(kept(12)).not.toEqual(kept(12, 1));
    const more = kept(24);
    kept(12).forEach((label, index) => void (label !== NO_LABEL && expect(more[index]).toBe(label)));
  });

  it.each([
    [61, "61 of 60 labels cannot be kept."],
    [1.5, "1.5 of 60 labels cannot be kept."],
    [0.001, "0.001 of 60 labels cannot be kept."],
  ])("refuses %d", (keep, message) => {
    expect(() => withLabels(samplesOf(60), { keep })).toThrow(message);
  });
});

describe("noise", () => {
  it("replaces that share by the other classes that there are, each as often", () => {
    const samples = samplesOf(6000);
    const noisy = withLabels(samples, { noise: 0.3 });
    const pairs = labelsOf(noisy).map((label, index) => [samples.label(index), label] as const);
    expect(pairs.filter(([right, found]) => right !== found).length).toBe(1800);
    expect(classCounts(noisy)[3]).toBe(0);
    for (const right of [0, 1, 2]) {
      const [first, second] = [0, 1, 2]
        .filter((label) => label !== right)
        .map((other) => pairs.filter(([a, b]) => a === right && b === other).length) as [number, number];
      expect(first / second).toBeGreaterThan(0.8);
      expect(first / second).toBeLessThan(1.25);
    }
  });

  it("is only of the labels kept, and at more of it what it was at less", () => {
    const samples = samplesOf(600);
    const kept = labelsOf(withLabels(samples, { keep: 0.5 }));
    const [less, more] = [0.2, 0.4].map((noise) => labelsOf(withLabels(samples, { keep: 0.5, noise }))) as [number[], number[]];
    expect(less.map((label) => label === NO_LABEL)).toEqual(kept.map((label) => label === NO_LABEL));
    expect(less.filter((label, index) => label !== kept[index]).length).toBe(60);
    less.forEach((label, index) => void (label !== kept[index] && expect(more[index]).toBe(label)));
  });

  it("needs two classes", () => {
    const one = subset(samplesOf(60), [0, 1, 2]);
    expect(() => withLabels(one, { noise: 0.5 })).toThrow("Labels of one class cannot be noisy.");
  });
});

describe("the labelled samples", () => {
  it("alone are repeated to as many as all", () => {
    const some = withLabels(samplesOf(60), { keep: 7 });
    const only = labelledOnly(some);
    expect([lacksLabels(samplesOf(60)), lacksLabels(some), lacksLabels(only), only.length]).toEqual([false, true, false, 60]);
    expect(labelsOf(withLabels(samplesOf(60), { keep: 7, only: true }))).toEqual(labelsOf(only));
    expect(known(only)).toBe(60);
    const images = Array.from({ length: 60 }, (_, index) => only.bytes?.(index).join());
    expect(new Set(images).size).toBe(7);
    expect(images.slice(7, 14)).toEqual(images.slice(0, 7));
  });

  it("may be none", () => {
    expect(() => labelledOnly(relabelled(samplesOf(3), Int32Array.of(-1, -1, -1)))).toThrow("No training sample has a label.");
  });

  it("are the same in another thread", () => {
    const noImages = () => expect.fail("there are no images");
    const some = withLabels(subset(samplesOf(60), [5, 4, 3, 2, 1, 0]), { keep: 4, noise: 0.5 });
    const there = openSamples(structuredClone(some.source) as SamplesSource, noImages);
    expect(labelsOf(there)).toEqual(labelsOf(some));
    expect(there.bytes?.(0)).toEqual(some.bytes?.(0));
  });
});

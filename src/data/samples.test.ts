import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classCounts, holdOut, memorySamples, type Samples, subset, withoutClasses } from "./samples.ts";

/** One pixel each, whose value is the sample's number. */
function numbered(labels: readonly number[], classes = ["a", "b", "c"]): Samples {
  const pixels = Uint8Array.from(labels, (_, index) => index);
  return memorySamples({ name: "numbered", sampleShape: [1, 1, 1], classes, pixels, labels: Int32Array.from(labels) });
}

function numbers(samples: Samples): number[] {
  const pixel = new Float32Array(1);
  return Array.from({ length: samples.length }, (_, index) => {
    samples.read(index, pixel);
    return Math.round((pixel[0] as number) * 255);
  });
}

const labelLists = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 60 });

describe("memorySamples", () => {
  it("reads the pixels of one sample, scaled to 0..1", () => {
    const samples = memorySamples({
      name: "two",
      sampleShape: [1, 1, 2],
      classes: ["no", "yes"],
      pixels: Uint8Array.of(0, 51, 102, 255),
      labels: Uint8Array.of(1, 0),
    });
    const out = new Float32Array(2);
    samples.read(1, out);
    expect(out).toEqual(Float32Array.of(0.4, 1));
    expect([samples.length, samples.label(0), samples.label(1)]).toEqual([2, 1, 0]);
  });

  it("refuses pixels that do not match the labels in number", () => {
    const create = () =>
      memorySamples({
        name: "short",
        sampleShape: [1, 2, 2],
        classes: ["a"],
        pixels: new Uint8Array(7),
        labels: new Uint8Array(2),
      });
    expect(create).toThrow("2 labels need 8 bytes of pixels at [1, 2, 2] each, not 7.");
  });

  it.each([3, -1])("names the first sample with a label that has no class: %i", (label) => {
    expect(() => numbered([0, 2, label, 9])).toThrow(`Sample 2 has label ${label}, but the classes are 0 to 2 (a, b, c).`);
  });
});

describe("subset", () => {
  it("takes samples in the order given, also from a subset", () => {
    const chosen = subset(subset(numbered([0, 1, 2, 0]), [3, 2, 1]), Uint32Array.of(2, 0));
    expect(numbers(chosen)).toEqual([1, 3]);
    expect([chosen.label(0), chosen.label(1)]).toEqual([1, 0]);
  });

  it.each([4, -1, 0.5])("refuses the index %d", (index) => {
    expect(() => subset(numbered([0, 1, 2, 0]), [0, index])).toThrow(`There is no sample ${index} among 4.`);
  });
});

describe("holdOut", () => {
  it("is a partition, in the original order, with each class in proportion", () => {
    fc.assert(
      fc.property(labelLists, fc.nat(), fc.integer(), (labels, draw, seed) => {
        const samples = numbered(labels);
        const count = draw % labels.length;
        const { kept, held } = holdOut(samples, count, seed);
        expect(held.length).toBe(count);
        expect([...numbers(kept), ...numbers(held)].sort((a, b) => a - b)).toEqual(labels.map((_, index) => index));
        for (const part of [kept, held]) expect(numbers(part)).toEqual(numbers(part).sort((a, b) => a - b));
        const whole = classCounts(samples);
        classCounts(held).forEach((number, label) => {
          expect(Math.abs(number - ((whole[label] as number) * count) / labels.length)).toBeLessThan(1);
        });
      }),
    );
  });

  it("depends on the seed alone", () => {
    const samples = numbered(Array.from({ length: 60 }, (_, index) => index % 3));
    expect(numbers(holdOut(samples, 20, 1).held)).toEqual(numbers(holdOut(samples, 20, 1).held));
    expect(numbers(holdOut(samples, 20, 1).held)).not.toEqual(numbers(holdOut(samples, 20, 2).held));
  });

  it("takes a fraction, and holds nothing for 0", () => {
    const samples = numbered([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(classCounts(holdOut(samples, 0.25, 7).held)).toEqual([1, 1, 0]);
    expect(holdOut(samples, 0, 7).held.length).toBe(0);
    expect(holdOut(samples, 0, 7).kept.length).toBe(8);
  });

  it.each([8, 9, 1.5, -1, -0.5, Number.NaN])("refuses to hold out %d of 8", (count) => {
    expect(() => holdOut(numbered([0, 0, 0, 0, 1, 1, 1, 1]), count, 1)).toThrow(`${count} of 8 samples cannot be held out.`);
  });
});

describe("withoutClasses", () => {
  it("leaves out every sample of those classes, but not their names", () => {
    const rest = withoutClasses(numbered([0, 1, 2, 1, 0]), [1, 2]);
    expect(numbers(rest)).toEqual([0, 4]);
    expect(rest.classes).toEqual(["a", "b", "c"]);
  });

  it("refuses a class that does not exist", () => {
    expect(() => withoutClasses(numbered([0, 1]), [0, 3])).toThrow("There is no class 3 to leave out.");
  });
});

import { describe, expect, it } from "vitest";
import { channelStatistics, normalizeInto } from "./normalize.ts";
import { memorySamples } from "./samples.ts";

/** Two samples of two channels of two pixels. */
const samples = memorySamples({
  name: "pairs",
  sampleShape: [2, 1, 2],
  classes: ["any"],
  pixels: Uint8Array.of(0, 255, 51, 51, 0, 255, 51, 51),
  labels: Uint8Array.of(0, 0),
});

describe("channelStatistics", () => {
  it("gives each channel its mean and standard deviation, 1 for a constant one", () => {
    const { mean, std } = channelStatistics(samples);
    expect(mean[0]).toBeCloseTo(0.5, 12);
    expect(mean[1]).toBeCloseTo(0.2, 7);
    expect(std).toEqual([0.5, 1]);
  });

  it("spreads a limited sample over all the data", () => {
    const ramp = memorySamples({
      name: "ramp",
      sampleShape: [1, 1, 1],
      classes: ["any"],
      pixels: Uint8Array.from({ length: 256 }, (_, value) => value),
      labels: new Uint8Array(256),
    });
    expect(channelStatistics(ramp, 4).mean[0]).toBeCloseTo((0 + 64 + 128 + 192) / 4 / 255, 6);
    expect(channelStatistics(ramp, 1000)).toEqual(channelStatistics(ramp));
  });

  it("refuses to average nothing", () => {
    expect(() => channelStatistics(samples, 0)).toThrow("The statistics of no samples are undefined.");
  });
});

describe("normalizeInto", () => {
  it("normalises each channel by its own statistics, at the offset and nowhere else", () => {
    const target = new Float32Array(6).fill(9);
    normalizeInto({ mean: [0.5, 0.25], std: [0.5, 0.125] }, Float32Array.of(0, 1, 0.25, 0.5), target, 1);
    expect(target).toEqual(Float32Array.of(9, -1, 1, 0, 2, 9));
  });
});

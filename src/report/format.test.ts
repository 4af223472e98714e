import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ABSENT,
  formatBytes,
  formatCount,
  formatDuration,
  formatInteger,
  formatJoules,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatScalar,
} from "./format.ts";

describe("numbers for people", () => {
  test.each([
    [0, "0"],
    [7_850, "7,850"],
    [9_999, "9,999"],
    [10_000, "10.0 k"],
    [42_310, "42.3 k"],
    [999_400, "999 k"],
    [999_600, "1.00 M"],
    [2_395_210, "2.40 M"],
    [4.7856e9, "4.79 G"],
  ])("count %d", (value, text) => expect(formatCount(value)).toBe(text));

  test.each([
    [0, "0 B"],
    [812, "812 B"],
    [1_000, "1.00 kB"],
    [170_970, "171 kB"],
    [9_582_570, "9.58 MB"],
    [8.35e9, "8.35 GB"],
  ])("bytes %d", (value, text) => expect(formatBytes(value)).toBe(text));

  test.each([
    [0.9883, "98.83 %"],
    [1, "100.00 %"],
    [0, "0.00 %"],
  ])("percent %d", (value, text) => expect(formatPercent(value)).toBe(text));
  test("percent with other digits", () => expect(formatPercent(0.6179, 0)).toBe("62 %"));

  test.each([
    [0.0043, "4.3 µs"],
    [0.044, "0.044 ms"],
    [0.213, "0.21 ms"],
    [0.996, "1.0 ms"],
    [1, "1.00 ms"],
    [12.34, "12.3 ms"],
    [999.7, "1.00 s"],
    [1234, "1.23 s"],
  ])("latency %d", (value, text) => expect(formatMilliseconds(value)).toBe(text));

  test.each([
    [0.84, "0.8 s"],
    [9.96, "10 s"],
    [42.4, "42 s"],
    [59.7, "1 min 0 s"],
    [192, "3 min 12 s"],
    [3599.6, "1 h 0 min"],
    [7500, "2 h 5 min"],
    [273_600, "3 d 4 h"],
  ])("duration %d", (value, text) => expect(formatDuration(value)).toBe(text));

  test.each([
    [1.067, "1.07×"],
    [56.61, "56.6×"],
    [99.96, "100×"],
    [999.7, "1,000×"],
    [1234.4, "1,234×"],
    [0.5, "0.500×"],
  ])("ratio %d", (value, text) => expect(formatRatio(value)).toBe(text));

  test.each([
    [0, "0"],
    [4, "4"],
    [0.02134, "0.0213"],
    [0.0005, "0.0005"],
    [1e-5, "1e-5"],
    [-2.34567, "-2.35"],
    [1_234_567, "1.23e6"],
  ])("scalar %d", (value, text) => expect(formatScalar(value)).toBe(text));

  test.each([
    [0, "0 J"],
    [12.34, "12.3 J"],
    [0.9996, "1.00 J"],
    [0.5, "500 mJ"],
    [1e-3, "1.00 mJ"],
    [123.4e-6, "123 µJ"],
    [4.6e-12, "4.60 pJ"],
    [4.6e-15, "0.00460 pJ"],
  ])("joules %d", (value, text) => expect(formatJoules(value)).toBe(text));

  test("what is missing is a dash, also where JSON made null of NaN", () => {
    for (const format of [
      formatBytes,
      formatCount,
      formatDuration,
      formatInteger,
      formatJoules,
      formatMilliseconds,
      formatPercent,
      formatRatio,
      formatScalar,
    ]) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, null as unknown as number]) expect(format(value)).toBe(ABSENT);
    }
  });

  test("counts and bytes round by less than one percent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9e15 }), (value) => {
        for (const text of [formatCount(value), formatBytes(value)]) {
          const [, digits = "", prefix = ""] = /^([\d,.]+) ?([kMGTP]?)B?$/.exec(text) ?? [];
          const read = Number(digits.replaceAll(",", "")) * 1000 ** ["", "k", "M", "G", "T", "P"].indexOf(prefix);
          expect(Math.abs(read - value)).toBeLessThanOrEqual(0.00501 * value);
        }
      }),
    );
  });
});

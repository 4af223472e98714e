import { describe, expect, it } from "vitest";
import { randomFor } from "../random.ts";
import {
  constantInit,
  dirac,
  type Initializer,
  kaimingNormal,
  kaimingUniform,
  lecunUniform,
  normal,
  truncatedNormal,
  uniform,
  xavierUniform,
} from "./initializers.ts";

/** 38,400 elements: fan in 300, fan out 3,200. */
const CONV = [128, 12, 5, 5];
/** 50,000 elements: fan in 500, fan out 100. */
const LINEAR = [100, 500];

function moments(init: Initializer, shape: readonly number[]) {
  const { data } = init(shape, randomFor(3));
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const square = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const fourth = data.reduce((sum, value) => sum + (value - mean) ** 4, 0) / data.length;
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { mean, std: Math.sqrt(square), kurtosis: fourth / square ** 2, largest };
}

describe("uniform initialisers stay within their bound and fill it", () => {
  it.each([
    ["uniform", uniform(0.3), LINEAR, 0.3],
    ["kaimingUniform, linear", kaimingUniform(), LINEAR, Math.sqrt(6 / 500)],
    ["kaimingUniform, convolution", kaimingUniform(), CONV, Math.sqrt(6 / 300)],
    ["xavierUniform, linear", xavierUniform(), LINEAR, Math.sqrt(6 / 600)],
    ["xavierUniform, convolution", xavierUniform(), CONV, Math.sqrt(6 / 3500)],
    ["lecunUniform, linear", lecunUniform(), LINEAR, 1 / Math.sqrt(500)],
    ["lecunUniform, convolution", lecunUniform(), CONV, 1 / Math.sqrt(300)],
  ])("%s", (_, init, shape, bound) => {
    const { mean, std, kurtosis, largest } = moments(init, shape);
    expect(largest).toBeLessThanOrEqual(Math.fround(bound));
    expect(largest).toBeGreaterThan(0.999 * bound);
    expect(Math.abs(mean) / bound).toBeLessThan(0.02);
    expect(std / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
    expect(kurtosis).toBeCloseTo(1.8, 1);
  });
});

describe("normal initialisers have their deviation and tails", () => {
  it.each([
    ["normal", normal(0.02), LINEAR, 0.02],
    ["truncatedNormal, far from its bound", truncatedNormal(0.02), LINEAR, 0.02],
    ["kaimingNormal, fan in", kaimingNormal("in"), CONV, Math.sqrt(2 / 300)],
    ["kaimingNormal, fan out", kaimingNormal("out"), CONV, Math.sqrt(2 / 3200)],
    ["kaimingNormal, linear, fan in", kaimingNormal(), LINEAR, Math.sqrt(2 / 500)],
  ])("%s", (_, init, shape, deviation) => {
    const { mean, std, kurtosis, largest } = moments(init, shape);
    expect(Math.abs(mean) / deviation).toBeLessThan(0.03);
    expect(Math.abs(std / deviation - 1)).toBeLessThan(0.02);
    expect(Math.abs(kurtosis - 3)).toBeLessThan(0.2);
    expect(largest / deviation).toBeGreaterThan(3.5);
  });
});

it("a truncated normal fills its bounds and stays within them", () => {
  const { mean, std, largest } = moments(truncatedNormal(1, 2), LINEAR);
  expect(largest).toBeLessThanOrEqual(2);
  expect(largest).toBeGreaterThan(1.99);
  expect(Math.abs(mean)).toBeLessThan(0.02);
  // √(1 − 4·φ(2) / (2·Φ(2) − 1))
  expect(std).toBeCloseTo(0.88, 2);
});

it("a constant is a constant, and the same stream gives the same weights", () => {
  expect(constantInit(2)([2, 2], randomFor(0))).toEqual({ type: "float32", shape: [2, 2], data: Float32Array.of(2, 2, 2, 2) });
  expect(kaimingNormal()(LINEAR, randomFor(1, 2))).toEqual(kaimingNormal()(LINEAR, randomFor(1, 2)));
  expect(kaimingNormal()(LINEAR, randomFor(1, 2))).not.toEqual(kaimingNormal()(LINEAR, randomFor(1, 3)));
});

it.each([
  [3, 2],
  [2, 3],
  [4, 4],
])("a convolution that starts by dirac gives its inputs back: %i filters of %i channels", (filters, channels) => {
  const { data } = dirac()([filters, channels, 3, 3], randomFor(1));
  const filter = (index: number) => Array.from(data.subarray(index * channels * 9, (index + 1) * channels * 9));
  const own = Math.min(filters, channels);
  for (let index = 0; index < own; index++) {
    expect(filter(index)).toEqual(Array.from({ length: channels * 9 }, (_, place) => Number(place === index * 9 + 4)));
  }
  for (let index = own; index < filters; index++) expect(filter(index).every((value) => value !== 0 && Math.abs(value) < 1)).toBe(true);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../../random.ts";
import { decodeTopK, encodeTopK, topKBytes } from "./top-k.ts";

function through(logits: Float32Array, k: number, temperature: number): Float32Array {
  const record = new Uint8Array(topKBytes(logits.length, k));
  encodeTopK(logits, k, record);
  const decoded = new Float32Array(logits.length).fill(Number.NaN);
  decodeTopK(record, k, temperature, decoded);
  return decoded;
}

/** In double precision. */
function logSoftmax(logits: Float32Array, temperature: number): number[] {
  const highest = Math.max(...logits);
  const scaled = Array.from(logits, (logit) => (logit - highest) / temperature);
  const logSum = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value), 0));
  return scaled.map((value) => value - logSum);
}

/** Indices of the k highest; of equal ones, the first. */
const highestOf = (logits: Float32Array, k: number): number[] =>
  Array.from(logits.keys())
    .sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b)
    .slice(0, k);

const cases = fc
  .tuple(
    fc.float32Array({ minLength: 2, maxLength: 60, min: -30, max: 30, noNaN: true }),
    fc.nat(),
    fc.double({ min: 1, max: 50, noNaN: true }),
  )
  .map(([logits, draw, temperature]) => ({ logits, k: 1 + (draw % (logits.length - 1)), temperature }));

/** What float16 adds to a log-probability: 2^-11 of the difference to the highest logit, here at most 60, on either side. */
const ROUNDING = 2 * 60 * 2 ** -11;

describe("the k highest logits", () => {
  it("come back to within 2^-11 of their distance to the highest", () => {
    fc.assert(
      fc.property(cases, ({ logits, k, temperature }) => {
        const decoded = through(logits, k, temperature);
        const highest = Math.max(...logits);
        for (const index of highestOf(logits, k)) {
          const logit = logits[index] as number;
          // float32 rounds the difference and the sum, float16 has steps of 2^-24 at the smallest.
          expect(Math.abs((decoded[index] as number) - logit)).toBeLessThanOrEqual((highest - logit) * 2 ** -11 + 2 ** -18);
        }
      }),
    );
  });

  it("keep their order, above all that was left out", () => {
    fc.assert(
      fc.property(cases, ({ logits, k, temperature }) => {
        const decoded = through(logits, k, temperature);
        const kept = highestOf(logits, k);
        const lowest = Math.min(...kept.map((index) => decoded[index] as number));
        for (const [index, value] of decoded.entries()) if (!kept.includes(index)) expect(value).toBeLessThanOrEqual(lowest + 2 ** -16);
        expect(decoded[logits.indexOf(Math.max(...logits))]).toBe(Math.max(...decoded));
      }),
    );
  });

  it("have log-probabilities that are off by (λ - µ)/T at most, and by nothing but rounding at T = 1", () => {
    fc.assert(
      fc.property(cases, ({ logits, k, temperature }) => {
        const kept = highestOf(logits, k);
        const rest = Array.from(logits.keys()).filter((index) => !kept.includes(index));
        const highest = Math.max(...logits);
        const below = rest.map((index) => (logits[index] as number) - highest);
        const mean = below.reduce((sum, value) => sum + value, 0) / rest.length;
        const logMeanExp = Math.log(below.reduce((sum, value) => sum + Math.exp(value), 0) / rest.length);
        for (const [at, bound] of [
          [temperature, (logMeanExp - mean) / temperature],
          [1, 0],
        ] as const) {
          const [exact, found] = [logSoftmax(logits, at), logSoftmax(through(logits, k, at), at)];
          for (const index of kept)
            expect(Math.abs((found[index] as number) - (exact[index] as number))).toBeLessThanOrEqual(bound + ROUNDING);
        }
      }),
    );
  });

  it("of normally distributed logits leave the mass of the rest as it was, at every temperature", () => {
    const random = randomFor(5);
    const logits = Float32Array.from({ length: 4000 }, () => 2 * random.normal());
    for (const temperature of [1, 2, 4, 20]) {
      const kept = new Set(highestOf(logits, 40));
      const mass = (values: Float32Array) =>
        logSoftmax(values, temperature).reduce((sum, value, index) => sum + (kept.has(index) ? 0 : Math.exp(value)), 0);
      expect(mass(through(logits, 40, temperature)) / mass(logits)).toBeCloseTo(1, 1);
    }
  });
});

describe("classes", () => {
  it.each([65536, 65537, 200_000])("of %d are told apart, in neighbouring records too", (classes) => {
    const logits = new Float32Array(classes).fill(-9);
    logits.set([1, 2, 3], classes - 3);
    expect([...through(logits, 3, 1).subarray(classes - 4)]).toEqual([-9, 1, 2, 3]);
    expect(topKBytes(classes, 3) % 4).toBe(0);
  });

  it("all kept leave nothing to spread", () => {
    expect([...through(Float32Array.of(1, 3, 2), 3, 2)]).toEqual([1, 3, 2]);
  });

  it("that are impossible stay so", () => {
    const decoded = through(Float32Array.of(-Infinity, 3, 2, -Infinity), 2, 4);
    expect(logSoftmax(decoded, 4)[0]).toBeLessThan(-1e4);
    expect([decoded[1], decoded[2]]).toEqual([3, 2]);
  });
});

it.each([[[Number.NaN, 1]], [[Infinity, 1]], [[-Infinity, -Infinity]]])("logits %j are refused", (logits) => {
  expect(() => through(Float32Array.from(logits), 1, 1)).toThrow("not finite");
});

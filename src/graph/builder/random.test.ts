import { beforeAll, describe, expect, it } from "vitest";
import { nodeRuntime } from "../../runtime/node.ts";
import type { Session } from "../../runtime/runtime.ts";
import { writeOnnx } from "../onnx/write.ts";
import { int64, type Tensor } from "../tensor.ts";
import { graphBuilder } from "./builder.ts";
import { dropoutMask, seededUniform } from "./random.ts";

const SHAPE = [64, 500];
const COUNT = 32_000;
/** Five standard deviations of a mean of COUNT independent numbers of deviation 1. */
const LIMIT = 5 / Math.sqrt(COUNT);

async function noiseSession(): Promise<Session> {
  const g = graphBuilder("noise");
  const seed = g.input("seed", "int64", []);
  g.output(seededUniform(g, seed, SHAPE, 1), "noise");
  g.output(seededUniform(g, seed, SHAPE, 2), "salted");
  g.output(dropoutMask(g, seed, SHAPE, 0.2, 1), "mask");
  return nodeRuntime({ threads: 2 }).createSession(writeOnnx(g.build()));
}

const draw = async (session: Session, seed: number): Promise<Record<"noise" | "salted" | "mask", Float32Array>> => {
  const outputs = await session.run({ seed: int64([seed], []) });
  const data = (name: string) => (outputs[name] as Tensor).data as Float32Array;
  return { noise: data("noise"), salted: data("salted"), mask: data("mask") };
};

const mean = (numbers: Float32Array): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

function correlation(a: Float32Array, b: Float32Array): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, index) => {
    const [x, y] = [value - meanA, (b[index] as number) - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return ab / Math.sqrt(aa * bb);
}

describe("noise from a seed", () => {
  let session: Session;
  beforeAll(async () => {
    session = await noiseSession();
  });

  it("depends on the seed alone: not on what was drawn before, nor on the session", async () => {
    const first = await draw(session, 7);
    await draw(session, 8);
    expect(await draw(session, 7)).toEqual(first);
    expect(await draw(await noiseSession(), 7)).toEqual(first);
  });

  it("is uniform: mean, variance and the share in each of 20 equal bins", async () => {
    for (const seed of [0, 1, 2, 1000, 2 ** 31, -1]) {
      const { noise } = await draw(session, seed);
      expect(Math.abs(mean(noise) - 0.5)).toBeLessThan(LIMIT * Math.sqrt(1 / 12));
      expect(mean(noise.map((value) => (value - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
      const bins = new Array<number>(20).fill(0);
      for (const value of noise) bins[Math.floor(value * 20)] = (bins[Math.floor(value * 20)] as number) + 1;
      const chiSquare = bins.reduce((sum, count) => sum + (count - COUNT / 20) ** 2 / (COUNT / 20), 0);
      // 19 degrees of freedom exceed 60 about 4 times in a million.
      expect(chiSquare).toBeLessThan(60);
    }
  });

  it("has no correlation between neighbours, rows, successive seeds or salts", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const [{ noise, salted }, next] = [await draw(session, seed), await draw(session, seed + 1)];
      for (const lag of [1, 2, 500, 501])
        expect(Math.abs(correlation(noise.subarray(lag), noise.subarray(0, -lag)))).toBeLessThan(LIMIT * 1.1);
      expect(Math.abs(correlation(noise, next.noise))).toBeLessThan(LIMIT);
      expect(Math.abs(correlation(noise, salted))).toBeLessThan(LIMIT);
      // The noise of one salt and seed is not that of the next salt and another seed.
      expect(Math.abs(correlation(next.noise, salted))).toBeLessThan(LIMIT);
    }
  });

  it("drops the share asked for and keeps the mean", async () => {
    const { mask } = await draw(session, 3);
    expect(new Set(mask)).toEqual(new Set([0, 1.25]));
    // The mask's deviation is √(ratio/(1 - ratio)) = 1/2.
    expect(Math.abs(mean(mask) - 1)).toBeLessThan(LIMIT / 2);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32, int32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { kdPerSample } from "./kd.ts";
import { expectGolden, extremes, goldenTensors, type LossOf, measure, rows } from "./losses.fixture.ts";
import {
  classWeights,
  combine,
  confidenceHint,
  confidenceWeights,
  entropyWeights,
  equalWeights,
  fixedWeights,
  meanOfLogits,
  randomTeacher,
} from "./teachers.ts";

type Weights = (g: GraphBuilder, teachers: readonly Value[], labels: Value) => Value;

/** kd at T = 4 of the teachers named, combined by weights. */
const taught =
  (weights: Weights, names: readonly string[] = ["teacher", "teacher2"]): LossOf =>
  ({ g }, values) => {
    const teachers = names.map((name) => values[name] as Value);
    const losses = teachers.map((teacher) => kdPerSample(g, values.student as Value, teacher, 4));
    return combine(g, losses, weights(g, teachers, values.labels as Value));
  };

const schemes: Readonly<Record<string, Weights>> = {
  equal: (g, teachers) => equalWeights(g, teachers.length),
  entropy: entropyWeights,
  confidence: confidenceWeights,
};

/** Σ of weights [B, K] times numbers of the same shape: which weight is which. */
const weighed =
  (weights: Weights, by: readonly (readonly number[])[], names: readonly string[] = ["teacher", "teacher2"]): LossOf =>
  ({ g }, values) => {
    const found = weights(
      g,
      names.map((name) => values[name] as Value),
      values.labels as Value,
    );
    return g.add(g.reduceSum(g.mul(found, g.constant(rows(by)))), g.mul(g.reduceSum(values.student as Value), 0));
  };

const sums = (names: readonly string[]) => [new Array<number>(names.length).fill(1)];

describe("several teachers", () => {
  it("have the authors' values and gradients", async () => {
    await expectGolden("multi-teacher AVER T=4", taught(schemes.equal as Weights));
    await expectGolden("CA-MKD logit term T=4, 2 teachers", taught(confidenceWeights));
    await expectGolden("EBKD T=4, 2 teachers", taught(entropyWeights));
    const averaged: LossOf = ({ g }, { student, teacher, teacher2 }) =>
      kdPerSample(g, student as Value, meanOfLogits(g, [teacher as Value, teacher2 as Value]), 4);
    await expectGolden("multi-teacher mean-logits T=4 (TextBrewer style, with T^2 KL)", averaged);
    const hint: LossOf = ({ g }, { fs, ft, teacher, teacher2, labels }) => {
      const maps = [ft as Value, g.mul(ft as Value, 0.5)];
      return confidenceHint(g, [fs as Value, fs as Value], maps, [teacher as Value, teacher2 as Value], labels as Value);
    };
    await expectGolden("CA-MKD feature term (teacher head logits given)", hint, "fs");
  });

  it.each(["entropy", "confidence"])("have gradients that agree with central differences, weighted by %s", async (name) => {
    const test = {
      name,
      inputs: [{ shape: [3, 4] }, { shape: [3, 4] }, { shape: [3, 4] }],
      build: (g: GraphBuilder, ...inputs: Value[]) => {
        const [student, ...teachers] = inputs as [Value, Value, Value];
        const losses = teachers.map((teacher) => kdPerSample(g, student, teacher, g.cast(g.scalar(2), student.type)));
        return combine(g, losses, (schemes[name] as Weights)(g, teachers, g.constant(int32([0, 3, 1]))));
      },
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  describe.each(Object.entries(schemes))("by %s weights", (_, weights) => {
    it.each(Object.entries(extremes))("are finite for %s", async (__, inputs) => {
      for (const names of [["teacher"], ["teacher", "student"], ["teacher", "teacher", "student"]]) {
        const { loss, gradient } = await measure(taught(weights, names), inputs);
        expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
      }
    });

    it("are as one where there is one", async () => {
      const one = await measure(taught(weights, ["teacher"]), goldenTensors);
      const { loss } = await measure(({ g }, { student, teacher }) => kdPerSample(g, student as Value, teacher as Value, 4), goldenTensors);
      expect(one.loss).toBeCloseTo(loss, 5);
    });
  });

  it("have weights of the sums that they say", async () => {
    const two = { ...goldenTensors, teacher3: goldenTensors.student } as typeof goldenTensors;
    const names = ["teacher", "teacher2", "teacher3"];
    expect((await measure(weighed(schemes.equal as Weights, sums(names), names), two)).loss).toBeCloseTo(1, 5);
    expect((await measure(weighed(entropyWeights, sums(names), names), two)).loss / 4).toBeCloseTo(2 / 3, 5);
    expect((await measure(weighed(confidenceWeights, sums(names), names), two)).loss / 4).toBeCloseTo(1 / 3, 5);
  });

  it("weigh more where they are surer, and where they know the label", async () => {
    const tensors = {
      student: rows([[0, 0, 0]]),
      teacher: rows([[4, 0, 0]]),
      teacher2: rows([[0, 1, 0]]),
      labels: int32([1]),
    };
    const first = async (weights: Weights) => (await measure(weighed(weights, [[1, 0]]), tensors)).loss;
    const second = async (weights: Weights) => (await measure(weighed(weights, [[0, 1]]), tensors)).loss;
    expect(await first(entropyWeights)).toBeGreaterThan(await second(entropyWeights));
    expect(await first(confidenceWeights)).toBeLessThan(await second(confidenceWeights));
  });

  it("may have fixed weights, or weights by class", async () => {
    const losses = async (weights: Weights, by: readonly (readonly number[])[]) =>
      (await measure(weighed(weights, by), goldenTensors)).loss;
    expect(await losses((g) => fixedWeights(g, [0.7, 2]), [[1, 0]])).toBeCloseTo(0.7, 5);
    expect(await losses((g) => fixedWeights(g, [0.7, 2]), [[0, 1]])).toBeCloseTo(2, 5);
    const ofClasses = [
      [0, 1, 2, 3, 4],
      [10, 11, 12, 13, 14],
    ];
    const byClass: Weights = (g, _, labels) => classWeights(g, ofClasses, labels);
    // The labels are 0, 2, 4 and 1.
    expect(await losses(byClass, [[1, 0]])).toBeCloseTo(7, 4);
    expect(
      await losses(byClass, [
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 0],
      ]),
    ).toBeCloseTo(14, 4);
  });

  it("may be drawn: one for a seed, all about as often", async () => {
    const drawn = async (seed: number, by: readonly number[]) =>
      (
        await measure(
          ({ g }, { seed: value, student }) =>
            g.add(g.reduceSum(g.mul(randomTeacher(g, value as Value, 3), g.constant(rows([by])))), g.mul(g.reduceSum(student as Value), 0)),
          { seed: float32([seed], []), student: rows([[1]]) },
        )
      ).loss;
    const counts = [0, 0, 0];
    for (let seed = 0; seed < 60; seed++) {
      const teacher = await drawn(seed, [0, 1, 2]);
      counts[teacher] = (counts[teacher] as number) + 1;
    }
    expect(counts.every((count) => count >= 10)).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 24 - 1 }), async (seed) => {
        expect(await drawn(seed, [1, 1, 1])).toBe(1);
        expect(await drawn(seed, [0, 1, 2])).toBe(await drawn(seed, [0, 1, 2]));
      }),
      { numRuns: 20 },
    );
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reportFixture, trainingReportFixture } from "./report.fixture.ts";
import {
  batchSizesOf,
  cacheHits,
  commonMistakes,
  errorInterval,
  gapClosed,
  type ModelReport,
  modelsOf,
  reductionOf,
  retentionOf,
} from "./report.ts";

const model: ModelReport = {
  name: "m",
  parameters: 100,
  flops: 200,
  bytes: 400,
  accuracy: { lastEpoch: 0.9 },
  errors: 10,
  testSamples: 100,
  latencyMs: { batch1: { median: 2, p95: 3 }, batch32: { median: 20, p95: 30 } },
};
const small: ModelReport = {
  ...model,
  parameters: 10,
  flops: 40,
  bytes: 50,
  accuracy: { lastEpoch: 0.81 },
  latencyMs: { batch32: { median: 5, p95: 6 }, batch128: { median: 9, p95: 9 } },
};

test("models are shown in the order in which they teach, the student last, each by what it is", () => {
  const relatives = ["assistant-1", "generation-2", "average"].map((name) => ({ name, model }));
  const report = { ...reportFixture(), otherTeachers: [model], relatives };
  expect(modelsOf(report).map(({ role, title }) => `${role}: ${title}`)).toEqual([
    "teacher: Teacher",
    "teacher: Teacher 2",
    "relative: Assistant 1",
    "relative: Generation 2",
    "relative: Average",
    "baseline: Baseline",
    "student: Student",
  ]);
  expect(modelsOf({ ...trainingReportFixture(), relatives }).at(-1)?.title).toBe("Student");
  expect(modelsOf(trainingReportFixture()).map(({ title }) => title)).toEqual(["Model"]);
});

describe("what was saved and kept", () => {
  test("ratios, and latency at the smallest batch that both have", () => {
    expect(reductionOf(model, small)).toEqual({ parameters: 10, flops: 5, bytes: 8, latency: 4 });
    expect(retentionOf(model, small)).toBeCloseTo(0.9, 12);
    expect(reductionOf(model, { ...small, latencyMs: {} }).latency).toBeNaN();
    expect(batchSizesOf([small, model])).toEqual([1, 32, 128]);
  });

  test("the gap is closed from baseline to teacher", () => {
    const at = (teacher: number, baseline: number, student: number) => {
      const of = (lastEpoch: number): ModelReport => ({ ...model, accuracy: { lastEpoch } });
      return gapClosed({ ...reportFixture(), teacher: of(teacher), baseline: of(baseline), student: of(student) });
    };
    expect(at(0.9, 0.8, 0.85)).toBeCloseTo(0.5, 12);
    expect(at(0.9, 0.8, 0.78)).toBeCloseTo(-0.2, 12);
    expect(at(0.8, 0.9, 0.85)).toBeUndefined();
    expect(gapClosed({ ...reportFixture(), baseline: undefined })).toBeUndefined();
  });

  test("of a teacher's outputs those count as read that the run did not compute", () => {
    const hits = (used: number, computed: number) => cacheHits({ ...reportFixture(), teacherCache: { used, computed, bytes: 1 } });
    expect(hits(1000, 0)).toBe(1);
    expect(hits(1000, 250)).toBe(0.75);
    expect(hits(1000, 1100)).toBe(0);
    expect(hits(0, 100)).toBeUndefined();
    expect(cacheHits(reportFixture())).toBeUndefined();
  });

  test("Wilson's interval: 10 of 100 is 5.52 to 17.44", () => {
    const [low, high] = errorInterval(10, 100);
    expect(low).toBeCloseTo(5.523, 3);
    expect(high).toBeCloseTo(17.437, 3);
  });

  test("Wilson's interval holds the count and stays within the samples", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }).chain((samples) => fc.tuple(fc.integer({ min: 0, max: samples }), fc.constant(samples))),
        ([errors, samples]) => {
          const [low, high] = errorInterval(errors, samples);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(low).toBeLessThanOrEqual(errors + 1e-6);
          expect(high).toBeGreaterThanOrEqual(errors - 1e-6);
          expect(high).toBeLessThanOrEqual(samples);
        },
      ),
    );
  });

  test("mistakes come by frequency, without the diagonal and without what never happened", () => {
    expect(
      commonMistakes(
        [
          [8, 2, 0],
          [5, 4, 1],
          [0, 0, 9],
        ],
        2,
      ),
    ).toEqual([
      { label: 1, prediction: 0, count: 5, fraction: 0.5 },
      { label: 0, prediction: 1, count: 2, fraction: 0.2 },
    ]);
    expect(
      commonMistakes(
        [
          [3, 0],
          [0, 3],
        ],
        9,
      ),
    ).toEqual([]);
  });

  test("the fixture agrees with itself, or no test on it says anything", () => {
    const { confusion, student, classes } = reportFixture();
    const right = confusion.reduce((total, row, label) => total + (row[label] ?? 0), 0);
    expect(confusion.flat().reduce((a, b) => a + b)).toBe(student.testSamples);
    expect(student.testSamples - right).toBe(student.errors);
    expect(confusion).toHaveLength(classes.length);
  });
});

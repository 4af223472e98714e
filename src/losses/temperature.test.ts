import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../graph/graph.ts";
import { float32, type Tensor } from "../graph/tensor.ts";
import { kdPerSample } from "./kd.ts";
import { expectGolden, extremes, goldenTensors, type LossOf, measure, rows } from "./losses.fixture.ts";
import { learnedTemperature, type TemperatureRecipe, temperatureOf, temperatureOption, temperatureSchedules } from "./temperature.ts";

const golden = JSON.parse(readFileSync(new URL("../../test/golden/losses-logits.json", import.meta.url), "utf8")) as {
  readonly temperatures: Readonly<Record<"flsw" | "cwsm", readonly number[]>>;
  readonly theta: { readonly value: number; readonly gradient: number };
};

/** kd at the temperature of a recipe. */
const kdAt =
  (recipe: unknown): LossOf =>
  (parts, values) => {
    const [student, teacher] = [values.student, values.teacher] as [Value, Value];
    return kdPerSample(parts.g, student, teacher, temperatureOf(parts, student, teacher, temperatureOption.parse(recipe)));
  };

/** The temperature of each sample. */
async function temperatures(recipe: unknown, tensors = goldenTensors): Promise<number[]> {
  const count = (tensors.student as Tensor).shape[0] as number;
  const weighed = (sample: number): LossOf => {
    const mask = Array.from({ length: count }, (_, index) => Number(index === sample));
    return (parts, { student, teacher }) => {
      const value = temperatureOf(parts, student as Value, teacher as Value, temperatureOption.parse(recipe));
      return parts.g.reduceSum(parts.g.mul(value, parts.g.constant(float32(mask, [count, 1]))));
    };
  };
  return Promise.all(Array.from({ length: count }, async (_, sample) => (await measure(weighed(sample), tensors)).loss));
}

const near = (found: readonly number[], expected: readonly number[]) =>
  found.forEach((value, index) => {
    expect(value).toBeCloseTo(expected[index] as number, 4);
  });

const flsw = { perSample: { flsw: {} } };
const cwsm = { perSample: { cwsm: { beta: 2 } } };

describe("a temperature of each sample", () => {
  it("has TextBrewer's temperatures, and kd at them PyTorch's values and gradients: none flows through them", async () => {
    near(await temperatures(flsw), golden.temperatures.flsw);
    near(await temperatures(cwsm), golden.temperatures.cwsm);
    await expectGolden("KD, flsw base 4 beta 1 gamma 2", kdAt(flsw));
    await expectGolden("KD, cwsm base 4 beta 2", kdAt(cwsm));
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    for (const recipe of [flsw, { perSample: { flsw: { gamma: 0.5 } } }, cwsm]) {
      const { loss, gradient } = await measure(kdAt(recipe), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("has the mean that was asked for, unless some fall to 1", async () => {
    const row = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 });
    const matrix = fc.array(row, { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(matrix, matrix, fc.constantFrom(flsw, cwsm), async (student, teacher, recipe) => {
        const found = await temperatures(recipe, { student: rows(student), teacher: rows(teacher) });
        expect(Math.min(...found)).toBeGreaterThanOrEqual(1);
        const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
        if (Math.min(...found) > 1) expect(mean).toBeCloseTo(4, 4);
        else expect(mean).toBeGreaterThan(4);
      }),
      { numRuns: 10 },
    );
    // One sample of a hundred classes that is sure, beside one that is not: w is 1 and 91.
    const unsure = [new Array<number>(100).fill(0), Array.from({ length: 100 }, (_, index) => (index === 0 ? 50 : 0))];
    const found = await temperatures(cwsm, { student: rows(unsure), teacher: rows(unsure) });
    expect(found[0]).toBe(1);
    expect(found[1]).toBeGreaterThan(90);
  });
});

describe("a learned temperature", () => {
  const lambda = 0.5;
  const learned: LossOf = ({ g }, { student, teacher, theta }) => {
    const temperature = learnedTemperature(g, theta as Value, g.scalar(lambda), { from: 1, range: 20 });
    return kdPerSample(g, student as Value, teacher as Value, temperature);
  };
  const tensors = { ...goldenTensors, theta: float32([golden.theta.value], []) };

  it("lies where θ says, and θ's gradient is reversed while the student's is not", async () => {
    await expectGolden("KD, learned temperature", learned, "student", tensors);
    const { gradient } = await measure(learned, tensors, "theta");
    expect(gradient[0]).toBeCloseTo(-lambda * golden.theta.gradient, 5);
  });

  it("begins where the recipe says, between from and from + range", async () => {
    const at = async (recipe: object) =>
      (
        await measure(
          (parts, { student, teacher }) => {
            const scalar = () => parts.g.scalar(1);
            return temperatureOf({ ...parts, scalar }, student as Value, teacher as Value, temperatureOption.parse({ learned: recipe }));
          },
          { student: rows([[1, 2]]), teacher: rows([[1, 2]]) },
        )
      ).loss;
    expect(await at({})).toBeCloseTo(1 + 20 / (1 + Math.exp(-1)), 4);
    expect(await at({ from: 2, range: 4, initial: 0 })).toBeCloseTo(4, 5);
  });
});

describe("temperatures in recipes", () => {
  const parse = (recipe: unknown): TemperatureRecipe => temperatureOption.parse(recipe);

  it("may be numbers, schedules, learned, or of each sample", () => {
    expect(parse(4)).toBe(4);
    expect(parse({ steps: { 0: 10, 5: 4 } })).toEqual({ steps: { 0: 10, 5: 4 } });
    expect(parse({ learned: { range: 10 } })).toEqual({
      learned: { from: 1, range: 10, initial: 1, lambda: { constant: { value: 1, warmup: 0.04 } } },
    });
    expect(parse(flsw)).toEqual({ perSample: { flsw: { base: 4, beta: 1, gamma: 2 } } });
  });

  it.each([0, "hot", { learned: {}, perSample: { flsw: {} } }, { perSample: {} }, { perSample: { cwsm: { base: 0.5 } } }])(
    "may not be %j",
    (recipe) => {
      expect(() => parse(recipe)).toThrow();
    },
  );

  it("name the scalars that they need, and ask for no others", async () => {
    for (const recipe of [4, { linear: { from: 8, to: 2 } }, { learned: {} }, flsw]) {
      const asked: string[] = [];
      await measure((parts, { student, teacher }) => {
        const scalar = (name: string) => {
          asked.push(name);
          return parts.g.scalar(1);
        };
        return kdPerSample(
          parts.g,
          student as Value,
          teacher as Value,
          temperatureOf({ ...parts, scalar }, student as Value, teacher as Value, parse(recipe)),
        );
      }, goldenTensors);
      expect(asked).toEqual(Object.keys(temperatureSchedules(parse(recipe))));
    }
    expect(temperatureSchedules(parse({ linear: { from: 8, to: 2 } }))).toEqual({ temperature: { linear: { from: 8, to: 2 } } });
  });
});

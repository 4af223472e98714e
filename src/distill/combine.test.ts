import { describe, expect, it } from "vitest";
import type { Value } from "../graph/graph.ts";
import { kdPerSample } from "../losses/kd.ts";
import { goldenTensors, type LossOf, measure } from "../losses/losses.fixture.ts";
import { checkCombine, combineLosses } from "./combine.ts";
import type { CombineRecipe } from "./recipe/schema.ts";

const golden = ["student", "teacher", "teacher2", "labels"] as const;
const tensors = Object.fromEntries(golden.map((name) => [name, goldenTensors[name]])) as typeof goldenTensors;

/** Two teachers' soft targets; of whole batches where `whole`. */
const combined =
  (recipe: CombineRecipe, whole = false): LossOf =>
  (parts, { student, teacher, teacher2, labels }) => {
    const { g } = parts;
    const answers = [teacher, teacher2] as Value[];
    const losses = answers.map((answer) => kdPerSample(g, student as Value, answer, 4));
    const given = whole ? losses.map((loss) => g.reduceMean(loss)) : losses;
    return combineLosses({ ...parts, labels: labels as Value, scalar: () => g.scalar(7) }, given, answers, recipe);
  };
const lossOf = async (recipe: CombineRecipe, whole = false) => (await measure(combined(recipe, whole), tensors)).loss;

describe("several teachers", () => {
  it("come to a mean, or to a weighted sum, of single samples as of whole batches", async () => {
    const [first, second] = [await lossOf({ weights: [1, 0] }), await lossOf({ weights: [0, 1] })];
    expect(await lossOf("mean")).toBeCloseTo((first + second) / 2, 5);
    for (const whole of [false, true]) {
      expect(await lossOf({ weights: [2, 0.5] }, whole)).toBeCloseTo(2 * first + 0.5 * second, 5);
      const drawn = await lossOf("random", whole);
      expect(Math.min(Math.abs(drawn - first), Math.abs(drawn - second))).toBeLessThan(1e-5);
    }
    const perClass = [new Array<number>(5).fill(2), new Array<number>(5).fill(0.5)];
    expect(await lossOf({ perClass })).toBeCloseTo(2 * first + 0.5 * second, 5);
  });

  it("are weighted by sample for losses of samples alone", async () => {
    expect(await lossOf("confidence")).toBeCloseTo(1.259967694, 5);
    for (const recipe of ["entropy", "confidence"] as const) await expect(lossOf(recipe, true)).rejects.toThrow(/compares whole batches/);
  });

  it("have as many weights as there are of them, and of classes", () => {
    const networks = { teachers: [{}, {}] as never, classes: 5 };
    expect(() => checkCombine({ ...networks, combine: { weights: [1, 1] } })).not.toThrow();
    expect(() => checkCombine({ ...networks, combine: { weights: [1] } })).toThrow(/1 of combine\.weights for 2 teachers/);
    expect(() => checkCombine({ ...networks, combine: { perClass: [[1], [1]] } })).toThrow(/row of 1 weights for 5 classes/);
  });
});

import { expect, test } from "vitest";
import { parseRecipe } from "../distill/recipe/parse.ts";
import { LimbeckError } from "../errors.ts";
import { temperatureSpace, weightSpace } from "./loss-space.ts";
import { valueAt, withPoint } from "./space.ts";

const common = {
  data: { idx: "mnist" },
  teacher: "teacher.onnx",
  student: { zoo: "mlp" },
  optimizer: { sgd: { learningRate: 0.1 } },
  epochs: 4,
};

test("one temperature takes the place of all, wherever losses have one, and leaves the rest as it is", () => {
  const recipe = {
    ...common,
    losses: [{ crossEntropy: {} }, { kd: { weight: 2 } }, { hinton: { temperature: { steps: { 0: 8, 2: 4 } } } }, { attention: {} }],
    stages: [{ losses: [{ dkd: { temperature: 3 } }] }],
    mutual: { peers: [{ zoo: "mlp" }] },
  };
  const { recipe: same, dimensions } = temperatureSpace(recipe, [1, 6]);
  const changed = withPoint(same, dimensions, [1]);
  expect(changed).toEqual({
    ...recipe,
    losses: [{ crossEntropy: {} }, { kd: { weight: 2, temperature: 6 } }, { hinton: { temperature: 6 } }, { attention: {} }],
    stages: [{ losses: [{ dkd: { temperature: 6 } }] }],
    mutual: { peers: [{ zoo: "mlp" }], temperature: 6 },
  });
  parseRecipe(changed);
});

test("a preset is written out", () => {
  const { recipe, dimensions } = temperatureSpace({ ...common, preset: "hinton" }, [2]);
  expect(withPoint(recipe, dimensions, [0])).toMatchObject({
    losses: [{ crossEntropy: { weight: 0.1 } }, { kd: { weight: 0.9, temperature: 2 } }],
  });
});

test("weights of losses on the teacher are multiplied, schedules too; alpha is looked for where the loss has that", () => {
  const steps = { 0: 1, 2: 4 };
  const losses = [
    { crossEntropy: { weight: 3 } },
    { kd: {} },
    { attention: { weight: { linear: { from: 10, to: 20, warmup: 0.5 } } } },
    { dkd: { weight: { steps } } },
    { hinton: {} },
    { virtualTeacher: {} },
  ];
  const { dimensions } = weightSpace({ ...common, losses }, [0.1, 10]);
  expect(dimensions.map(({ key }) => key)).toEqual([
    "losses[1].kd.weight",
    "losses[2].attention.weight",
    "losses[3].dkd.weight",
    "losses[4].hinton.alpha",
  ]);
  expect(dimensions.slice(0, 3).map(({ domain }) => valueAt(domain, 1))).toEqual([
    10,
    { linear: { from: 100, to: 200, warmup: 0.5 } },
    { steps: { 0: 10, 2: 40 } },
  ]);
});

test("a recipe without what is looked for is a mistake", () => {
  for (const losses of [[{ crossEntropy: {} }], undefined, [{ constructor: {} }]]) {
    expect(() => temperatureSpace({ ...common, losses }, [1])).toThrow(LimbeckError);
    expect(() => weightSpace({ ...common, losses }, [1])).toThrow("None of the recipe's losses learns from a teacher.");
  }
});

import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../distill/recipe/parse.ts";
import type { NetworkRecipe, RecipeInput } from "../../distill/recipe/schema.ts";
import { profileGraph } from "../../measure/profile.ts";
import { buildArchitecture } from "../../nn/zoo/zoo.ts";
import { aloneRecipe, armRecipe, networkBetween, probeLosses, temperatureIn } from "./arms.ts";

const recipe = (more: Partial<RecipeInput> = {}) =>
  parseRecipe({
    data: { idx: "mnist", augment: [{ shift: 2 }], views: 2 },
    teacher: "teacher.onnx",
    student: { zoo: "mlp", hidden: [16] },
    losses: [{ crossEntropy: { labelSmoothing: 0.1 } }, { kd: { temperature: 3 } }],
    optimizer: { sgd: { learningRate: { cosine: { from: 0.1 } } } },
    epochs: 20,
    ...more,
  });

describe("the recipes of a probe", () => {
  it("have the recipe's losses, fewer epochs and no augmentation", () => {
    const arm = armRecipe(recipe({ generations: 2 }), { kind: "taught", name: "", teacher: "other.onnx" }, { samples: 100, epochs: 4 }, 7);
    expect(arm).toMatchObject({
      teacher: "other.onnx",
      losses: recipe().losses,
      epochs: 4,
      seed: 7,
      keep: "last",
      generations: undefined,
      data: { augment: [] },
    });
    expect(parseRecipe(JSON.parse(JSON.stringify(arm)))).toMatchObject({ epochs: 4 });
  });

  it("differ in nothing but the teacher and its losses", () => {
    const [alone, taught] = (["alone", "taught"] as const).map((kind) =>
      armRecipe(recipe(), { kind, name: "", ...(kind === "taught" && { teacher: "teacher.onnx" }) }, { samples: 100, epochs: 4 }, 7),
    );
    expect(alone).toMatchObject({ teacher: undefined, losses: [{ crossEntropy: { labelSmoothing: 0.1 } }] });
    expect({ ...alone, teacher: "teacher.onnx", losses: taught?.losses }).toEqual(taught);
  });

  it("take soft targets where the recipe compares features, has stages or no teacher", () => {
    const soft = [{ hinton: { temperature: 4, alpha: 0.9 } }];
    expect(probeLosses(recipe({ losses: [{ kd: {} }, { attention: {} }] }))).toEqual(soft);
    expect(probeLosses(recipe({ losses: [{ crossEntropy: {} }] }))).toEqual(soft);
    expect(probeLosses(recipe({ stages: [{ losses: [{ kd: {} }] }] }))).toEqual(soft);
    expect(temperatureIn(recipe())).toBe(3);
    expect(temperatureIn(recipe({ losses: [{ kd: { temperature: { steps: { 0: 10, 5: 3 } } } }] }))).toBeUndefined();
  });

  it("spend no steps of a student alone on samples without a label", () => {
    const few = recipe({ data: { idx: "mnist", labels: { keep: 0.1 } } });
    const arms = [undefined, "teacher.onnx"].map((teacher) =>
      armRecipe(few, { kind: "taught", name: "", teacher }, { samples: 100, epochs: 4 }, 0),
    );
    expect(arms.map(({ data }) => data.labels?.only)).toEqual([true, false]);
    expect(arms.map(({ data }) => data.labels?.keep)).toEqual([0.1, 0.1]);
  });

  it("alone are as long as all stages", () => {
    expect(aloneRecipe(recipe({ stages: [{ losses: [{ kd: {} }], epochs: 3 }, { epochs: 5 }] }))).toMatchObject({
      epochs: 8,
      stages: undefined,
    });
  });
});

describe("networkBetween", () => {
  const parameters = ({ zoo, ...options }: NetworkRecipe & { zoo: string }) =>
    profileGraph(buildArchitecture(zoo, { inputShape: [1, 28, 28], classes: 10, ...options, seed: 0 })).parameters;

  it.each<NetworkRecipe>([
    { zoo: "mlp", hidden: [16] },
    { zoo: "small-cnn", channels: [8, 16, 32], depth: 1, dropout: 0 },
    { zoo: "resnet8", width: 0.5 },
  ])("is nearly as many times larger as the teacher is than it: %o", (student) => {
    const between = networkBetween(student, 25) as NetworkRecipe;
    expect(parameters(between) / parameters(student)).toBeGreaterThan(3);
    expect(parameters(between) / parameters(student)).toBeLessThan(8);
  });

  it("is unknown of networks without a width", () => {
    expect(networkBetween({ zoo: "onnx", file: "student.onnx" }, 25)).toBeUndefined();
    expect(networkBetween({ zoo: "lenet" }, 25)).toBeUndefined();
  });
});

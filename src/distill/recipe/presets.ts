import { LimbeckError } from "../../errors.ts";
import type { RecipeInput } from "./schema.ts";

/** A published method as a recipe has it. */
export interface Preset {
  /** One line for `limbeck methods`. */
  readonly summary: string;
  /** Where the hyper-parameters come from. */
  readonly source: string;
  readonly recipe: Pick<RecipeInput, "losses" | "stages">;
}

const hard = { crossEntropy: {} } as const;
const CIFAR = "RepDistiller's and mdistiller's CIFAR-100 recipe";

/** Published methods by the names that `preset` takes. What they say of losses is theirs; optimiser, epochs and data stay the recipe's. */
export const presets = {
  hinton: {
    summary: "soft targets at T = 4, with a tenth of hard labels",
    source: CIFAR,
    recipe: { losses: [{ hinton: { temperature: 4, alpha: 0.9 } }] },
  },
  attention: {
    summary: "attention transfer at every stage, beside hard labels",
    source: `${CIFAR}; Zagoruyko and Komodakis, 2016`,
    recipe: { losses: [hard, { attention: { weight: 1000 } }] },
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof presets;

/**
 * A recipe with its preset written out.
 *
 * @throws LimbeckError when there is no such preset, or the recipe also says what the preset says.
 */
export function withPreset(recipe: unknown, where: string): unknown {
  if (typeof recipe !== "object" || recipe === null || !("preset" in recipe)) return recipe;
  const { preset: name, ...rest } = recipe as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !Object.hasOwn(presets, name)) {
    throw new LimbeckError(`preset: must be one of ${Object.keys(presets).join(", ")} (found ${JSON.stringify(name)}).`, {
      where,
      hint: "`limbeck methods` says what each is.",
    });
  }
  const said = structuredClone((presets as Readonly<Record<string, Preset>>)[name]?.recipe) as Readonly<Record<string, unknown>>;
  const twice = ["losses", "stages"].find((key) => key in rest);
  if (twice !== undefined) {
    throw new LimbeckError(`The preset "${name}" says what the ${twice} are, and so does the recipe.`, {
      where,
      hint: `Leave out one of the two: preset, or ${twice}.`,
    });
  }
  return { ...rest, ...said };
}

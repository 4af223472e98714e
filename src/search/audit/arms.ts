import { basename } from "node:path";
import { needsTeacher } from "../../distill/objective.ts";
import { lossSchema } from "../../distill/recipe/losses.ts";
import type { LossRecipe, NetworkRecipe, Recipe } from "../../distill/recipe/schema.ts";
import { epochsOf, hardLosses } from "../../distill/stages.ts";
import { type LossName, lossTable } from "../../losses/table.ts";
import { overEpochs } from "../trial.ts";
import type { OtherArm } from "./figures.ts";
import type { RunSize } from "./plan.ts";

/** Whom a student of the probe learns from. */
export interface Taught {
  readonly kind: "alone" | "taught" | OtherArm["kind"];
  readonly name: string;
  /** A path. */
  readonly teacher?: string;
  readonly assistant?: NetworkRecipe;
}

/** The recipe of a student alone, as long as the whole of the given one. Steps on samples without a label would teach it nothing. */
export function aloneRecipe(recipe: Recipe): Recipe {
  const { labels } = recipe.data;
  const data = labels ? { ...recipe.data, labels: { ...labels, only: true } } : recipe.data;
  return { ...single(recipe), data, teacher: undefined, losses: hardLosses(recipe), epochs: epochsOf(recipe) };
}

/**
 * The recipe of a run of the probe: on logits, which are cached, without augmentation, so that all runs see the same and the teacher answers
 * once for each sample.
 */
export function armRecipe(recipe: Recipe, { teacher, assistant }: Taught, { epochs }: RunSize, seed: number): Recipe {
  const alone = aloneRecipe(recipe);
  const plain = { augment: [], mix: undefined, views: undefined };
  const arm =
    teacher === undefined
      ? { ...alone, data: { ...alone.data, ...plain } }
      : { ...alone, data: { ...recipe.data, ...plain }, teacher, losses: probeLosses(recipe), assistants: assistant ? [assistant] : [] };
  return overEpochs({ ...arm, seed }, epochs);
}

/** A recipe of one network in one stage, without what needs a teacher of its own kind. */
function single(recipe: Recipe): Recipe {
  return {
    ...recipe,
    stages: undefined,
    assistants: [],
    generations: undefined,
    mutual: undefined,
    balance: undefined,
    teacherClassifier: false,
    combine: "mean",
    keep: "last",
  };
}

/** The recipe's own losses where they are of logits alone, else soft targets at temperature 4. */
export function probeLosses({ losses, stages }: Recipe): Recipe["losses"] {
  const isOfLogits = (loss: LossRecipe) =>
    Object.keys(loss).every((name) => name === "hinton" || lossTable[name as LossName].of === "logits");
  return stages === undefined && losses.some(needsTeacher) && losses.every(isOfLogits) ? losses : [lossSchema.parse({ hinton: {} })];
}

/** The temperature of the first of the probe's losses that has one, where it is one number. */
export function temperatureIn(recipe: Recipe): number | undefined {
  for (const loss of probeLosses(recipe)) {
    const [options] = Object.values(loss) as { readonly temperature?: unknown }[];
    if (typeof options?.temperature === "number") return options.temperature;
  }
  return undefined;
}

/** What says how wide a network of the zoo is. */
type Scalable = {
  readonly zoo: string;
  readonly hidden?: readonly number[];
  readonly channels?: readonly number[];
  readonly width?: number;
};

const WITH_WIDTH = /^(vgg|resnet|mobilenet-v2$|mobilenet-v3|efficientnet|convnext)/;

/**
 * A network of the student's family between it and the teacher: of so many parameters that it is as many times larger than the student as the
 * teacher is larger than it. Undefined where the family has no width to change.
 *
 * @param ratio Of the teacher's parameters to the student's.
 */
export function networkBetween(student: NetworkRecipe, ratio: number): NetworkRecipe | undefined {
  // Parameters go by the square of the width, and are to be √ratio times as many.
  const factor = Math.max(1, ratio) ** (1 / 4);
  const wider = (widths: readonly number[]): number[] => widths.map((width) => Math.round(width * factor));
  const { zoo, hidden, channels, width } = student as Scalable;
  if (zoo === "mlp" && hidden) {
    // Those of a single layer go by the width itself.
    return { ...student, hidden: hidden.map((units) => Math.round(units * (hidden.length > 1 ? factor : factor ** 2))) } as NetworkRecipe;
  }
  if (zoo === "small-cnn" && channels) return { ...student, channels: wider(channels) } as NetworkRecipe;
  return WITH_WIDTH.test(zoo) ? ({ ...student, width: (width ?? 1) * factor } as NetworkRecipe) : undefined;
}

/** What a network of a recipe is called. */
export function networkName(network: NetworkRecipe): string {
  if (network.zoo === "onnx") return basename(network.file);
  const { zoo, hidden, channels, width } = network as Scalable;
  const size = channels ?? hidden;
  return size ? `${zoo} ${size.join("-")}` : width === undefined ? zoo : `${zoo} × ${width.toFixed(2)}`;
}

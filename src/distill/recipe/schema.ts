import { z } from "zod";
import { count, fraction, mustBe, nonNegative, oneOf, positive, schedule, strict } from "../../options.ts";
import { devices } from "../../runtime/runtime.ts";
import { augmentation, labels, mixing } from "./augmentations.ts";
import { dataSchema } from "./data.ts";
import { lossSchema } from "./losses.ts";
import { networkOrFile } from "./networks.ts";
import type { PresetName } from "./presets.ts";

/** The data of a recipe or of a stage. */
export const data = dataSchema({
  /** Which samples are held out. Kept apart from the recipe's seed, so that teacher and student hold out the same. */
  splitSeed: z.int().default(0),
  /** Classes left out of training and validation. */
  exclude: z.array(z.int().nonnegative()).default([]),
  /** Only the first so many training samples, for trying things out. */
  limit: count.optional(),
  /** What is known of the training samples' classes. */
  labels: labels.optional(),
  augment: z.array(augmentation).default([]),
  /** How each training sample is mixed with another. */
  mix: mixing.optional(),
  /** After how many epochs the augmentations repeat; unless given, each epoch draws new ones. */
  views: count.optional(),
  /** Per channel; computed from the training set unless given. */
  normalize: strict({ mean: z.array(z.number()).min(1), std: z.array(positive).min(1) }).optional(),
});

const learningRate = schedule(z.number().nonnegative());
const optimizer = oneOf({
  sgd: strict({
    learningRate,
    momentum: z.number().min(0).lt(1).default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: nonNegative.default(0),
  }),
  adamw: strict({
    learningRate,
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    epsilon: positive.default(1e-8),
    weightDecay: nonNegative.default(0.01),
  }),
});

/** How the weights of losses follow what the run shows. */
const balance = oneOf({
  uncertainty: strict({}),
  /** Steps between measurements; how much of the mean norm stays at each. */
  gradientNorm: strict({ every: count.default(50), smoothing: z.number().min(0).lt(1).default(0.9) }),
  /** The first step of the search, in powers of two. */
  validation: strict({ step: positive.max(3).default(0.5) }),
});

const encodingError = { error: ({ input }: { input?: unknown }) => mustBe("float32, float16 or { topK: n }", input) };
const encoding = z.union([z.enum(["float32", "float16"], encodingError), strict({ topK: count })], encodingError);
const cache = strict({
  /** Relative to the recipe. */
  directory: z.string().min(1).default(".cache/limbeck/teacher"),
  encoding: encoding.default("float32"),
  /** What the directory may hold in all. */
  maxBytes: positive.default(4e9),
});

/** How a teacher is cached where the recipe says no more. */
export const cacheDefaults = cache.parse({});

const COMBINE = ["mean", "meanLogits", "entropy", "confidence", "random"] as const;
const file = z.string().min(1);
const teacherError = {
  error: ({ input }: { input?: unknown }) => mustBe("the path of an ONNX file, { average: { decay } }, or a list of them", input),
};
const oneTeacher = z.union([file, strict({ average: strict({ decay: schedule(fraction).default(0.999) }) })], teacherError);
const teachers = z
  .array(oneTeacher)
  .min(1)
  .refine((list) => list.slice(0, -1).every((one) => typeof one === "string"), "must have the student's average last, and once");
const losses = z.array(lossSchema).min(1);
const patterns = z.array(z.string());

const stage = strict({
  name: z
    .string()
    .regex(/^[\w-]+$/, "must be a name of letters, digits, - and _")
    .optional(),
  losses: losses.optional(),
  epochs: count.optional(),
  optimizer: optimizer.optional(),
  clipNorm: positive.optional(),
  data: data.optional(),
  /** Patterns of weight names that are not trained, and of those that alone are. */
  frozen: patterns.optional(),
  trained: patterns.optional(),
});

/** One experiment as plain data: the same in TypeScript, YAML and JSON. */
export const recipeSchema = strict({
  /** Of the run directory, unless --out says another. */
  name: z
    .string()
    .regex(/^[^/\\.][^/\\]*$/, "must be a name: a text that has no slash and does not start with a dot")
    .optional(),
  data,
  /**
   * An ONNX file, relative to the recipe; or several. Or, last of them, the student's own moving average, which answers inside of the
   * training step (Mean Teacher).
   */
  teacher: z.union([oneTeacher, teachers], teacherError).optional(),
  /**
   * What several teachers come to: the mean of their losses or of their logits, one drawn for each batch, or weights: by the entropy of
   * their answers (EBKD), their confidence in the label (CA-MKD), given ones, or given ones for each class.
   */
  combine: z
    .union([z.enum(COMBINE), oneOf({ weights: z.array(nonNegative).min(1), perClass: z.array(z.array(nonNegative).min(1)).min(1) })], {
      error: ({ input }) => mustBe(`one of ${COMBINE.join(", ")}, or an object with exactly one key of weights, perClass`, input),
    })
    .default("mean"),
  /** Whether the student is given the teacher's own classifier, behind a projector of its last feature map (SimKD). */
  teacherClassifier: z.boolean().default(false),
  /** What the teacher computes in while it teaches: int8 is faster, and near what float32 gives. */
  teacherPrecision: z.enum(["float32", "int8"]).default("float32"),
  student: networkOrFile,
  losses: losses.default([{ crossEntropy: { weight: 1, labelSmoothing: 0 } }]),
  /** Constant, or as their schedules say, unless given; with one loss there is nothing to balance. */
  balance: balance.optional(),
  /** Measures at each epoch's end what share of the gradient each loss contributes, where there are several. */
  shares: z.boolean().default(true),
  /** Networks between teacher and student, each taught by the one before it (teacher assistants). */
  assistants: z.array(networkOrFile).default([]),
  /** So many students in turn, each taught by the one before it (born-again networks); `ensemble` also tests them together. */
  generations: z
    .union([count, strict({ count, ensemble: z.boolean().default(false) })], {
      error: ({ input }) => mustBe("a number, or an object with some of the keys count, ensemble", input),
    })
    .optional(),
  /** Deep mutual learning: networks that are trained together with the student, each learning from the labels and from all others. */
  mutual: strict({
    peers: z.array(networkOrFile).min(1).max(3),
    weight: schedule(nonNegative).default(1),
    temperature: schedule(positive).default(1),
  }).optional(),
  /** Parts of the run, one after the other, each going on with the student of the one before. What one leaves out is as in the recipe. */
  stages: z.array(stage).min(1).optional(),
  optimizer,
  epochs: count,
  batchSize: count.default(128),
  seed: z.int().default(0),
  /** Greatest norm of the gradients taken together. */
  clipNorm: positive.optional(),
  /** Exponential moving average of the weights; it is what is evaluated and exported. */
  average: strict({ decay: fraction.default(0.999) }).optional(),
  /** Patterns of weight names that are not trained; `*` stands for anything. */
  frozen: patterns.default([]),
  /** Which weights become student.onnx: those best on validation, or those of the last epoch. */
  keep: z.enum(["best", "last"]).default("last"),
  /** Epochs after each of which the student is kept as `epoch-N.onnx`, for others to learn from. */
  snapshots: z.array(count).default([]),
  /** With a teacher: also train the same student without it, to compare. */
  baseline: z.boolean().default(true),
  /** The teacher's outputs on disk. Unless said, they are kept where the run uses them again: with `data.views`, or without augmentation. */
  cache: z
    .union([z.boolean(), cache], {
      error: ({ input }) => mustBe("true, false or an object with some of the keys directory, encoding, maxBytes", input),
    })
    .optional(),
  device: z.enum(devices).default("cpu"),
  threads: count.optional(),
  /** Threads that make batches, which are the same for any number; as many as pay off unless given. */
  workers: z.int().nonnegative().optional(),
});

export type Recipe = z.output<typeof recipeSchema>;
/** A recipe as it is written: what has a default may be left out. */
export type RecipeInput = z.input<typeof recipeSchema> & {
  /** A published method, instead of `losses` and `stages`. */
  readonly preset?: PresetName;
};
export type DataRecipe = Recipe["data"];
export type NetworkRecipe = Recipe["student"];
export type StageRecipe = NonNullable<Recipe["stages"]>[number];
export type CombineRecipe = Recipe["combine"];
export type LossRecipe = Recipe["losses"][number];
export type BalanceRecipe = NonNullable<Recipe["balance"]>;
export type OptimizerRecipe = Recipe["optimizer"];
export type AugmentationRecipe = DataRecipe["augment"][number];

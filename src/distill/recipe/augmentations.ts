import { z } from "zod";
import { count, fraction, mustBe, nonNegative, oneOf, positive, strict } from "../../options.ts";

const range = (value: z.ZodNumber) =>
  z.tuple([value, value]).refine(([least, most]) => least <= most, "must be a range, the lower end first");
const fillingError = { error: ({ input }: { input?: unknown }) => mustBe("a number from 0 to 1, or noise", input) };
const filling = z.union([fraction, z.literal("noise", fillingError)], fillingError);
const padding = z.enum(["zero", "reflect"]).default("zero");
const odd = count.refine((size) => size % 2 === 1, "must be odd");

const transforms = {
  /** Whole pixels in each direction. */
  shift: count,
  /** A window of the original size out of the image padded by so many pixels. */
  crop: strict({ padding: count, mode: padding }),
  /** Shares of the area, and width over height, of a window that is resized to the image. */
  resizedCrop: strict({ scale: range(positive.max(1)).default([0.08, 1]), ratio: range(positive).default([3 / 4, 4 / 3]) }),
  /** Degrees to each side. */
  rotate: positive,
  affine: strict({
    rotate: nonNegative.optional(),
    scale: z.tuple([positive, positive]).optional(),
    shear: nonNegative.optional(),
    translate: nonNegative.optional(),
  }),
  elastic: strict({ alpha: positive, sigma: positive }),
  flip: z.literal(true),
  flipVertical: z.literal(true),
  colorJitter: strict({
    brightness: nonNegative.default(0),
    contrast: nonNegative.default(0),
    saturation: nonNegative.default(0),
    hue: z.number().min(0).max(0.5).default(0),
  }),
  /** With what probability. */
  grayscale: fraction,
  invert: z.literal(true),
  /** Bits to keep. */
  posterize: z.int().min(0).max(8),
  /** From where on values are inverted. */
  solarize: fraction,
  autocontrast: z.literal(true),
  equalize: z.literal(true),
  /** 1 is the image, 0 smooth. */
  sharpness: nonNegative,
  gaussianBlur: strict({ sigma: range(positive).default([0.1, 2]), size: odd.optional() }),
  gaussianNoise: strict({ std: nonNegative }),
  erasing: strict({
    probability: fraction.default(0.5),
    area: range(positive.max(1)).default([0.02, 0.33]),
    aspect: range(positive).default([0.3, 3.3]),
    value: filling.default(0),
  }),
  cutout: strict({ size: count, value: filling.default(0) }),
  randAugment: strict({
    operations: z.int().nonnegative().default(2),
    magnitude: z.int().nonnegative().default(9),
    bins: z.int().min(2).default(31),
  }),
  trivialAugment: z.literal(true),
};

/** A change to the images of training, each with its own for each sample and epoch. */
export const augmentation = oneOf({
  ...transforms,
  /** All of them in turn, or none. */
  apply: strict({ probability: fraction, transforms: z.array(oneOf(transforms)).min(1) }),
});

const alpha = strict({ alpha: positive.default(1) });

/** What is known of the training samples' classes. Validation and test are not changed. */
export const labels = strict({
  /** How many labels stay: a number, or a fraction below 1; of all classes equally many. */
  keep: positive.optional(),
  /** The share of them that is replaced by another class. */
  noise: fraction.default(0),
  /** Which these are. Kept apart from the recipe's seed, so that teacher and student know the same. */
  seed: z.int().default(0),
  /** Only the samples that have a label, repeated to as many as all. */
  only: z.boolean().default(false),
});

/** How each training sample is mixed with another. */
export const mixing = strict({ mixup: alpha.optional(), cutmix: alpha.optional(), probability: fraction.default(1) }).refine(
  ({ mixup, cutmix }) => mixup !== undefined || cutmix !== undefined,
  "must say how: mixup, cutmix, or both, one of which is then drawn for each sample",
);

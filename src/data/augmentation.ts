import { type AffineOptions, affine } from "./affine.ts";
import { type Adjustment, type ColorJitterOptions, colorJitter, grayscale } from "./colour.ts";
import { crop, type Padding, type ResizedCropOptions, resizedCrop } from "./crop.ts";
import { type ElasticOptions, elastic } from "./elastic.ts";
import { cutout, type ErasingOptions, erasing, type Filling } from "./erasing.ts";
import { type GaussianBlurOptions, gaussianBlur, gaussianNoise, sharpness } from "./filters.ts";
import { type RandAugmentOptions, randAugment, trivialAugment } from "./rand-augment.ts";
import { autocontrast, equalize, invert, posterize, solarize } from "./tone.ts";
import { flip, flipVertical, shift, sometimes, type Transform } from "./transforms.ts";

/** What each transform is told, by its name in recipes. */
interface Options {
  readonly shift: number;
  readonly crop: { readonly padding: number; readonly mode?: Padding };
  readonly resizedCrop: ResizedCropOptions;
  readonly rotate: number;
  readonly affine: AffineOptions;
  readonly elastic: ElasticOptions;
  readonly flip: true;
  readonly flipVertical: true;
  readonly colorJitter: ColorJitterOptions;
  readonly grayscale: number;
  readonly invert: true;
  readonly posterize: number;
  readonly solarize: number;
  readonly autocontrast: true;
  readonly equalize: true;
  readonly sharpness: number;
  readonly gaussianBlur: GaussianBlurOptions;
  readonly gaussianNoise: { readonly std: number };
  readonly erasing: ErasingOptions;
  readonly cutout: { readonly size: number; readonly value?: Filling };
  readonly randAugment: RandAugmentOptions;
  readonly trivialAugment: true;
  readonly apply: { readonly probability: number; readonly transforms: readonly Augmentation[] };
}

/** A transform as plain data: what a recipe holds, and what can be sent to another thread. */
export type Augmentation = { readonly [K in keyof Options]: { readonly [P in K]: Options[K] } }[keyof Options];

const makers: { readonly [K in keyof Options]: (options: Options[K]) => Transform } = {
  shift,
  crop: ({ padding, mode }) => crop(padding, mode),
  resizedCrop,
  rotate: (rotate) => affine({ rotate }),
  affine,
  elastic,
  flip,
  flipVertical,
  colorJitter,
  grayscale,
  invert: () => always(invert),
  posterize: (bits) => always(posterize, bits),
  solarize: (threshold) => always(solarize, threshold),
  autocontrast: () => always(autocontrast),
  equalize: () => always(equalize),
  sharpness: (factor) => always(sharpness, factor),
  gaussianBlur,
  gaussianNoise: ({ std }) => gaussianNoise(std),
  erasing,
  cutout: ({ size, value }) => cutout(size, value),
  randAugment,
  trivialAugment,
  apply: ({ probability, transforms }) => sometimes(probability, transforms.map(toTransform)),
};

/** The transform that an augmentation describes. @throws LimbeckError when its options are impossible. */
export function toTransform(augmentation: Augmentation): Transform {
  const [[name, options] = []] = Object.entries(augmentation);
  return (makers[name as keyof Options] as (options: unknown) => Transform)(options);
}

/** The same change each time. */
function always(adjust: Adjustment, amount = 0): Transform {
  return (input, output, shape) => adjust(input, output, shape, amount);
}

import { LimbeckError } from "../errors.ts";
import { type LinearMap, linearSources, radians } from "./affine.ts";
import { type Adjustment, brightness, contrast, saturation } from "./colour.ts";
import { sharpness } from "./filters.ts";
import { copyPlaced, inPlace, moved } from "./placement.ts";
import { autocontrast, equalize, posterize, solarize } from "./tone.ts";
import { scratch, type Transform } from "./transforms.ts";
import { warper } from "./warp.ts";

/** How strong the operations get. */
export interface Strength {
  /** Pixels to a pixel. */
  readonly shear: number;
  /** Pixels, of an axis of so many. */
  readonly translate: (length: number) => number;
  /** Degrees. */
  readonly rotate: number;
  /** How far brightness, colour, contrast and sharpness go to both sides of 1. */
  readonly blend: number;
  /** Bits that posterize takes away. */
  readonly bits: number;
}

export const randAugmentStrength: Strength = { shear: 0.3, translate: (length) => (150 / 331) * length, rotate: 30, blend: 0.9, bits: 4 };
export const wideStrength: Strength = { shear: 0.99, translate: () => 32, rotate: 135, blend: 0.99, bits: 6 };

/** One of the operations that are drawn from. */
export interface Operation {
  /** torchvision's. */
  readonly name: string;
  readonly apply: Adjustment;
  /** With both signs alike. */
  readonly signed?: true;
  /** The amount at a share 0..1 of the strength, for an axis of so many pixels. */
  readonly amount?: (share: number, width: number, height: number) => number;
}

/** The fourteen operations of RandAugment and TrivialAugment, in torchvision's order. */
export function operations({ shear, translate, rotate, blend, bits }: Strength): readonly Operation[] {
  const { shearX, shearY, turned } = geometry();
  const blended = { signed: true, amount: (share: number) => blend * share } as const;
  const sheared = { signed: true, amount: (share: number) => shear * share } as const;
  return [
    { name: "Identity", apply: (input, output) => output.set(input) },
    { name: "ShearX", apply: shearX, ...sheared },
    { name: "ShearY", apply: shearY, ...sheared },
    { name: "TranslateX", apply: translateX, signed: true, amount: (share, width) => translate(width) * share },
    { name: "TranslateY", apply: translateY, signed: true, amount: (share, _, height) => translate(height) * share },
    { name: "Rotate", apply: turned, signed: true, amount: (share) => rotate * share },
    { name: "Brightness", apply: about1(brightness), ...blended },
    { name: "Color", apply: about1(saturation), ...blended },
    { name: "Contrast", apply: about1(contrast), ...blended },
    { name: "Sharpness", apply: about1(sharpness), ...blended },
    { name: "Posterize", apply: posterize, amount: (share) => 8 - roundHalfToEven(bits * share) },
    { name: "Solarize", apply: solarize, amount: (share) => 1 - share },
    { name: "AutoContrast", apply: autocontrast },
    { name: "Equalize", apply: equalize },
  ];
}

const about1 =
  (adjust: Adjustment): Adjustment =>
  (input, output, shape, amount) =>
    adjust(input, output, shape, 1 + amount);

const translateX: Adjustment = (input, output, shape, pixels) =>
  copyPlaced(input, shape, moved(inPlace(shape), shape, 0, Math.trunc(pixels)), output);
const translateY: Adjustment = (input, output, shape, pixels) =>
  copyPlaced(input, shape, moved(inPlace(shape), shape, Math.trunc(pixels), 0), output);

/** Shears about the upper left corner and turns about the centre, bilinearly; what comes in from outside is 0. */
function geometry() {
  const draw = warper();
  const still: LinearMap = { xPerX: 1, xPerY: 0, yPerX: 0, yPerY: 1, right: 0, down: 0 };
  const mapped =
    (mapOf: (amount: number, height: number, width: number) => Partial<LinearMap>): Adjustment =>
    (input, output, shape, amount) =>
      draw(input, output, shape, (rows, columns, height, width) =>
        linearSources(rows, columns, height, width, { ...still, ...mapOf(amount, height, width) }),
      );
  return {
    shearX: mapped((amount, height) => ({ xPerY: amount, right: (-amount * height) / 2 })),
    shearY: mapped((amount, _, width) => ({ yPerX: amount, down: (-amount * width) / 2 })),
    turned: mapped((degrees) => {
      const [cosine, sine] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))];
      return { xPerX: cosine, xPerY: -sine, yPerX: sine, yPerY: cosine };
    }),
  };
}

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

export interface RandAugmentOptions {
  /** How many are applied, each drawn from all fourteen. */
  readonly operations?: number;
  /** How strong, from 0 to `bins` − 1. */
  readonly magnitude?: number;
  readonly bins?: number;
}

/**
 * RandAugment (Cubuk et al., 2019, arXiv:1909.13719): so many operations in turn, all of one strength. Operations, strengths and defaults are
 * torchvision's; pixels are interpolated bilinearly, where torchvision takes the nearest unless it is told otherwise.
 *
 * @throws LimbeckError for a magnitude beyond the bins.
 */
export function randAugment({ operations: count = 2, magnitude = 9, bins = 31 }: RandAugmentOptions = {}): Transform {
  if (!(magnitude < bins)) {
    throw new LimbeckError(`randAugment has a magnitude of ${magnitude}, but the strongest of ${bins} bins is ${bins - 1}.`, {
      hint: "Give a magnitude below bins.",
    });
  }
  const share = bins > 1 ? magnitude / (bins - 1) : 0;
  return drawing(randAugmentStrength, count, () => share);
}

const WIDE_BINS = 31;

/**
 * TrivialAugment with the wide range (Müller and Hutter, 2021, arXiv:2103.10158): one operation, with a strength drawn from 31. Operations and
 * strengths are torchvision's, pixels interpolated bilinearly; the 32 pixels that it moves by at most are so many for images of any size.
 */
export function trivialAugment(): Transform {
  return drawing(wideStrength, 1, (integer) => integer(0, WIDE_BINS - 1) / (WIDE_BINS - 1));
}

function drawing(strength: Strength, count: number, shareOf: (integer: (from: number, to: number) => number) => number): Transform {
  const all = operations(strength);
  const other = scratch();
  const transform: Transform = (input, output, shape, random) => {
    const [, height, width] = shape;
    let current = other(input.length);
    let next = output;
    current.set(input);
    for (let turn = 0; turn < count; turn++) {
      const { apply, amount, signed } = all[random.integer(0, all.length - 1)] as Operation;
      const size = amount ? amount(shareOf(random.integer), width, height) : 0;
      apply(current, next, shape, signed && random.integer(0, 1) === 1 ? -size : size);
      [current, next] = [next, current];
    }
    if (current !== output) output.set(current);
  };
  return Object.assign(transform, { isOfColour: true });
}

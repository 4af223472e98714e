import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import { type Random, randomFor } from "../random.ts";
import type { Box } from "./placement.ts";
import { type RowOptions, type RowWriter, rowWriter } from "./rows.ts";
import type { Samples } from "./samples.ts";

/** How samples are mixed, as plain data; with both, one of the two is drawn for each sample. */
export interface MixOptions {
  /** Of shares drawn from Beta(alpha, alpha). */
  readonly mixup?: { readonly alpha: number };
  readonly cutmix?: { readonly alpha: number };
  /** That a sample is mixed at all; 1 unless given. */
  readonly probability?: number;
}

/** What a sample is mixed with. */
export interface Mixture {
  /** The other sample. */
  readonly partner: number;
  /** The sample's own share, 0..1; 1 where it stays as it is. */
  readonly share: number;
  /** What shows the partner; without it, every value is share·own + (1 − share)·partner. */
  readonly box?: Box;
}

/** Of each sample by its index. */
export type MixtureOf = (index: number) => Mixture;

const MIX = 0x4d697865;
const PARTNER = 0x50617274;

/**
 * Draws what each sample of a view is mixed with, from its own stream of (seed, view, index), so that a mixed image is the same whatever
 * batch it is in, and whoever makes it. The partner may be any sample.
 *
 * mixup (Zhang, Cisse, Dauphin and Lopez-Paz, 2017, arXiv:1710.09412): share ~ Beta(α, α). CutMix (Yun et al., 2019, arXiv:1905.04899): a box
 * of a share of 1 − λ of the area, λ ~ Beta(α, α), its centre anywhere, shows the partner; of what leaves the image nothing is counted.
 *
 * @throws LimbeckError when samples that are no images are to be cut.
 */
export function mixtures({ length, sampleShape, name }: Samples, options: MixOptions, seed: number, view: number): MixtureOf {
  const { mixup, cutmix, probability = 1 } = options;
  if (cutmix && sampleShape.length !== 3) {
    throw new LimbeckError(`cutmix takes images, but samples are of shape ${formatShape(sampleShape)}.`, {
      where: name,
      hint: "Use mixup.",
    });
  }
  const [, height = 1, width = 1] = sampleShape;
  return (index) => {
    const random = randomFor(seed, view, index, MIX);
    if (random.uniform() >= probability) return { partner: index, share: 1 };
    const partner = random.integer(0, length - 1);
    const cuts = cutmix && (!mixup || random.uniform() < 0.5);
    const share = Math.fround(beta(random, (cuts ? cutmix : mixup)?.alpha ?? 1));
    return cuts ? { partner, ...cutBox(1 - share, height, width, random) } : { partner, share };
  };
}

/** A box of about that share of the area, and what it leaves of the image. */
function cutBox(area: number, height: number, width: number, random: Random): { readonly box: Box; readonly share: number } {
  const [down, across] = [Math.trunc(height * Math.sqrt(area)), Math.trunc(width * Math.sqrt(area))];
  const top = random.integer(0, height - 1) - (down >> 1);
  const left = random.integer(0, width - 1) - (across >> 1);
  const box = {
    top: Math.max(0, top),
    left: Math.max(0, left),
    bottom: Math.min(height, top + down),
    right: Math.min(width, left + across),
  };
  return { box, share: Math.fround(1 - ((box.bottom - box.top) * (box.right - box.left)) / (height * width)) };
}

/** Beta(α, α), as X/(X + Y) of two draws from a gamma distribution; by their logarithms, which stay finite for small α. */
export function beta(random: Random, alpha: number): number {
  const [own, other] = [logGamma(random, alpha), logGamma(random, alpha)];
  return 1 / (1 + Math.exp(other - own));
}

/** The logarithm of a draw from Gamma(shape, 1): Marsaglia and Tsang, 2000 ("A Simple Method for Generating Gamma Variables"). */
function logGamma(random: Random, shape: number): number {
  // 1 - u keeps logarithms finite.
  if (shape < 1) return logGamma(random, shape + 1) + Math.log(1 - random.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = random.normal();
    const v = (1 + c * normal) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * normal ** 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/**
 * Rows of a batch mixed from two samples, the partner with transforms of its own, from the same stream as the rest. Both are normalised
 * before they are mixed, which is the same as after.
 *
 * @param write What writes the sample itself.
 */
export function mixedRowWriter(
  samples: Samples,
  options: RowOptions & { readonly seed: number; readonly view: number },
  write: RowWriter,
  mixtureOf: MixtureOf,
): RowWriter {
  const { seed, view } = options;
  let owner = 0;
  const writePartner = rowWriter(samples, options, () => randomFor(seed, view, owner, PARTNER));
  const other = new Float32Array(elementCount(samples.sampleShape));
  return (index, target, offset) => {
    write(index, target, offset);
    const { partner, share, box } = mixtureOf(index);
    if (share === 1) return;
    owner = index;
    writePartner(partner, other, 0);
    if (box) paste(other, samples.sampleShape, box, target, offset);
    else for (let place = 0; place < other.length; place++) target[offset + place] = between(target[offset + place], other[place], share);
  };
}

function between(own: number | undefined, other: number | undefined, share: number): number {
  return share * (own as number) + (1 - share) * (other as number);
}

/** Copies the part of an image that lies in a box. */
function paste(
  image: Float32Array,
  [channels = 1, height = 1, width = 1]: readonly number[],
  box: Box,
  target: Float32Array,
  offset: number,
) {
  for (let channel = 0; channel < channels; channel++) {
    for (let y = box.top; y < box.bottom; y++) {
      const row = (channel * height + y) * width;
      target.set(image.subarray(row + box.left, row + box.right), offset + row + box.left);
    }
  }
}

/** The samples that rows are made of: those of the indices, and what these are mixed with, each once. */
export function samplesFor(indices: Uint32Array, mixtureOf?: MixtureOf): Uint32Array {
  if (!mixtureOf) return indices;
  return Uint32Array.from(new Set(Array.from(indices, (index) => [index, mixtureOf(index).partner]).flat()));
}

import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import { permutation, randomFor } from "../random.ts";
import type { Decoding } from "./data-source.ts";
import type { ImageItemsSource } from "./image-items.ts";
import type { Texts } from "./texts.ts";

/** Labelled samples, read one at a time, or brought into memory first. Immutable: the same index always gives the same sample. */
export interface Samples {
  readonly name: string;
  readonly length: number;
  /** `[C, H, W]`; of texts, which have no values, `[]`. */
  readonly sampleShape: readonly number[];
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** −1 where its class is not known. */
  label(index: number): number;
  /** Writes sample `index`, scaled to 0..1, row-major, into `out`, which holds exactly one sample. */
  read(index: number, out: Float32Array): void;
  /** The samples as tokens, where they are texts: `read` can't be used then. */
  readonly texts?: Texts;
  /** Sample `index` as the bytes of which `read` gives 255ths, not copied. Absent where samples are no bytes. */
  readonly bytes?: (index: number) => Uint8Array;
  /**
   * Brings some samples into memory, as samples of their own, in this order. Where it is there, `read` and `bytes` of these samples
   * themselves cannot be used.
   *
   * @throws LimbeckError when one of them can't be read.
   */
  readonly fetch?: (indices: Uint32Array) => Promise<Samples>;
  /** From which another thread can open the very same samples; absent where only this one has them. */
  readonly source?: SamplesSource;
}

/** Samples as plain data, for `openSamples`. Who makes samples out of others must change their source too. */
export type SamplesSource =
  | { readonly memory: MemorySamples }
  | { readonly subset: { readonly of: SamplesSource; readonly indices: Uint32Array } }
  | { readonly relabelled: { readonly of: SamplesSource; readonly labels: Int32Array } }
  /** Images in files, which only Node can open. */
  | { readonly images: StreamedImages };

/** Images that are decoded each time: what they are, and how they are decoded. */
export interface StreamedImages {
  readonly items: ImageItemsSource;
  readonly decoding: Decoding;
  /** Its version. */
  readonly decoder: string;
}

/** What training sees, what decisions are made on, and what is only reported on. */
export interface Splits {
  readonly train: Samples;
  readonly validation: Samples;
  readonly test: Samples;
  /** What a reader of results should know of the data: what was left out of them. */
  readonly notes?: readonly string[];
}

export interface MemorySamples {
  readonly name: string;
  /** `[C, H, W]` */
  readonly sampleShape: readonly number[];
  readonly classes: readonly string[];
  /** `[N, C, H, W]`, row-major, 0..255. Not copied. */
  readonly pixels: Uint8Array;
  /** `[N]`. Not copied. */
  readonly labels: Uint8Array | Int32Array;
}

const byteToUnit = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
const HOLD_OUT = 0x486f6c64;

/** Of a sample whose class is not known. */
export const NO_LABEL = -1;

/**
 * Samples held in memory as bytes.
 *
 * @throws LimbeckError when pixels and labels disagree in number, or a label has no class.
 */
export function memorySamples({ name, sampleShape, classes, pixels, labels }: MemorySamples): Samples {
  const size = elementCount(sampleShape);
  if (pixels.length !== labels.length * size) {
    throw new LimbeckError(
      `${labels.length} labels need ${labels.length * size} bytes of pixels at ${formatShape(sampleShape)} each, not ${pixels.length}.`,
      { where: name, hint: "Give one label for each sample." },
    );
  }
  const stray = labels.findIndex((label) => label < 0 || label >= classes.length);
  if (stray !== -1) {
    const known = `0 to ${classes.length - 1} (${classes.join(", ")})`;
    throw new LimbeckError(`Sample ${stray} has label ${labels[stray]}, but the classes are ${known}.`, {
      where: name,
      hint: "Correct the label, or name every class.",
    });
  }
  return {
    name,
    length: labels.length,
    sampleShape,
    classes,
    label: (index) => labels[index] as number,
    read(index, out) {
      const start = index * size;
      for (let offset = 0; offset < size; offset++) out[offset] = byteToUnit[pixels[start + offset] as number] as number;
    },
    bytes: (index) => pixels.subarray(index * size, (index + 1) * size),
    source: { memory: { name, sampleShape, classes, pixels, labels } },
  };
}

/** The samples that a source describes. @param openImages Opens what lies in files. */
export function openSamples(source: SamplesSource, openImages: (images: StreamedImages) => Samples): Samples {
  if ("memory" in source) return memorySamples(source.memory);
  if ("images" in source) return openImages(source.images);
  if ("relabelled" in source) return relabelled(openSamples(source.relabelled.of, openImages), source.relabelled.labels);
  return subset(openSamples(source.subset.of, openImages), source.subset.indices);
}

/** Some samples in memory, in the order asked for. */
export async function inMemory(samples: Samples, indices: Uint32Array): Promise<Samples> {
  return samples.fetch ? samples.fetch(indices) : subset(samples, indices);
}

/** The same samples with other labels. @param labels One of each, or −1. */
export function relabelled(samples: Samples, labels: Int32Array): Samples {
  const { source } = samples;
  return {
    ...samples,
    label: (index) => labels[index] as number,
    source: source && { relabelled: { of: source, labels } },
  };
}

/** The samples at `indices`, in that order. */
export function subset(samples: Samples, indices: Uint32Array | readonly number[]): Samples {
  const stray = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= samples.length);
  if (stray !== undefined) throw new LimbeckError(`There is no sample ${stray} among ${samples.length}.`, { where: samples.name });
  const chosen = Uint32Array.from(indices);
  const { bytes, fetch, source, texts } = samples;
  return {
    ...samples,
    length: chosen.length,
    label: (index) => samples.label(chosen[index] as number),
    read: (index, out) => samples.read(chosen[index] as number, out),
    texts: texts && {
      ...texts,
      encoding: (index) => texts.encoding(chosen[index] as number),
      text: (index) => texts.text(chosen[index] as number),
    },
    bytes: bytes && ((index) => bytes(chosen[index] as number)),
    fetch: fetch && ((wanted) => fetch(wanted.map((index) => chosen[index] as number))),
    source: source && { subset: { of: source, indices: chosen } },
  };
}

/**
 * Sets some samples aside, each class in proportion (to within one sample), chosen by `seed`; both parts keep the original order. Samples
 * without a label are kept, and don't count, unless there are no classes.
 *
 * @param count How many to hold: a whole number, or a fraction below 1. With 0, `held` is empty.
 * @throws LimbeckError when nothing would be kept.
 */
export function holdOut(samples: Samples, count: number, seed: number): { kept: Samples; held: Samples } {
  const isClassified = samples.classes.length > 0;
  const counts = isClassified ? classCounts(samples) : [samples.length];
  const total = counts.reduce((sum, ofClass) => sum + ofClass, 0);
  const wanted = count < 1 ? Math.round(count * total) : count;
  if (!Number.isInteger(wanted) || wanted < 0 || (wanted > 0 && wanted >= total)) {
    throw new LimbeckError(`${count} of ${total} samples cannot be held out.`, {
      where: samples.name,
      hint: `Give a fraction below 1, or a whole number below ${total}.`,
    });
  }
  const remaining = proportionalShares(counts, wanted);
  const held = new Uint8Array(samples.length);
  for (const index of permutation(samples.length, randomFor(seed, HOLD_OUT))) {
    const label = isClassified ? samples.label(index) : 0;
    if (!remaining[label]) continue;
    remaining[label]--;
    held[index] = 1;
  }
  return { kept: filter(samples, (index) => held[index] === 0), held: filter(samples, (index) => held[index] === 1) };
}

/**
 * The samples of every class but those in `labels`: a transfer set that lacks some classes, as in Hinton, Vinyals and Dean 2015
 * (arXiv 1503.02531, section 3), where a student learns a digit that it never saw. The list of classes stays as it is.
 */
export function withoutClasses(samples: Samples, labels: readonly number[]): Samples {
  const stray = labels.find((label) => samples.classes[label] === undefined);
  if (stray !== undefined) {
    throw new LimbeckError(`There is no class ${stray} to leave out.`, {
      where: samples.name,
      hint: `The classes are 0 to ${samples.classes.length - 1} (${samples.classes.join(", ")}).`,
    });
  }
  const excluded = new Set(labels);
  return filter(samples, (index) => !excluded.has(samples.label(index)));
}

/** How many samples each class has; those without a label count for none. */
export function classCounts(samples: Samples): number[] {
  const counts = samples.classes.map(() => 0);
  for (let index = 0; index < samples.length; index++) {
    const label = samples.label(index);
    if (label !== NO_LABEL) (counts[label] as number)++;
  }
  return counts;
}

function filter(samples: Samples, keep: (index: number) => boolean): Samples {
  return subset(samples, Array.from({ length: samples.length }, (_, index) => index).filter(keep));
}

/** Divides `wanted` in proportion to `counts` by largest remainder, in whole numbers throughout. */
function proportionalShares(counts: readonly number[], wanted: number): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  const remainders = counts.map((count) => (count * wanted) % total);
  const shares = counts.map((count, label) => (count * wanted - (remainders[label] as number)) / total);
  const missing = wanted - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = counts.map((_, label) => label).sort((a, b) => (remainders[b] as number) - (remainders[a] as number));
  for (const label of byRemainder.slice(0, missing)) (shares[label] as number)++;
  return shares;
}

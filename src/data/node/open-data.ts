import { LimbeckError } from "../../errors.ts";
import { elementCount } from "../../graph/tensor.ts";
import { type DataFiles, type DataSource, type EncodedSource, type SplitFiles, sourceName } from "../data-source.ts";
import type { ImageItemSplits } from "../image-items.ts";
import { holdOut, type Samples, type Splits, withoutClasses } from "../samples.ts";
import { openCifar } from "./cifar.ts";
import { decodedShape } from "./decode-image.ts";
import { openIdxDirectory } from "./idx-directory.ts";
import { firstNames, openImageFolder } from "./image-folder.ts";
import { type ImageEvents, type ImageStore, imageSamples } from "./image-samples.ts";
import { openManifest } from "./manifest.ts";
import { openParquet } from "./parquet.ts";
import { openTexts } from "./text.ts";
import { openWebDataset } from "./webdataset.ts";

export interface OpenDataOptions {
  /** The directory that paths are relative to, and from which packages are looked for. */
  readonly relativeTo: string;
  /** Where decoded images are kept; without it they are decoded anew each time. */
  readonly images?: ImageStore;
  readonly events?: ImageEvents;
}

/** How a source is divided. */
export interface Division {
  /** Training samples that become the validation set, where the source has none: a whole number, or a fraction below 1. */
  readonly validation: number;
  readonly splitSeed: number;
  /** Labels that training and validation lack; the test set keeps them. */
  readonly exclude: readonly number[];
}

/** Opens data of any kind. @throws LimbeckError when they are missing or damaged, or can't be divided as asked. */
export async function openData(data: DataSource & Division, options: OpenDataOptions): Promise<Splits> {
  if ("idx" in data) return openIdxDirectory(data.idx, { ...data, ...options });
  if ("cifar" in data) return divided(await openCifar(data.cifar, options), data, sourceName(data));
  if ("text" in data) {
    const texts = await openTexts(data, locationOf(data.text), options);
    for (const note of texts.notes ?? []) options.events?.onNotice?.(note);
    return divided(texts, data, sourceName(data));
  }
  const splits = await openItems(data, options);
  for (const note of splits.notes ?? []) options.events?.onNotice?.(note);
  return divided(await toSamples(splits, data, options), data, sourceName(data));
}

function openItems(data: EncodedSource, { relativeTo }: OpenDataOptions): Promise<ImageItemSplits> {
  if ("imageFolder" in data) return openImageFolder(data.imageFolder, { relativeTo });
  const { columns } = data;
  if ("parquet" in data) return openParquet(locationOf(data.parquet), { relativeTo, columns });
  if ("manifest" in data) return openManifest(locationOf(data.manifest), { relativeTo, columns });
  return openWebDataset(locationOf(data.webdataset), { relativeTo, columns });
}

/** A list of files is that of training. */
const locationOf = (files: DataFiles): string | SplitFiles => (typeof files === "string" || "train" in files ? files : { train: files });

type Found = Partial<Splits> & Pick<Splits, "train">;

/** All splits in memory, if all of them have room there together. */
async function toSamples(splits: ImageItemSplits, options: EncodedSource, { images: store, events }: OpenDataOptions): Promise<Found> {
  const { train, validation, test, notes = [] } = splits;
  checkClasses(splits);
  const bytes = elementCount(decodedShape(options)) * [train, validation, test].reduce((sum, items) => sum + (items?.length ?? 0), 0);
  const setting = { options, inMemory: bytes <= options.memory, store, events };
  const told = [...notes];
  const samplesOf = async (items: typeof train): Promise<Samples> => {
    const { samples, unreadable } = await imageSamples(items, setting);
    if (unreadable.length > 0) {
      const note = `${unreadable.length} of ${items.length} images of ${items.name} were left out, which can't be decoded: ${firstNames(unreadable.map(([, where]) => where))}.`;
      events?.onNotice?.(note);
      told.push(note);
    }
    return samples;
  };
  return {
    train: await samplesOf(train),
    ...(validation && { validation: await samplesOf(validation) }),
    ...(test && { test: await samplesOf(test) }),
    notes: told,
  };
}

function checkClasses({ train }: ImageItemSplits): void {
  const [only, second] = train.classes;
  if (second !== undefined) return;
  throw new LimbeckError(only === undefined ? "There are no classes." : `There is one class only, "${only}".`, {
    where: train.name,
    hint: "A classifier needs two or more to tell apart.",
  });
}

/** What a source has, with what it lacks held out of training: first the test set, then the validation set. */
export function divided(found: Found, data: Division & { readonly test?: number }, name: string): Splits {
  const { validation, test = 0, splitSeed, exclude } = data;
  const forTest = found.test ? { kept: found.train, held: found.test } : holdOut(found.train, test, splitSeed);
  if (forTest.held.length === 0) {
    throw new LimbeckError(`There is nothing to test on: ${test} of ${found.train.length} samples are none.`, {
      where: name,
      hint: "Raise data.test, or give a test split.",
    });
  }
  const { kept, held } = found.validation ? { kept: forTest.kept, held: found.validation } : holdOut(forTest.kept, validation, splitSeed);
  const named = (samples: Samples, split: string): Samples => ({ ...samples, name: `${name} (${split})` });
  return {
    // Classes go after the split, so that a sample held out from a teacher of all classes is never trained on by a student of fewer.
    train: named(withoutClasses(kept, exclude), "train"),
    validation: named(withoutClasses(held, exclude), "validation"),
    test: named(forTest.held, "test"),
    notes: found.notes,
  };
}

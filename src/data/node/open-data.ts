import { type DataSource, sourceName } from "../data-source.ts";
import { holdOut, type Samples, type Splits, withoutClasses } from "../samples.ts";
import { openIdxDirectory } from "./idx-directory.ts";

export interface OpenDataOptions {
  /** The directory that paths are relative to, and from which packages are looked for. */
  readonly relativeTo: string;
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
export async function openData(data: DataSource & Division, { relativeTo }: OpenDataOptions): Promise<Splits> {
  if ("idx" in data) return openIdxDirectory(data.idx, { ...data, relativeTo });
  throw new Error(sourceName(data));
}

/** What a source has, with what it lacks held out of training: first the test set, then the validation set. */
export function divided(found: Partial<Splits> & Pick<Splits, "train">, data: Division & { readonly test?: number }, name: string): Splits {
  const { validation, test = 0, splitSeed, exclude } = data;
  const forTest = found.test ? { kept: found.train, held: found.test } : holdOut(found.train, test, splitSeed);
  const { kept, held } = found.validation ? { kept: forTest.kept, held: found.validation } : holdOut(forTest.kept, validation, splitSeed);
  const named = (samples: Samples, split: string): Samples => ({ ...samples, name: `${name} (${split})` });
  // Classes go after the split, so that a sample held out from a teacher of all classes is never trained on by a student of fewer.
  return {
    train: named(withoutClasses(kept, exclude), "train"),
    validation: named(withoutClasses(held, exclude), "validation"),
    test: named(forTest.held, "test"),
  };
}

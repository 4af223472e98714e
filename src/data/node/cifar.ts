import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { LimbeckError } from "../../errors.ts";
import { memorySamples, type Samples } from "../samples.ts";
import { lookInto, unreadable } from "./file-bytes.ts";

export interface CifarOptions {
  /** The directory that the location is relative to. */
  readonly relativeTo: string;
  /** Of CIFAR-100, the 20 superclasses instead of the 100 classes. */
  readonly coarse?: boolean;
}

const sampleShape = [3, 32, 32];
const PIXELS = 3 * 32 * 32;
/** Of one file: several times those of the authors. */
const MOST_BYTES = 2 ** 30;

interface Layout {
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** One class in each line. */
  readonly names: string;
  /** Bytes before the pixels of an image, and which of them is the label. */
  readonly labelBytes: number;
  readonly label: number;
}

const cifar10: Layout = {
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
  test: ["test_batch.bin"],
  names: "batches.meta.txt",
  labelBytes: 1,
  label: 0,
};

function cifar100(coarse: boolean): Layout {
  const names = coarse ? "coarse_label_names.txt" : "fine_label_names.txt";
  return { train: ["train.bin"], test: ["test.bin"], names, labelBytes: 2, label: coarse ? 0 : 1 };
}

/**
 * CIFAR-10 or CIFAR-100 in the binary files of their authors (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009):
 * `data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin` and `batches.meta.txt`; or `train.bin`, `test.bin` and `fine_label_names.txt`.
 *
 * @throws LimbeckError when files are missing or damaged.
 */
export async function openCifar(
  location: string,
  { relativeTo, coarse = false }: CifarOptions,
): Promise<{ train: Samples; test: Samples }> {
  const directory = resolve(relativeTo, location);
  const layout = [cifar10, cifar100(coarse)].find(({ test }) => test.every((name) => existsSync(join(directory, name))));
  if (!layout) {
    throw new LimbeckError("There is neither a test_batch.bin nor a test.bin.", {
      where: directory,
      hint: "Give the directory of the binary version of CIFAR-10 or CIFAR-100.",
    });
  }
  if (coarse && layout === cifar10) {
    throw new LimbeckError("CIFAR-10 has no superclasses.", { where: directory, hint: "Leave coarse out." });
  }
  const classes = await readNames(join(directory, layout.names));
  const read = (names: readonly string[], split: string) =>
    readRecords(
      names.map((name) => join(directory, name)),
      layout,
      { name: `${location} (${split})`, classes },
    );
  return { train: await read(layout.train, "train"), test: await read(layout.test, "test") };
}

async function readNames(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((cause) => Promise.reject(unreadable(path, cause)));
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** All images of some files, in memory that threads share. */
async function readRecords(
  paths: readonly string[],
  { labelBytes, label }: Layout,
  named: { readonly name: string; readonly classes: readonly string[] },
): Promise<Samples> {
  const record = labelBytes + PIXELS;
  const counts = await Promise.all(paths.map((path) => lookInto(path, ({ size }) => countOf(size, record, path))));
  const count = counts.reduce((sum, number) => sum + number, 0);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * PIXELS));
  const labels = new Uint8Array(new SharedArrayBuffer(count));
  let index = 0;
  for (const [number, path] of paths.entries()) {
    await lookInto(path, (file) => {
      for (let row = 0; row < (counts[number] as number); row++, index++) {
        const bytes = file.bytes(row * record, record);
        labels[index] = bytes[label] as number;
        pixels.set(bytes.subarray(labelBytes), index * PIXELS);
      }
    });
  }
  return memorySamples({ ...named, sampleShape, pixels, labels });
}

function countOf(size: number, record: number, path: string): number {
  if (size > 0 && size % record === 0 && size <= MOST_BYTES) return size / record;
  throw new LimbeckError(`The file has ${size} bytes, which is no number of images of ${record} bytes each.`, {
    where: path,
    hint: "It is damaged or incomplete: get it again.",
  });
}

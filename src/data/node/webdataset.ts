import { basename } from "node:path";
import { LimbeckError } from "../../errors.ts";
import type { ImageItemSplits, ImageItems, WebDatasetSource } from "../image-items.ts";
import { type FinishedLabels, jsonRecord, type LabelTable, labelTable, labelText } from "../label-table.ts";
import { lookInto, type OpenFile, readSpans } from "./file-bytes.ts";
import { MOST_IMAGE_BYTES } from "./file-items.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { eachSplit, type ImageLocation, type ImageSourceOptions, labelNames, MOST_IMAGES, nameOf, splitFiles } from "./image-locations.ts";
import { stringAt, stringPacker } from "./packed-strings.ts";
import { sharedFloat64, sharedInt32 } from "./shared-memory.ts";
import { type TarEntry, tarEntries } from "./tar-index.ts";

const imageExtensions: readonly string[] = ["jpg", "jpeg", "png", "webp"];
const MOST_LABEL_BYTES = 2 ** 20;
const MOST_SHARDS = 100_000;

/**
 * Images in tar archives ("shards"), in the layout of WebDataset: entries that are named alike up to the first dot are one sample, such as
 * `0001.jpg` and `0001.cls`. A label is the text of `cls`, or what `json` says of it.
 *
 * @param location A directory of shards, one shard, or a pattern such as `train-{000000..000099}.tar`; or these of each split.
 * @param options `columns.image` is an extension; `columns.label` an extension, or a key of `json`.
 * @throws LimbeckError when shards are missing, damaged or compressed, or samples lack something.
 */
export async function openWebDataset(location: ImageLocation, options: ImageSourceOptions): Promise<ImageItemSplits> {
  const shards = await splitFiles(location, options, [".tar"], expandBraces);
  const table = labelTable();
  const indexed = await eachSplit(shards, (paths, split) => indexShards(paths, nameOf(location, split), table, options.columns ?? {}));
  const labels = table.finish(nameOf(location, "train"));
  return eachSplit(indexed, (index) => openWebDatasetItems(index.source(labels)));
}

/** The items that `openWebDataset` found, without looking through the archives again. */
export function openWebDatasetItems(source: WebDatasetSource): ImageItems {
  const { name, classes, labels, fingerprint, shards, shard, offset, size, names } = source;
  const shardOf = (index: number) => shards[shard[index] as number] as string;
  return {
    name,
    length: labels.length,
    classes,
    fingerprint,
    source: { webDataset: source },
    label: (index) => labels[index] as number,
    where: (index) => `${shardOf(index)}: ${stringAt(names, index)}`,
    encoded: (index) => readSpans(shardOf(index), { offset: offset[index] as number, length: size[index] as number }),
  };
}

/** `a-{08..11}` stands for a-08, a-09, a-10, a-11. */
export function expandBraces(pattern: string): readonly string[] {
  const [whole, first, last] = /\{(\d{1,9})\.\.(\d{1,9})\}/.exec(pattern) ?? [];
  if (whole === undefined || first === undefined || last === undefined) return [pattern];
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > MOST_SHARDS) {
    throw new LimbeckError(`${whole} stands for ${Math.max(0, count)} shards.`, {
      where: pattern,
      hint: `Write the first and the last of 1 to ${MOST_SHARDS}, such as {000000..000099}.`,
    });
  }
  // Only the first braces vary: other ones stay as they are, and name no file.
  return Array.from({ length: count }, (_, index) => pattern.replace(whole, String(Number(first) + index).padStart(first.length, "0")));
}

/** What a shard has of a sample. */
interface Sample {
  image?: TarEntry;
  label?: string;
}

type Columns = NonNullable<ImageSourceOptions["columns"]>;

/** @returns What makes a source of the split, when the labels of all splits are known. */
async function indexShards(shards: readonly string[], name: string, table: LabelTable, columns: Columns) {
  const [shard, offset, size, added]: [number[], number[], number[], number[]] = [[], [], [], []];
  const names = stringPacker();
  const fileOf = (path: string, number: number) =>
    lookInto(path, (file) => {
      for (const [key, { image, label }] of samplesOf(file, columns)) {
        const where = () => `${path}: ${key}`;
        if (!image) throw new LimbeckError(`The sample has no image (${columns.image ?? imageExtensions.join(", ")}).`, { where: where() });
        added.push(table.add(label ?? "", where));
        if (added.length > MOST_IMAGES) throw new LimbeckError(`There are more than ${MOST_IMAGES} images.`, { where: path });
        shard.push(number);
        offset.push(image.offset);
        size.push(image.size);
        names.push(image.name);
      }
      return { name: `${basename(path)} ${columns.image ?? ""}`, size: file.size, mtimeMs: file.mtimeMs };
    });
  const files: Awaited<ReturnType<typeof fileOf>>[] = [];
  for (const [number, path] of shards.entries()) files.push(await fileOf(path, number));
  if (added.length === 0) throw new LimbeckError(`There are no images (${imageExtensions.join(", ")}).`, { where: shards.join(", ") });
  return {
    source({ classes, labelOf }: FinishedLabels): WebDatasetSource {
      const labels = sharedInt32(added.map(labelOf));
      const fingerprint = fingerprintOf(classes, labels);
      for (const file of files) fingerprint.add(file.name, file);
      return {
        ...{ name, classes, labels, fingerprint: fingerprint.digest(), shards },
        ...{ shard: sharedInt32(shard), offset: sharedFloat64(offset), size: sharedInt32(size), names: names.packed() },
      };
    },
  };
}

/** By what their entries have in common: the name up to its first dot. Whatever belongs to no image and no label is left out. */
function samplesOf(file: OpenFile, columns: Columns): Map<string, Sample> {
  const samples = new Map<string, Sample>();
  for (const entry of tarEntries(file)) {
    const [, key, ending] = /^((?:.*\/)?[^./]+)\.([^/]*)$/s.exec(entry.name) ?? [];
    if (key === undefined || ending === undefined) continue;
    const extension = ending.toLowerCase();
    const sample = samples.get(key) ?? {};
    if (columns.image ? extension === columns.image.toLowerCase() : imageExtensions.includes(extension)) {
      sample.image = checkedImage(entry, sample.image, file);
    } else if (extension === (columns.label?.toLowerCase() ?? "cls")) {
      sample.label = textOf(entry, file).trim();
    } else if (extension === "json") {
      sample.label ??= labelInJson(entry, file, columns.label);
    } else continue;
    samples.set(key, sample);
  }
  return samples;
}

function checkedImage(entry: TarEntry, other: TarEntry | undefined, file: OpenFile): TarEntry {
  const where = `${file.path}: ${entry.name}`;
  if (other) {
    throw new LimbeckError(`"${other.name}" is an image of the same sample.`, {
      where,
      hint: "Say in columns.image which extension to take.",
    });
  }
  if (entry.size === 0) throw new LimbeckError("The image is empty.", { where });
  if (entry.size > MOST_IMAGE_BYTES) throw new LimbeckError(`The image has ${entry.size} bytes, more than ${MOST_IMAGE_BYTES}.`, { where });
  return entry;
}

function textOf(entry: TarEntry, file: OpenFile): string {
  if (entry.size <= MOST_LABEL_BYTES) return Buffer.from(file.bytes(entry.offset, entry.size)).toString();
  throw new LimbeckError(`A label of ${entry.size} bytes is none.`, { where: `${file.path}: ${entry.name}` });
}

/** Nothing where it says none: there may be a `cls` yet. */
function labelInJson(entry: TarEntry, file: OpenFile, column: string | undefined): string | undefined {
  const where = () => `${file.path}: ${entry.name}`;
  const record = jsonRecord(textOf(entry, file), where);
  const key = column ?? labelNames.find((name) => record.has(name));
  return key === undefined ? undefined : labelText(record.get(key), where);
}

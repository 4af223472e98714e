import { basename } from "node:path";
import { type ColumnMetaData, type FileMetaData, parquetSchema, type SchemaTree } from "hyparquet";
import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import type { ImageItemSplits, ParquetImages, ParquetPage, ParquetSource } from "../image-items.ts";
import { type FinishedLabels, type LabelTable, labelTable, labelText, namedLabels } from "../label-table.ts";
import { lookInto, type OpenFile } from "./file-bytes.ts";
import { fingerprintOf } from "./fingerprint.ts";
import {
  eachSplit,
  type ImageLocation,
  type ImageSourceOptions,
  labelNames,
  MOST_IMAGES,
  nameOf,
  noColumn,
  splitFiles,
} from "./image-locations.ts";
import { openParquetItems } from "./parquet-items.ts";
import { type ColumnType, type FoundPage, pagesOf, pageValues, readParquetMetadata } from "./parquet-pages.ts";
import { sharedInt32 } from "./shared-memory.ts";

/** Columns that hold images, the first of which is taken where neither the options nor the file's features name one. */
const imageNames: readonly string[] = ["image", "img", "jpg", "jpeg", "png", "webp", "picture", "image_bytes", "bytes"];

/**
 * Images in Parquet files, as Hugging Face lays them out: a column of `{ bytes, path }`, or of bytes, and one of labels, which are numbers or
 * names. Classes have the names that the file's features give them (`ClassLabel`). What is read at opening are labels and where the pages of
 * images lie; to read an image its page is read, and kept for its neighbours: up to 64 MB of pages, however large files and row groups are.
 *
 * @param location A directory with `train-*.parquet` and so on, a file, or the files of each split.
 * @throws LimbeckError when files or columns are missing or damaged, or are of kinds that can't be read.
 */
export async function openParquet(location: ImageLocation, options: ImageSourceOptions): Promise<ImageItemSplits> {
  const files = await splitFiles(location, options, [".parquet"]);
  const { columns = {} } = options;
  const [first = ""] = files.train;
  const { names } = await lookInto(first, async (file) => layoutOf(await readParquetMetadata(file), columns, first));
  const table = names ? namedLabels(names) : labelTable();
  const indexed = await eachSplit(files, (paths) => indexFiles(paths, columns, names, table));
  const labels = table.finish(nameOf(location, "train"));
  return eachSplit(indexed, (index, split) => openParquetItems(index.source(nameOf(location, split), labels)));
}

type Columns = NonNullable<ImageSourceOptions["columns"]>;
type Names = readonly string[] | undefined;

/** @returns What makes a source of the split, when the labels of all splits are known. */
async function indexFiles(paths: readonly string[], columns: Columns, names: Names, table: LabelTable) {
  const files: ParquetImages[] = [];
  const pages: ParquetPage[] = [];
  const added: number[] = [];
  const seen: { name: string; size: number; mtimeMs: number }[] = [];
  for (const [number, path] of paths.entries()) {
    await lookInto(path, async (file) => {
      const metadata = await readParquetMetadata(file);
      const layout = layoutOf(metadata, columns, path);
      if (JSON.stringify(layout.names) !== JSON.stringify(names)) {
        throw new LimbeckError("The file names other classes than the first.", { where: path, hint: "Give files of one data set." });
      }
      files.push({ path, first: added.length, optional: layout.image.type.optional });
      for (const { group, rows } of groupsOf(metadata, path, MOST_IMAGES - added.length)) {
        let first = added.length;
        for (const page of pagesOf(file, chunkOf(group, layout.image, path), rows)) {
          pages.push({ ...page, file: number, first });
          first += page.rows;
        }
        await readLabels(file, pagesOf(file, chunkOf(group, layout.label, path), rows), layout.label, (label) => {
          const row = added.length - (files.at(-1)?.first ?? 0);
          const where = () => `${path}, row ${row}`;
          added.push(table.add(labelText(label, where), where));
        });
      }
      seen.push({ name: `${basename(path)} ${layout.image.path.join(".")}`, size: file.size, mtimeMs: file.mtimeMs });
    });
  }
  if (added.length === 0) throw new LimbeckError("There are no rows.", { where: paths.join(", ") });
  return {
    source(name: string, { classes, labelOf }: FinishedLabels): ParquetSource {
      const labels = sharedInt32(added.map(labelOf));
      const fingerprint = fingerprintOf(classes, labels);
      for (const file of seen) fingerprint.add(file.name, file);
      return { name, classes, labels, fingerprint: fingerprint.digest(), files, pages };
    },
  };
}

type RowGroup = FileMetaData["row_groups"][number];

/** Row groups with their numbers of rows, when these make sense together. */
function groupsOf({ num_rows, row_groups }: FileMetaData, path: string, most: number): { group: RowGroup; rows: number }[] {
  const groups = row_groups.map((group) => ({ group, rows: Number(group.num_rows) }));
  const sum = groups.reduce((total, { rows }) => total + rows, 0);
  if (groups.some(({ rows }) => !(rows >= 0)) || sum !== Number(num_rows)) {
    throw new LimbeckError(`The file should have ${num_rows} rows, but its groups have ${sum}.`, { where: path, hint: "It is damaged." });
  }
  if (sum > most)
    throw new LimbeckError(`There are ${sum} rows: more than ${MOST_IMAGES} images.`, { where: path, hint: "Give fewer files." });
  return groups;
}

async function readLabels(file: OpenFile, pages: readonly FoundPage[], column: Column, take: (label: unknown) => void): Promise<void> {
  for (const page of pages) {
    const spans = page.dictionary ? [page.dictionary, page.span] : [page.span];
    const parts = spans.map(({ offset, length }) => Uint8Array.from(file.bytes(offset, length)));
    const bytes = new Uint8Array(Buffer.concat(parts)).buffer;
    for (const label of await pageValues(bytes, page, column.type, true, file.path)) take(label);
  }
}

/** A column whose values can be read by themselves. */
interface Column {
  readonly path: readonly string[];
  readonly type: ColumnType;
}

interface Layout {
  readonly image: Column;
  readonly label: Column;
  readonly names: Names;
}

function layoutOf(metadata: FileMetaData, wanted: Columns, where: string): Layout {
  const columns = columnsOf(metadata, where);
  const features = featuresOf(metadata);
  const find = (what: "image" | "label", feature: string, usual: readonly string[]): SchemaTree => {
    const named = (name: string | undefined) => columns.find(({ element }) => element.name === name);
    const ofFeature = columns.filter(({ element }) => features.get(element.name)?._type === feature);
    const byName = usual.map((name) => columns.find(({ element }) => element.name.toLowerCase() === name)).find(Boolean);
    const chosen = wanted[what];
    const found = chosen === undefined ? (ofFeature.length === 1 ? ofFeature[0] : byName) : named(chosen);
    if (found) return found;
    const names = columns.map(({ element }) => element.name);
    throw noColumn(what, chosen, names, where);
  };
  const label = find("label", "ClassLabel", labelNames);
  return {
    image: imageColumn(find("image", "Image", imageNames), where),
    label: labelColumn(label, where),
    names: features.get(label.element.name)?.names,
  };
}

const featureSchema = z.object({ _type: z.string(), names: z.array(z.string()).min(1).optional() });
const featuresSchema = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });

/** What the library `datasets` of Hugging Face says of the columns, which it writes into the file's metadata; nothing of what it says otherwise. */
function featuresOf({ key_value_metadata = [] }: FileMetaData): ReadonlyMap<string, z.output<typeof featureSchema>> {
  const text = key_value_metadata.find(({ key }) => key === "huggingface")?.value;
  const parsed = featuresSchema.safeParse(parsedJson(text ?? "{}"));
  const features = Object.entries(parsed.data?.info.features ?? {}).map(
    ([name, value]) => [name, featureSchema.safeParse(value).data] as const,
  );
  return new Map(features.flatMap(([name, feature]) => (feature ? [[name, feature]] : [])));
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function columnsOf(metadata: FileMetaData, where: string): readonly SchemaTree[] {
  try {
    return parquetSchema(metadata).children;
  } catch (cause) {
    throw new LimbeckError("The Parquet file has no schema that can be understood.", {
      where,
      hint: "It is damaged: get it again.",
      cause,
    });
  }
}

function imageColumn(column: SchemaTree, where: string): Column {
  const bytes = column.children.find(({ element }) => element.name === "bytes");
  const leaf = column.children.length > 0 ? bytes : column;
  const { type, converted_type, logical_type } = leaf?.element ?? {};
  if (!leaf || type !== "BYTE_ARRAY" || converted_type === "UTF8" || logical_type?.type === "STRING") {
    throw new LimbeckError(`The column "${column.element.name}" holds no bytes of images.`, {
      where,
      hint: "Images are bytes, or structs of bytes and path. Paths can be listed in a CSV file instead.",
    });
  }
  return columnAlong(leaf === column ? [column] : [column, leaf], where);
}

const labelTypes: readonly unknown[] = ["INT32", "INT64", "BOOLEAN", "BYTE_ARRAY"];

function labelColumn(column: SchemaTree, where: string): Column {
  const { name, type, converted_type = "", logical_type } = column.element;
  const meaning = logical_type?.type ?? converted_type;
  if (labelTypes.includes(type) && !/DECIMAL|DATE|TIME|JSON|BSON/.test(meaning)) return columnAlong([column], where);
  throw new LimbeckError(`The column "${name}" holds neither whole numbers nor texts.`, {
    where,
    hint: "Say which column holds the classes, in columns.label.",
  });
}

function columnAlong(nodes: readonly SchemaTree[], where: string): Column {
  const repeated = nodes.find(({ element }) => element.repetition_type === "REPEATED");
  if (repeated) throw new LimbeckError(`The column "${repeated.element.name}" holds lists.`, { where, hint: "An image has one label." });
  const { type, converted_type, logical_type } = (nodes.at(-1) as SchemaTree).element;
  return {
    path: nodes.map(({ element }) => element.name),
    type: { optional: nodes.map(({ element }) => element.repetition_type === "OPTIONAL"), type, more: { converted_type, logical_type } },
  };
}

function chunkOf({ columns }: RowGroup, { path }: Column, where: string): ColumnMetaData {
  const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join("\0") === path.join("\0"));
  if (chunk?.meta_data && !chunk.file_path) return chunk.meta_data;
  throw new LimbeckError(`A group of rows has no column "${path.join(".")}" in this file.`, {
    where,
    hint: "It is damaged: get it again.",
  });
}

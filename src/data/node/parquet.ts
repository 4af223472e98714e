import { basename } from "node:path";
import type { FileMetaData, SchemaTree } from "hyparquet";
import { LimbeckError } from "../../errors.ts";
import type { ImageItemSplits, ParquetImages, ParquetPage, ParquetSource } from "../image-items.ts";
import { type FinishedLabels, type LabelTable, labelTable, labelText, namedLabels } from "../label-table.ts";
import { lookInto } from "./file-bytes.ts";
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
import { type Column, chunkOf, columnAlong, columnsOf, featuresOf, groupsOf, readValues, valueColumn } from "./parquet-columns.ts";
import { openParquetItems } from "./parquet-items.ts";
import { pagesOf, readParquetMetadata } from "./parquet-pages.ts";
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
        await readValues(file, pagesOf(file, chunkOf(group, layout.label, path), rows), layout.label, (label) => {
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
    label: valueColumn(label, where, "Say which column holds the classes, in columns.label."),
    names: features.get(label.element.name)?.names,
  };
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

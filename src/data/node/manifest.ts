import { dirname, isAbsolute, normalize, sep, win32 } from "node:path";
import { LimbeckError } from "../../errors.ts";
import type { ImageItemSplits } from "../image-items.ts";
import { type LabelTable, labelTable, labelText } from "../label-table.ts";
import { fileItems } from "./file-items.ts";
import {
  eachSplit,
  type ImageLocation,
  type ImageSourceOptions,
  labelNames,
  MOST_IMAGES,
  nameOf,
  noColumn,
  type SplitName,
  splitFiles,
  splitNamed,
} from "./image-locations.ts";
import { type StringPacker, stringPacker } from "./packed-strings.ts";
import { recordsOf } from "./records.ts";

/** Columns that hold paths, the first of which is taken where the options name none. */
const imageNames: readonly string[] = ["image", "path", "file", "filename", "file_name", "filepath", "image_path", "img"];

/**
 * Images that a CSV, TSV or JSON Lines file lists, each with its label. Paths are relative to the file, and stay within its directory. Where
 * there is one file for all, a column `split` says where each image belongs; without it all are for training.
 *
 * @throws LimbeckError when files or columns are missing, rows are damaged, or paths lead elsewhere.
 */
export async function openManifest(location: ImageLocation, options: ImageSourceOptions): Promise<ImageItemSplits> {
  const files = await splitFiles(location, options, [".csv", ".tsv", ".jsonl", ".ndjson"]);
  const { columns = {} } = options;
  const rowsSaySplit = typeof location === "string" && !files.validation && !files.test;
  const table = labelTable();
  const lists: Lists = {};
  await eachSplit(files, async (paths, split) => {
    for (const path of paths) await readManifest(path, { split: rowsSaySplit ? undefined : split, columns, table, lists });
  });
  const { train, ...others } = lists;
  if (!train) throw new LimbeckError("There is no image for training.", { where: files.train.join(", ") });
  const { classes, labelOf } = table.finish(nameOf(location, "train"));
  return eachSplit({ train, ...others }, ({ directory, paths, labels, rowOf }, split) =>
    fileItems({
      name: nameOf(location, split),
      root: directory,
      paths: paths.packed(),
      labels: Int32Array.from(labels, labelOf),
      classes,
      askedIn: rowOf,
    }),
  );
}

/** The images of a split, as they are read. */
interface ImageList {
  readonly directory: string;
  readonly paths: StringPacker;
  /** What the table of labels gave. */
  readonly labels: number[];
  readonly rows: number[];
  readonly manifests: { readonly path: string; readonly first: number }[];
  rowOf(index: number): string;
}

type Lists = Partial<Record<SplitName, ImageList>>;
interface Reading {
  /** Of all rows; unless given, each says its own. */
  readonly split: SplitName | undefined;
  readonly columns: NonNullable<ImageSourceOptions["columns"]>;
  readonly table: LabelTable;
  readonly lists: Lists;
}

async function readManifest(path: string, { split, columns, table, lists }: Reading): Promise<void> {
  let found: Columns | undefined;
  let read = 0;
  for await (const { row, values } of recordsOf(path)) {
    if (!found) {
      found = columnsAmong(values.map(String), columns, path);
      continue;
    }
    const where = () => `${path}, row ${row}`;
    const list = listOf(split ?? splitOf(found, values, where), path, lists);
    list.paths.push(pathWithin(values[found.image], where));
    list.labels.push(table.add(labelText(values[found.label], where), where));
    list.rows.push(row);
    if (++read > MOST_IMAGES) throw new LimbeckError(`There are more than ${MOST_IMAGES} images.`, { where: path });
  }
  if (read > 0) return;
  throw new LimbeckError("There are no images.", { where: path, hint: "Write a row with the names of columns, then one for each image." });
}

interface Columns {
  readonly image: number;
  readonly label: number;
  readonly split: number | undefined;
}

function columnsAmong(names: readonly string[], wanted: Reading["columns"], path: string): Columns {
  const spelled = names.map((name) => name.trim().toLowerCase());
  const find = (what: "image" | "label", usual: readonly string[]) => {
    const chosen = wanted[what];
    const column = chosen === undefined ? spelled.indexOf(usual.find((name) => spelled.includes(name)) ?? "") : names.indexOf(chosen);
    if (column !== -1) return column;
    throw noColumn(what, chosen, names, path);
  };
  const split = spelled.indexOf("split");
  return { image: find("image", imageNames), label: find("label", labelNames), split: split === -1 ? undefined : split };
}

function splitOf({ split }: Columns, values: readonly unknown[], where: () => string): SplitName {
  if (split === undefined) return "train";
  const named = splitNamed(String(values[split]).trim());
  if (named) return named;
  throw new LimbeckError(`"${values[split]}" is no split.`, { where: where(), hint: "Write train, validation or test." });
}

/** The split's list, to which rows of the manifest are added next. */
function listOf(split: SplitName, path: string, lists: Lists): ImageList {
  const directory = dirname(path);
  lists[split] ??= emptyList(directory);
  const list = lists[split];
  if (list.directory !== directory) {
    throw new LimbeckError(`Files of one split are in ${list.directory} and here.`, { where: path, hint: "Put them into one directory." });
  }
  if (list.manifests.at(-1)?.path !== path) list.manifests.push({ path, first: list.rows.length });
  return list;
}

function emptyList(directory: string): ImageList {
  const [rows, manifests]: [number[], ImageList["manifests"]] = [[], []];
  return {
    ...{ directory, paths: stringPacker(), labels: [], rows, manifests },
    rowOf: (index) => `${manifests.findLast(({ first }) => first <= index)?.path}, row ${rows[index]}`,
  };
}

/** Whatever the system that wrote the file, or reads it: not absolute, and not above the directory. */
function pathWithin(value: unknown, where: () => string): string {
  if (typeof value !== "string" || value.trim() === "") {
    throw new LimbeckError("The row names no image.", { where: where(), hint: "Write a path, relative to the file." });
  }
  const path = normalize(value.trim());
  const leaves = isAbsolute(path) || win32.isAbsolute(path) || path.split(sep)[0] === ".." || path.split("\\")[0] === "..";
  if (!leaves && !path.includes("\0") && !/^[a-z]:/i.test(path)) return path;
  throw new LimbeckError(`The path ${JSON.stringify(value)} leads out of the directory.`, {
    where: where(),
    hint: "Paths are relative to the file, and stay within its directory.",
  });
}

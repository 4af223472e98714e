import type { ColumnMetaData, FileMetaData, SchemaTree } from "hyparquet";
import { parquetSchema } from "hyparquet";
import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import type { OpenFile } from "./file-bytes.ts";
import { type ColumnType, type FoundPage, pageValues } from "./parquet-pages.ts";

// Columns of Parquet files, and the groups of rows that they lie in.

export type RowGroup = FileMetaData["row_groups"][number];

/** Row groups with their numbers of rows, when these make sense together. */
export function groupsOf({ num_rows, row_groups }: FileMetaData, path: string, most: number): { group: RowGroup; rows: number }[] {
  const groups = row_groups.map((group) => ({ group, rows: Number(group.num_rows) }));
  const sum = groups.reduce((total, { rows }) => total + rows, 0);
  if (groups.some(({ rows }) => !(rows >= 0)) || sum !== Number(num_rows)) {
    throw new LimbeckError(`The file should have ${num_rows} rows, but its groups have ${sum}.`, { where: path, hint: "It is damaged." });
  }
  if (sum > most) throw new LimbeckError(`There are ${sum} rows: more than ${most}.`, { where: path, hint: "Give fewer files." });
  return groups;
}

/** Gives the values of a column of whole numbers or texts, in the order of the rows. */
export async function readValues(
  file: OpenFile,
  pages: readonly FoundPage[],
  column: Column,
  take: (value: unknown) => void,
): Promise<void> {
  for (const page of pages) {
    const spans = page.dictionary ? [page.dictionary, page.span] : [page.span];
    const parts = spans.map(({ offset, length }) => Uint8Array.from(file.bytes(offset, length)));
    const bytes = new Uint8Array(Buffer.concat(parts)).buffer;
    for (const value of await pageValues(bytes, page, column.type, true, file.path)) take(value);
  }
}

/** A column whose values can be read by themselves. */
export interface Column {
  readonly path: readonly string[];
  readonly type: ColumnType;
}

const featureSchema = z.object({ _type: z.string(), names: z.array(z.string()).min(1).optional() });
const featuresSchema = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });

/** What the library `datasets` of Hugging Face says of the columns, which it writes into the file's metadata; nothing of what it says otherwise. */
export function featuresOf({ key_value_metadata = [] }: FileMetaData): ReadonlyMap<string, z.output<typeof featureSchema>> {
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

export function columnsOf(metadata: FileMetaData, where: string): readonly SchemaTree[] {
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

const valueTypes: readonly unknown[] = ["INT32", "INT64", "BOOLEAN", "BYTE_ARRAY"];

/** A column of whole numbers or texts. @param hint What to do where it is something else. */
export function valueColumn(column: SchemaTree, where: string, hint: string): Column {
  const { name, type, converted_type = "", logical_type } = column.element;
  const meaning = logical_type?.type ?? converted_type;
  if (valueTypes.includes(type) && !/DECIMAL|DATE|TIME|JSON|BSON/.test(meaning)) return columnAlong([column], where);
  throw new LimbeckError(`The column "${name}" holds neither whole numbers nor texts.`, {
    where,
    hint,
  });
}

export function columnAlong(nodes: readonly SchemaTree[], where: string): Column {
  const repeated = nodes.find(({ element }) => element.repetition_type === "REPEATED");
  if (repeated)
    throw new LimbeckError(`The column "${repeated.element.name}" holds lists.`, { where, hint: "A sample has one value of each column." });
  const { type, converted_type, logical_type } = (nodes.at(-1) as SchemaTree).element;
  return {
    path: nodes.map(({ element }) => element.name),
    type: { optional: nodes.map(({ element }) => element.repetition_type === "OPTIONAL"), type, more: { converted_type, logical_type } },
  };
}

export function chunkOf({ columns }: RowGroup, { path }: Column, where: string): ColumnMetaData {
  const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join("\0") === path.join("\0"));
  if (chunk?.meta_data && !chunk.file_path) return chunk.meta_data;
  throw new LimbeckError(`A group of rows has no column "${path.join(".")}" in this file.`, {
    where,
    hint: "It is damaged: get it again.",
  });
}

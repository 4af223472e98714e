import { extname } from "node:path";
import { lookInto } from "./file-bytes.ts";
import { MOST_IMAGES } from "./image-locations.ts";
import { type Column, chunkOf, columnsOf, featuresOf, groupsOf, readValues, valueColumn } from "./parquet-columns.ts";
import { pagesOf, readParquetMetadata } from "./parquet-pages.ts";
import { type Row, recordsOf } from "./records.ts";

/** A file of rows with named columns. */
export interface TextTable {
  /** Of the columns; where there is no header, what the first row has. */
  readonly names: readonly string[];
  /** The classes that whole numbers in a column stand for, where the file says. */
  classesOf(column: number): readonly string[] | undefined;
  /**
   * The values of some columns, by their numbers.
   *
   * @throws LimbeckError when a row is damaged.
   */
  rows(columns: readonly number[]): AsyncIterable<Row>;
}

/** What a table may be, by the extension of its file. */
export const tableExtensions = [".tsv", ".csv", ".jsonl", ".ndjson", ".parquet"];

/**
 * Opens a file of texts.
 *
 * @param hasHeader Whether the first row of a CSV or TSV file has the names of columns.
 * @throws LimbeckError when it can't be read, or is damaged.
 */
export async function openTextTable(path: string, hasHeader: boolean): Promise<TextTable> {
  if (extname(path).toLowerCase() === ".parquet") return parquetTable(path);
  const records = recordsOf(path, { plainTabs: true });
  const { value: first } = await records.next();
  const names = (first?.values ?? []).map(String);
  return {
    names,
    classesOf: () => undefined,
    async *rows(columns) {
      const chosen = ({ row, values }: Row): Row => ({ row, values: columns.map((column) => values[column]) });
      if (!hasHeader && first) yield chosen(first);
      for await (const record of records) yield chosen(record);
    },
  };
}

async function parquetTable(path: string): Promise<TextTable> {
  const { columns, features } = await lookInto(path, async (file) => {
    const metadata = await readParquetMetadata(file);
    return { columns: columnsOf(metadata, path), features: featuresOf(metadata) };
  });
  const names = columns.map(({ element }) => element.name);
  return {
    names,
    classesOf: (column) => features.get(names[column] ?? "")?.names,
    async *rows(wanted) {
      const chosen = wanted.map((index) => {
        const column = columns[index];
        return column && valueColumn(column, path, "Say which columns hold texts and labels, in `columns`.");
      });
      const values = await Promise.all(chosen.map((column) => (column ? valuesOf(path, column) : [])));
      const rows = Math.max(...values.map(({ length }) => length));
      for (let row = 0; row < rows; row++) yield { row, values: values.map((ofColumn) => ofColumn[row]) };
    },
  };
}

async function valuesOf(path: string, column: Column): Promise<readonly unknown[]> {
  const values: unknown[] = [];
  await lookInto(path, async (file) => {
    for (const { group, rows } of groupsOf(await readParquetMetadata(file), path, MOST_IMAGES)) {
      await readValues(file, pagesOf(file, chunkOf(group, column, path), rows), column, (value) => values.push(value));
    }
  });
  return values;
}

import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { LimbeckError } from "../../errors.ts";
import { jsonRecord } from "../label-table.ts";
import { unreadable } from "./file-bytes.ts";

const MOST_ROW_CHARACTERS = 2 ** 20;

export interface RecordOptions {
  /** Quotes in TSV files are characters like others, as those of sentences are. */
  readonly plainTabs?: boolean;
}

/**
 * The rows of a CSV, TSV or JSON Lines file, the first with the names of columns.
 *
 * @throws LimbeckError when the file can't be read, or a row is damaged.
 */
export function recordsOf(path: string, options: RecordOptions = {}): AsyncGenerator<Row> {
  return /sv$/i.test(path) ? csvRecords(path, options) : jsonRecords(path);
}

/** A row of a file. */
export interface Row {
  /** From 1, as an editor counts lines of JSON, and a spreadsheet rows. */
  readonly row: number;
  readonly values: readonly unknown[];
}

async function* csvRecords(path: string, { plainTabs }: RecordOptions): AsyncGenerator<Row> {
  const isTabs = path.toLowerCase().endsWith(".tsv");
  const quote = isTabs && plainTabs ? null : '"';
  const delimiter = isTabs ? "\t" : ",";
  const parser = parse({ delimiter, quote, bom: true, trim: true, skip_empty_lines: true, max_record_size: MOST_ROW_CHARACTERS });
  pipeline(createReadStream(path), parser, () => {});
  let row = 0;
  try {
    for await (const values of parser) yield { row: ++row, values };
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw unreadable(path, cause);
    throw new LimbeckError("A row is damaged.", { where: path, hint: cause.message, cause });
  }
}

/** Before the first line, as row 0, its keys. */
async function* jsonRecords(path: string): AsyncGenerator<Row> {
  let keys: string[] | undefined;
  let row = 0;
  for await (const line of linesOf(path)) {
    row++;
    // Which takes away a mark of the byte order, too.
    const text = line.trim();
    if (text === "") continue;
    const record = jsonRecord(text, () => `${path}, row ${row}`);
    if (!keys) {
      keys = [...record.keys()];
      yield { row: 0, values: keys };
    }
    yield { row, values: keys.map((key) => record.get(key)) };
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  try {
    for await (const text of createReadStream(path, "utf8")) {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > MOST_ROW_CHARACTERS)
        throw new LimbeckError(`A row is longer than ${MOST_ROW_CHARACTERS} characters.`, { where: path });
      yield* lines;
    }
  } catch (cause) {
    throw cause instanceof LimbeckError ? cause : unreadable(path, cause);
  }
  yield rest;
}

import type { ColumnMetaData, CompressionCodec, FileMetaData, PageHeader, ParquetType, SchemaElement } from "hyparquet";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import type { ByteSpan, ParquetPage } from "../image-items.ts";
import type { OpenFile } from "./file-bytes.ts";
import { pageDecompressors } from "./page-decompressors.ts";

/** A page as `pagesOf` finds it: where it stands among others is not known yet. */
export type FoundPage = Omit<ParquetPage, "file" | "first">;

/** Of a file's description: one of 200,000 row groups has some 100 MB. */
const MOST_METADATA_BYTES = 2 ** 28;
/** The length of the description, and "PAR1". */
const TAIL = 8;
/** Of the description, what is relied on: the library takes what it finds. */
const neededMetadata = z.object({
  num_rows: z.bigint(),
  schema: z.array(z.object({ name: z.string() })).min(1),
  row_groups: z.array(
    z.object({
      num_rows: z.bigint(),
      columns: z.array(
        z.object({
          meta_data: z.object({
            path_in_schema: z.array(z.string()),
            codec: z.string(),
            total_compressed_size: z.bigint().nonnegative(),
            data_page_offset: z.bigint().nonnegative(),
            dictionary_page_offset: z.bigint().nonnegative().optional(),
          }),
        }),
      ),
    }),
  ),
});
/** Of a page, decompressed: what is held in memory to read one image. Writers' default is 1 MB, or 1024 rows. */
export const MOST_PAGE_BYTES = 2 ** 29;
/** Headers of pages are small, unless statistics stand in them. */
const HEADER_BYTES = [4096, 2 ** 20];

/**
 * The description at the end of a Parquet file.
 *
 * @throws LimbeckError when the file is none, damaged or cut short.
 */
export async function readParquetMetadata(file: OpenFile): Promise<FileMetaData> {
  const tail = file.size < TAIL ? Buffer.alloc(TAIL) : Buffer.from(file.bytes(file.size - TAIL, TAIL));
  const magic = tail.toString("latin1", 4);
  if (magic === "PARE") throw new LimbeckError("The file is encrypted.", { where: file.path, hint: "Decrypt it first." });
  if (magic !== "PAR1") {
    throw new LimbeckError("This is no Parquet file, or not the whole of one.", { where: file.path, hint: "Get it again." });
  }
  const length = tail.readUInt32LE(0) + TAIL;
  if (length > Math.min(file.size, MOST_METADATA_BYTES)) throw damaged(file.path, `its description should have ${length} bytes`);
  const description = Uint8Array.from(file.bytes(file.size - length, length));
  const metadata = await understood(file.path, () => parquetMetadata(description, { geoparquet: false }));
  const [issue] = neededMetadata.safeParse(metadata).error?.issues ?? [];
  if (issue) throw damaged(file.path, `in its description, ${issue.path.join(".")} can't be`);
  return metadata;
}

/**
 * The pages of a column in a row group, from their headers alone. Files have an index of pages only if they were written so.
 *
 * @param rows Of the group.
 * @throws LimbeckError when they are damaged, too large, or not of so many rows.
 */
export function pagesOf(file: OpenFile, chunk: ColumnMetaData, rows: number): FoundPage[] {
  const { codec } = chunk;
  if (codec !== "UNCOMPRESSED" && !Object.hasOwn(pageDecompressors, codec)) {
    throw new LimbeckError(`The column "${chunk.path_in_schema.join(".")}" is compressed by ${codec}.`, {
      where: file.path,
      hint: "Write the file with snappy, zstd, gzip, brotli or lz4.",
    });
  }
  const found: FoundPage[] = [];
  let offset = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const end = offset + Number(chunk.total_compressed_size);
  let dictionary: HeadedPage | undefined;
  for (let row = 0; row < rows; ) {
    const page = headedPage(file, offset, end);
    offset += page.span.length;
    if (page.type === "DICTIONARY_PAGE") dictionary = page;
    if (page.rows === 0) continue;
    row += page.rows;
    if (row > rows) throw damaged(file.path, `a group of ${rows} rows has a page of more`);
    const refersTo = page.refers ? dictionary : undefined;
    if (page.refers && !refersTo) throw damaged(file.path, "a dictionary is missing");
    found.push({ rows: page.rows, codec, span: page.span, dictionary: refersTo?.span, size: page.size + (refersTo?.size ?? 0) });
  }
  return found;
}

const whole = z.int().nonnegative();
/** Of a page's header, what is relied on. */
const neededHeader = z.object({ compressed_page_size: whole, uncompressed_page_size: whole }).and(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("DATA_PAGE"), data_page_header: z.object({ num_values: whole, encoding: z.string() }) }),
    z.object({
      type: z.literal("DATA_PAGE_V2"),
      data_page_header_v2: z.object({
        num_values: whole,
        num_nulls: whole,
        encoding: z.string(),
        definition_levels_byte_length: whole,
        repetition_levels_byte_length: z.literal(0),
      }),
    }),
    z.object({ type: z.literal("DICTIONARY_PAGE"), dictionary_page_header: z.object({ num_values: whole }) }),
    z.object({ type: z.literal("INDEX_PAGE") }),
  ]),
);

interface HeadedPage {
  readonly type: PageHeader["type"];
  /** 0 for pages without data. */
  readonly rows: number;
  /** Whether its values are numbers of those in the dictionary. */
  readonly refers: boolean;
  readonly size: number;
  readonly span: ByteSpan;
}

function headedPage(file: OpenFile, offset: number, end: number): HeadedPage {
  const { header, length } = pageHeader(file, offset, Math.min(end, file.size));
  const data =
    header.type === "DATA_PAGE_V2" ? header.data_page_header_v2 : header.type === "DATA_PAGE" ? header.data_page_header : undefined;
  const { uncompressed_page_size: size, compressed_page_size: compressed } = header;
  const levels = header.type === "DATA_PAGE_V2" ? header.data_page_header_v2.definition_levels_byte_length : 0;
  // A value of a dictionary takes at least 4 bytes: its length, or itself.
  const least = header.type === "DICTIONARY_PAGE" ? 4 * header.dictionary_page_header.num_values : levels;
  const span = { offset, length: length + compressed };
  if (offset + span.length > Math.min(end, file.size) || levels > compressed || least > size) {
    throw damaged(file.path, `the page at byte ${offset} can't be`);
  }
  if (size > MOST_PAGE_BYTES) {
    throw new LimbeckError(`The page at byte ${offset} has ${size} bytes, more than ${MOST_PAGE_BYTES}.`, {
      where: file.path,
      hint: "Write the file with smaller pages, or with fewer rows in a group (pyarrow: row_group_size=100).",
    });
  }
  return { type: header.type, rows: data?.num_values ?? 0, refers: data?.encoding.endsWith("_DICTIONARY") ?? false, size, span };
}

function pageHeader(file: OpenFile, offset: number, end: number): { header: z.output<typeof neededHeader>; length: number } {
  let failure: unknown;
  for (const most of HEADER_BYTES) {
    const bytes = file.bytes(offset, Math.max(0, Math.min(most, end - offset)));
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
    try {
      return { header: neededHeader.parse(parquetHeader(reader)), length: reader.offset };
    } catch (error) {
      failure = error;
    }
  }
  throw damaged(file.path, `there is no page at byte ${offset}`, failure);
}

/** What of a column is needed to understand its values. */
export interface ColumnType {
  /** Of the column and what contains it, outermost first: whether it may be null. */
  readonly optional: readonly boolean[];
  readonly type: SchemaElement["type"];
  /** What it says of the values besides. */
  readonly more?: Pick<SchemaElement, "converted_type" | "logical_type">;
}

/**
 * The values of a page: it is read as if it were a file of one column.
 *
 * @param bytes Of its dictionary, if it has one, and of itself.
 * @param text Whether bytes are to be read as UTF-8.
 * @param where For messages.
 */
export async function pageValues(
  bytes: ArrayBuffer,
  { rows, codec }: Pick<FoundPage, "rows" | "codec">,
  { optional, type, more }: ColumnType,
  text: boolean,
  where: string,
): Promise<unknown[]> {
  const path = optional.map((_, depth) => `level${depth}`);
  const elements = path.map((name, depth): SchemaElement => {
    const repetition_type = optional[depth] ? "OPTIONAL" : "REQUIRED";
    return depth === path.length - 1 ? { name, repetition_type, type, ...more } : { name, repetition_type, num_children: 1 };
  });
  const length = BigInt(bytes.byteLength);
  const metadata: FileMetaData = {
    version: 2,
    schema: [{ name: "root", num_children: 1 }, ...elements],
    num_rows: BigInt(rows),
    row_groups: [
      {
        columns: [
          {
            file_offset: 0n,
            meta_data: {
              ...{
                type: type as ParquetType,
                encodings: [],
                path_in_schema: path,
                codec: codec as CompressionCodec,
                num_values: BigInt(rows),
              },
              ...{ total_uncompressed_size: length, total_compressed_size: length, data_page_offset: 0n },
            },
          },
        ],
        total_byte_size: length,
        num_rows: BigInt(rows),
      },
    ],
    metadata_length: 0,
  };
  // Nothing but all of it is asked for.
  const file = { byteLength: bytes.byteLength, slice: () => bytes };
  const read = await understood(where, () => parquetReadObjects({ file, metadata, compressors: pageDecompressors, utf8: text }));
  if (read.length !== rows) throw damaged(where, `there are ${read.length} of ${rows} rows`);
  return path.reduce<unknown[]>((values, name) => values.map((value) => (value as Record<string, unknown> | null)?.[name]), read);
}

/** Whatever the library says of a file that it can't read, as one of our errors. */
async function understood<T>(where: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw damaged(where, (cause as Error).message, cause);
  }
}

function damaged(where: string, what: string, cause?: unknown): LimbeckError {
  return new LimbeckError(`The Parquet file can't be read: ${what}.`, {
    where,
    hint: "It is damaged or incomplete: get it again.",
    cause,
  });
}

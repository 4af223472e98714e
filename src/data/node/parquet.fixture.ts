/** A column of a Parquet file: texts, bytes, or whole numbers. */
export type ParquetColumn = readonly (string | Uint8Array | number)[];

const INT32 = 1;
const BYTE_ARRAY = 6;
const UTF8 = 0;
const REQUIRED = 0;
const RLE = 3;

/**
 * A Parquet file of one row group, a page to each column, uncompressed. A column without rows is taken for one of bytes.
 *
 * @param classes The names that the library `datasets` would write into it, for the column `label`.
 */
export function parquet(columns: Readonly<Record<string, ParquetColumn>>, classes?: readonly string[]): Buffer {
  const parts: Buffer[] = [Buffer.from("PAR1")];
  let offset = 4;
  const chunks = Object.entries(columns).map(([name, values]) => {
    const page = pageOf(values);
    parts.push(page);
    const [type, size, start] = [typeOf(values), page.length, offset];
    offset += size;
    const what = [
      [1, int(type)],
      [2, list(int(0))],
      [3, list(binary(name))],
      [4, int(0)],
      [5, long(values.length)],
    ] as const;
    return struct([2, long(start)], [3, struct(...what, [6, long(size)], [7, long(size)], [9, long(start)])]);
  });
  const rows = Object.values(columns)[0]?.length ?? 0;
  const elements = Object.entries(columns).map(([name, values]) => {
    const isText = typeof values[0] === "string";
    return struct([1, int(typeOf(values))], [3, int(REQUIRED)], [4, binary(name)], ...(isText ? [[6, int(UTF8)] as const] : []));
  });
  const group = struct([1, list(...chunks)], [2, long(offset)], [3, long(rows)]);
  const features = { info: { features: { label: { _type: "ClassLabel", names: classes } } } };
  const description = struct(
    [1, int(1)],
    [2, list(struct([4, binary("schema")], [5, int(elements.length)]), ...elements)],
    [3, long(rows)],
    [4, list(group)],
    ...(classes ? [[5, list(struct([1, binary("huggingface")], [2, binary(JSON.stringify(features))]))] as const] : []),
  ).bytes;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(description.length);
  return Buffer.concat([...parts, description, length, Buffer.from("PAR1")]);
}

const typeOf = (values: ParquetColumn): number => (typeof values[0] === "number" ? INT32 : BYTE_ARRAY);

function pageOf(values: ParquetColumn): Buffer {
  const data = Buffer.concat(values.map((value) => (typeof value === "number" ? little(value) : counted(Buffer.from(value)))));
  const header = struct([1, int(values.length)], [2, int(0)], [3, int(RLE)], [4, int(RLE)]);
  return Buffer.concat([struct([1, int(0)], [2, int(data.length)], [3, int(data.length)], [5, header]).bytes, data]);
}

function little(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

const counted = (bytes: Buffer): Buffer => Buffer.concat([little(bytes.length), bytes]);

/** A value in Thrift's compact protocol, with the number of its type. */
interface Thrift {
  readonly type: number;
  readonly bytes: Buffer;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

const int = (value: number): Thrift => ({ type: 5, bytes: varint(2 * value) });
const long = (value: number): Thrift => ({ type: 6, bytes: varint(2 * value) });

function binary(text: string): Thrift {
  return { type: 8, bytes: Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)]) };
}

/** Of up to 14. */
function list(...values: readonly Thrift[]): Thrift {
  return {
    type: 9,
    bytes: Buffer.concat([Buffer.from([(values.length << 4) | (values[0]?.type ?? 0)]), ...values.map(({ bytes }) => bytes)]),
  };
}

/** Fields by their numbers, ascending, none above the last by more than 15. */
function struct(...fields: readonly (readonly [id: number, value: Thrift])[]): Thrift {
  let last = 0;
  const bytes = fields.flatMap(([id, value]) => {
    const head = Buffer.from([((id - last) << 4) | value.type]);
    last = id;
    return [head, value.bytes];
  });
  return { type: 12, bytes: Buffer.concat([...bytes, Buffer.from([0])]) };
}

import { LimbeckError } from "../../errors.ts";
import type { OpenFile } from "./file-bytes.ts";

/** A file in a tar archive. */
export interface TarEntry {
  readonly name: string;
  /** Of its bytes in the archive. */
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
/** A name, or a record of pax, that is longer than this is damage. */
const LONGEST_NAME = 64 * 1024;
/** Archives are padded with zeros; by default to 10 KiB. */
const MOST_PADDING = 2 ** 20;

/**
 * The files in an uncompressed tar archive, from its headers alone: ustar (POSIX.1-1988), with the long names of GNU tar and of pax
 * (POSIX.1-2001). Directories are left out.
 *
 * @throws LimbeckError when it is damaged, cut short or compressed, or has links and other things that are no files.
 */
export function* tarEntries(file: OpenFile): Generator<TarEntry> {
  refuseCompressed(file);
  let next = 0;
  let longName: string | undefined;
  let longSize: number | undefined;
  for (;;) {
    const offset = next;
    const block = file.bytes(offset, BLOCK);
    if (block.length < BLOCK) throw damaged(file, offset, "The archive ends without its mark of the end");
    if (block.every((byte) => byte === 0)) return checkPadding(file, offset);
    const header = parseHeader(block, file, offset);
    const size = longSize ?? header.size;
    const start = offset + BLOCK;
    if (start + size > file.size)
      throw damaged(file, offset, `"${longName ?? header.name}" should have ${size} bytes, but the archive ends`);
    next = start + Math.ceil(size / BLOCK) * BLOCK;
    switch (header.type) {
      case "0":
      case "\0":
      case "7":
        yield { name: longName ?? header.name, offset: start, size };
        break;
      case "L":
        longName = textOf(nameBytes(file, start, size)).replace(/\0.*$/s, "");
        continue;
      case "x": {
        const records = paxRecords(nameBytes(file, start, size), file, start);
        longName = records.get("path") ?? longName;
        longSize = records.has("size") ? wholeSize(Number(records.get("size")), file, start) : undefined;
        continue;
      }
      case "g":
      case "K":
        continue;
      case "5":
        break;
      default:
        throw notFile(file, offset, longName ?? header.name);
    }
    longName = longSize = undefined;
  }
}

function refuseCompressed(file: OpenFile): void {
  const start = textOf(file.bytes(0, 4), "latin1");
  if (!start.startsWith("\x1f\x8b") && start !== "\x28\xb5\x2f\xfd") return;
  throw new LimbeckError("The archive is compressed.", {
    where: file.path,
    hint: "Decompress it first (gunzip, unzstd): images are read from the middle of it.",
  });
}

function parseHeader(block: Uint8Array, file: OpenFile, offset: number): { name: string; size: number; type: string } {
  const field = (start: number, length: number) => textOf(block.subarray(start, start + length)).replace(/\0.*$/s, "");
  // The sum of all bytes, those of the sum itself taken as spaces.
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (Number.parseInt(field(148, 8).trim(), 8) !== sum) throw damaged(file, offset, "There is no header of tar");
  const prefix = field(257, 6) === "ustar" ? field(345, 155) : "";
  const name = field(0, 100);
  return {
    name: prefix ? `${prefix}/${name}` : name,
    size: sizeOf(block, field(124, 12), file, offset),
    type: String.fromCharCode(block[156] as number),
  };
}

/** Octal digits; or, for what is too large for them, a big-endian number after the byte 0x80 (GNU). */
function sizeOf(block: Uint8Array, octal: string, file: OpenFile, offset: number): number {
  if (block[124] !== 0x80) return wholeSize(/^[0-7]+$/.test(octal.trim()) ? Number.parseInt(octal, 8) : Number.NaN, file, offset);
  return wholeSize(
    block.subarray(125, 136).reduce((number, byte) => number * 256 + byte, 0),
    file,
    offset,
  );
}

function wholeSize(size: number, file: OpenFile, offset: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw damaged(file, offset, "The header gives no size");
}

function nameBytes(file: OpenFile, offset: number, size: number): Uint8Array {
  if (size > LONGEST_NAME) throw damaged(file, offset, `A name has ${size} bytes`);
  return file.bytes(offset, size);
}

/** Records such as `30 path=some/long/name.jpg\n`, each of which begins with its own length. */
function paxRecords(bytes: Uint8Array, file: OpenFile, offset: number): Map<string, string> {
  const records = new Map<string, string>();
  for (let start = 0; start < bytes.length; ) {
    const [head = "", digits] = /^(\d{1,6}) /.exec(textOf(bytes.subarray(start, start + 8))) ?? [];
    const end = start + Number(digits);
    const record = textOf(bytes.subarray(start + head.length, end - 1));
    const equals = record.indexOf("=");
    if (!(end <= bytes.length) || end <= start + head.length || bytes[end - 1] !== 0x0a || equals < 1) {
      throw damaged(file, offset, "A header of pax can't be read");
    }
    records.set(record.slice(0, equals), record.slice(equals + 1));
    start = end;
  }
  return records;
}

/** After the end there are zeros only. A hole in a file that was not downloaded whole looks like the end. */
function checkPadding(file: OpenFile, offset: number): void {
  const rest = file.size - offset;
  const padding = file.bytes(offset, Math.min(rest, MOST_PADDING));
  if (rest <= MOST_PADDING && padding.every((byte) => byte === 0)) return;
  throw damaged(file, offset, "The archive goes on behind its end");
}

function textOf(bytes: Uint8Array, encoding?: BufferEncoding): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
}

function damaged(file: OpenFile, offset: number, what: string): LimbeckError {
  return new LimbeckError(`${what}.`, { where: `${file.path}, at byte ${offset}`, hint: "It is damaged or incomplete: get it again." });
}

function notFile(file: OpenFile, offset: number, name: string): LimbeckError {
  return new LimbeckError(`"${name}" is a link, or something else that is no file.`, {
    where: `${file.path}, at byte ${offset}`,
    hint: "Pack the archive anew, with files only (tar --dereference --hard-dereference).",
  });
}

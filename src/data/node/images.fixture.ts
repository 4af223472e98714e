import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";

/** An empty directory, and what removes it. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "limbeck-images-")));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes files, with their directories. */
export function writeFiles(root: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** An image of one colour. */
export function plain(color: string, width = 12, height = 12): Sharp {
  return sharp({ create: { width, height, channels: 3, background: color } });
}

/** An image in which every pixel differs, and every number gives another. */
export function noisy(number: number, width = 20, height = 16): Sharp {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, index) => ((index + 1) * (7919 + 31 * number)) % 251);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** A PNG file of grey zeros that says it has this size, and holds no more than a first bit of it. */
export function hollowPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const chunks: [string, Buffer][] = [
    ["IHDR", header],
    ["IDAT", deflateSync(Buffer.alloc(1000))],
    ["IEND", Buffer.alloc(0)],
  ];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...chunks.map(([type, data]) => pngChunk(type, data))]);
}

/** A TIFF file, uncompressed, of red, green, blue and two more channels of 8 bits. */
export function tiffOfFiveChannels(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(5 * width * height, 200);
  const [short, long, entries] = [3, 4, 9];
  const bits = 8 + 2 + 12 * entries + 4;
  const fields: [tag: number, type: number, count: number, value: number][] = [
    [256, long, 1, width],
    [257, long, 1, height],
    [258, short, 5, bits],
    [262, short, 1, 2],
    [273, long, 1, bits + 14],
    [277, short, 1, 5],
    [278, long, 1, height],
    [279, long, 1, pixels.length],
    [338, short, 2, 0],
  ];
  const head = Buffer.alloc(bits + 14);
  head.write("II*\0\x08", "latin1");
  head.writeUInt16LE(entries, 8);
  for (const [place, [tag, type, count, value]] of fields.entries()) {
    const start = 10 + 12 * place;
    head.writeUInt16LE(tag, start);
    head.writeUInt16LE(type, start + 2);
    head.writeUInt32LE(count, start + 4);
    head.writeUInt32LE(value, start + 8);
  }
  for (let channel = 0; channel < 5; channel++) head.writeUInt16LE(8, bits + 2 * channel);
  return Buffer.concat([head, pixels]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

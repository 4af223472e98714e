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

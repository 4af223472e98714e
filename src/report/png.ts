import { crc32, deflateSync } from "node:zlib";
import { LimbeckError } from "../errors.ts";

/**
 * A small picture as a `data:image/png;base64,` address (PNG specification, third edition, W3C 2025).
 * @param pixels `[height, width, channels]`, 0 to 255; one channel is grey, three are red, green, blue
 * @throws LimbeckError when `pixels` does not have that many values
 */
export function pngDataUri(pixels: Uint8Array, width: number, height: number, channels: 1 | 3): string {
  const stride = width * channels;
  if (pixels.length !== stride * height || pixels.length === 0) {
    throw new LimbeckError(
      `A picture of ${width} by ${height} pixels and ${channels} channels has ${stride * height} values, not ${pixels.length}.`,
    );
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 1 ? 0 : 2], 8); // bits per channel, colour type

  const rows = Buffer.alloc((stride + 1) * height); // each row starts with its filter: 0, none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);

  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const file = Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
  return `data:image/png;base64,${file.toString("base64")}`;
}

/** Length of the data, type, data, checksum of type and data. */
function chunk(type: string, data: Buffer): Buffer {
  const result = Buffer.alloc(12 + data.length);
  result.writeUInt32BE(data.length, 0);
  result.write(type, 4, "latin1");
  result.set(data, 8);
  result.writeUInt32BE(crc32(result.subarray(4, 8 + data.length)), 8 + data.length);
  return result;
}

import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { pngDataUri } from "./png.ts";

describe("pngDataUri", () => {
  test("any picture reads back, pixel by pixel", () => {
    const picture = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.constantFrom<1 | 3>(1, 3))
      .chain(([width, height, channels]) =>
        fc.record({
          width: fc.constant(width),
          height: fc.constant(height),
          channels: fc.constant(channels),
          pixels: fc.uint8Array({ minLength: width * height * channels, maxLength: width * height * channels }),
        }),
      );
    fc.assert(
      fc.property(picture, ({ pixels, width, height, channels }) => {
        expect(decode(pngDataUri(pixels, width, height, channels))).toEqual({
          width,
          height,
          colorType: channels === 1 ? 0 : 2,
          pixels: [...pixels],
        });
      }),
    );
  });

  test("is byte for byte what the specification asks for around the data", () => {
    const file = Buffer.from(pngDataUri(Uint8Array.of(128), 1, 1, 1).split(",")[1] ?? "", "base64");
    expect(file.subarray(0, 33).toString("hex")).toBe("89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55");
    expect(file.subarray(-12).toString("hex")).toBe("0000000049454e44ae426082");
  });

  test("refuses a picture of another size, and an empty one", () => {
    expect(() => pngDataUri(new Uint8Array(5), 2, 2, 1)).toThrow(LimbeckError);
    expect(() => pngDataUri(new Uint8Array(0), 0, 0, 1)).toThrow(LimbeckError);
  });
});

function decode(uri: string): { width: number; height: number; colorType: number | undefined; pixels: number[] } {
  const file = Buffer.from(uri.replace("data:image/png;base64,", ""), "base64");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    chunks.set(file.toString("latin1", at + 4, at + 8), file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const header = chunks.get("IHDR") ?? Buffer.alloc(13);
  const [width, height, colorType] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9]];
  const rows = inflateSync(chunks.get("IDAT") ?? Buffer.alloc(0));
  const stride = rows.length / height;
  const pixels = Array.from({ length: height }, (_, y) => {
    expect(rows[y * stride]).toBe(0); // no filter
    return [...rows.subarray(y * stride + 1, (y + 1) * stride)];
  }).flat();
  return { width, height, colorType, pixels };
}

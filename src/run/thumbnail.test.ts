import { inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { memorySamples } from "../data/samples.ts";
import { thumbnail } from "./thumbnail.ts";

/** Width, height, and rows of bytes of a PNG without filters. */
function read(uri: string | undefined) {
  const bytes = Buffer.from(uri?.split(",")[1] ?? "", "base64");
  const [width, height, start] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes.indexOf("IDAT")];
  const rows = inflateSync(bytes.subarray(start + 4, start + 4 + bytes.readUInt32BE(start - 4)));
  const stride = rows.length / height;
  return { width, height, rows: Array.from({ length: height }, (_, y) => [...rows.subarray(y * stride + 1, (y + 1) * stride)]) };
}

const sample = (sampleShape: readonly number[], pixels: Uint8Array) =>
  memorySamples({ name: "images", sampleShape, classes: ["one"], pixels, labels: Uint8Array.of(0) });

test("a small image is shown as it is, its channels beside each other", () => {
  const colour = sample([3, 1, 2], Uint8Array.of(1, 2, 30, 40, 200, 255));
  expect(read(thumbnail(colour, 0))).toEqual({ width: 2, height: 1, rows: [[1, 30, 200, 2, 40, 255]] });
});

test("a large one is shrunk, each pixel the mean of those that it stands for", () => {
  const [height, width] = [100, 193];
  const wide = sample(
    [1, height, width],
    Uint8Array.from({ length: height * width }, (_, index) => ((index % width) % 3 === 0 ? 90 : 0)),
  );
  const found = read(thumbnail(wide, 0));
  // 193 columns in steps of 3 are 65, the last of which stands for one column.
  expect([found.width, found.height]).toEqual([65, 34]);
  expect(found.rows[0]?.slice(0, 2)).toEqual([30, 30]);
  expect(found.rows[33]?.[64]).toBe(90);
});

test("what is no image has none", () => {
  expect(thumbnail(sample([4], Uint8Array.of(1, 2, 3, 4)), 0)).toBeUndefined();
  expect(thumbnail(sample([2, 1, 2], Uint8Array.of(1, 2, 3, 4)), 0)).toBeUndefined();
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../errors.ts";
import { idxSamples, parseIdx } from "./idx.ts";

function idx(shape: readonly number[], elements: ArrayLike<number>, type = 0x08): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + elements.length);
  bytes.set([0, 0, type, shape.length]);
  shape.forEach((size, axis) => {
    new DataView(bytes.buffer).setUint32(4 + 4 * axis, size);
  });
  bytes.set(Uint8Array.from(elements), 4 + 4 * shape.length);
  return bytes;
}

/** The whole message for a user. */
function complaint(bytes: Uint8Array): string {
  try {
    parseIdx(bytes, "images.idx");
  } catch (error) {
    if (error instanceof LimbeckError) return explain(error);
    throw error;
  }
  return "none";
}

describe("parseIdx", () => {
  it("reads the shape and the elements, wherever the bytes lie in their buffer", () => {
    const bytes = idx([2, 1, 300], new Uint8Array(600).fill(7));
    const shifted = new Uint8Array(bytes.length + 5);
    shifted.set(bytes, 5);
    expect(parseIdx(shifted.subarray(5), "x")).toEqual({ shape: [2, 1, 300], data: new Uint8Array(600).fill(7) });
  });

  it("refuses every truncation and every excess, telling the lengths", () => {
    const whole = idx([2, 3], [1, 2, 3, 4, 5, 6]);
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), (length) => {
        expect(complaint(whole.subarray(0, length))).toMatch(new RegExp(`Expected .*, found ${length}\\. \\(in images\\.idx\\)`));
      }),
    );
    expect(complaint(whole.subarray(0, 17))).toContain("Expected 18 bytes for shape [2, 3], found 17.");
    expect(complaint(Uint8Array.of(...whole, 0))).toContain("Expected 18 bytes for shape [2, 3], found 19.");
  });

  it("throws nothing but LimbeckErrors, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, plausible) => {
        if (plausible) bytes.set([0, 0, 8].slice(0, bytes.length));
        complaint(bytes);
      }),
    );
  });

  it.each([
    ["another format", Uint8Array.of(0x89, 0x50, 0x4e, 0x47), "This is not an IDX file: it starts with 89 50 4e 47."],
    ["an unknown type", Uint8Array.of(0, 0, 7, 1), "This is not an IDX file: it starts with 00 00 07 01."],
    ["no dimensions", Uint8Array.of(0, 0, 8, 0), "This is not an IDX file: it starts with 00 00 08 00."],
    ["floats", idx([1], [0, 0, 0, 0], 0x0d), "The elements are of type 32-bit float (code 0x0d)."],
    ["a gzip file", Uint8Array.of(0x1f, 0x8b, 8, 0), "Decompress it first (gunzip)."],
    ["a huge shape", idx([0xffffffff, 0xffffffff, 0xffffffff], [1]), "impossible shape [4294967295, 4294967295, 4294967295]."],
    ["an infinite shape", idx(new Array<number>(200).fill(0xffffffff), [1]), "The header gives the impossible shape"],
    ["an empty shape", idx([0, 28, 28], []), "The header gives the impossible shape [0, 28, 28]."],
  ])("refuses %s", (_, bytes, message) => {
    expect(complaint(bytes)).toContain(message);
  });
});

describe("idxSamples", () => {
  const images = parseIdx(idx([2, 1, 2], [0, 255, 255, 0]), "images");

  it("makes samples of one channel", () => {
    const samples = idxSamples("tiny", images, parseIdx(idx([2], [1, 0]), "labels"), ["0", "1"]);
    const out = new Float32Array(2);
    samples.read(1, out);
    expect([samples.sampleShape, samples.length, samples.label(0), [...out]]).toEqual([[1, 1, 2], 2, 1, [1, 0]]);
  });

  it("refuses images and labels that disagree in number, or are swapped", () => {
    const labels = parseIdx(idx([3], [1, 0, 1]), "labels");
    expect(() => idxSamples("tiny", images, labels, ["0", "1"])).toThrow("There are 2 images but 3 labels.");
    expect(() => idxSamples("tiny", labels, images, ["0", "1"])).toThrow("Images of shape [3] with labels of shape [2, 1, 2].");
  });
});

import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import { memorySamples, type Samples } from "./samples.ts";

/** An array of bytes read from an IDX file. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major; a view of the file's bytes, not a copy. */
  readonly data: Uint8Array;
}

const UBYTE = 0x08;
const typeNames = new Map([
  [UBYTE, "unsigned byte"],
  [0x09, "signed byte"],
  [0x0b, "16-bit integer"],
  [0x0c, "32-bit integer"],
  [0x0d, "32-bit float"],
  [0x0e, "64-bit float"],
]);
/** No file that was read whole is larger: a header that claims more is damaged. */
const MOST_BYTES = 2 ** 32;

/**
 * Reads an IDX file of unsigned bytes, the format of MNIST: two zero bytes, a type code, the number of dimensions, each dimension as a
 * big-endian 32-bit integer, then the elements (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").
 *
 * @param where The file's name, for messages.
 * @throws LimbeckError when the bytes are not such a file, or not the whole of one.
 */
export function parseIdx(bytes: Uint8Array, where: string): IdxArray {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw new LimbeckError("This is a gzip file, not an IDX file.", { where, hint: "Decompress it first (gunzip)." });
  }
  if (bytes.length < 4) throw wrongLength(where, "at least 4 bytes", bytes.length);
  const [zero, alsoZero, type, rank] = bytes as unknown as readonly [number, number, number, number];
  if (zero !== 0 || alsoZero !== 0 || !typeNames.has(type) || rank === 0) {
    const magic = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new LimbeckError(`This is not an IDX file: it starts with ${magic}.`, {
      where,
      hint: "MNIST images start with 00 00 08 03, labels with 00 00 08 01.",
    });
  }
  if (type !== UBYTE) {
    throw new LimbeckError(`The elements are of type ${typeNames.get(type)} (code 0x${type.toString(16).padStart(2, "0")}).`, {
      where,
      hint: "Only IDX files of unsigned bytes (code 0x08) can be read.",
    });
  }
  const headerLength = 4 + 4 * rank;
  if (bytes.length < headerLength) throw wrongLength(where, `at least ${headerLength} bytes`, bytes.length);
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerLength);
  const shape = Array.from({ length: rank }, (_, axis) => header.getUint32(4 + 4 * axis));
  const expected = headerLength + elementCount(shape);
  if (shape.includes(0) || !(expected <= MOST_BYTES)) {
    throw new LimbeckError(`The header gives the impossible shape ${formatShape(shape)}.`, {
      where,
      hint: "The file is damaged: get it again.",
    });
  }
  if (bytes.length !== expected) throw wrongLength(where, `${expected} bytes for shape ${formatShape(shape)}`, bytes.length);
  return { shape, data: bytes.subarray(headerLength) };
}

/**
 * Images `[N, H, W]` and their labels `[N]` as samples of shape `[1, H, W]`.
 *
 * @throws LimbeckError when the arrays have other ranks or disagree in number, or a label has no class.
 */
export function idxSamples(name: string, images: IdxArray, labels: IdxArray, classes: readonly string[]): Samples {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new LimbeckError(`Images of shape ${formatShape(images.shape)} with labels of shape ${formatShape(labels.shape)}.`, {
      where: name,
      hint: "Images must be [N, height, width] and labels [N]; the two files may have been swapped.",
    });
  }
  if (count !== labels.shape[0]) {
    throw new LimbeckError(`There are ${count} images but ${labels.shape[0]} labels.`, {
      where: name,
      hint: "The two files are not of one data set.",
    });
  }
  return memorySamples({ name, sampleShape: [1, height as number, width as number], classes, pixels: images.data, labels: labels.data });
}

function wrongLength(where: string, expected: string, found: number): LimbeckError {
  return new LimbeckError(`Expected ${expected}, found ${found}.`, { where, hint: "The file is damaged or incomplete: get it again." });
}

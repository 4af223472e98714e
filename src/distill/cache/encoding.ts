import { LimbeckError } from "../../errors.ts";
import { elementCount, widened } from "../../graph/tensor.ts";
import { toFloat16 } from "./float16.ts";
import { decodeTopK, encodeTopK, topKBytes } from "./top-k.ts";

/** How outputs are stored: as they are, in half precision, or only the highest logits of each sample. */
export type Encoding = "float32" | "float16" | { readonly topK: number };

/** Turns one sample's output into a record of fixed size and back. Records start at multiples of four bytes and are little-endian. */
export interface Codec {
  /** What it is called in the key of the cache. */
  readonly name: string;
  readonly recordBytes: number;
  /** @throws LimbeckError when the values can't be stored. */
  encode(values: Float32Array, record: Uint8Array): void;
  /** @param temperature Of the softmax that the values are for; it matters only to what top-k leaves out. */
  decode(record: Uint8Array, values: Float32Array, temperature: number): void;
}

/**
 * The codec for outputs of one shape.
 *
 * @param shape Of one sample. `topK` is for logits, a single axis; of another shape, or where there are hardly more than k classes, it
 *   would save nothing, and float16 stands in for it.
 */
export function codecFor(encoding: Encoding, shape: readonly number[]): Codec {
  const count = elementCount(shape);
  if (encoding === "float32") return float32Codec(count);
  if (encoding === "float16" || shape.length !== 1 || topKBytes(count, Math.min(encoding.topK, count)) >= 2 * count)
    return float16Codec(count);
  return topKCodec(count, encoding.topK);
}

function float32Codec(count: number): Codec {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);
  return {
    name: "float32",
    recordBytes: 4 * count,
    encode: (values, record) => record.set(bytesOf(values)),
    decode: (record, values) => bytesOf(values).set(record),
  };
}

function float16Codec(count: number): Codec {
  return {
    name: "float16",
    recordBytes: 4 * Math.ceil(count / 2),
    encode: (values, record) => {
      const halves = new Uint16Array(record.buffer, record.byteOffset, count);
      values.forEach((value, index) => {
        halves[index] = toFloat16(value);
        if ((halves[index] as number) % 0x8000 !== INFINITY || !Number.isFinite(value)) return;
        throw new LimbeckError(`The teacher gives ${value.toPrecision(4)}, and float16 ends at 65504.`, {
          where: "cache.encoding",
          hint: "Use float32.",
        });
      });
    },
    decode: ({ buffer, byteOffset }, values) =>
      values.set(widened({ type: "float16", shape: [count], data: new Uint16Array(buffer, byteOffset, count) }).data),
  };
}

const INFINITY = 0x7c00;

function topKCodec(count: number, k: number): Codec {
  return {
    name: `top-${k}`,
    recordBytes: topKBytes(count, k),
    encode: (values, record) => encodeTopK(values, k, record),
    decode: (record, values, temperature) => decodeTopK(record, k, temperature, values),
  };
}

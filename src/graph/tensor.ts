import { LimbeckError } from "../errors.ts";

/** The element types of ONNX that Limbeck reads and writes. */
export type ElementType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string";

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

/** Dense data with a shape, row-major. float16 and bfloat16 are held as their bits in a Uint16Array; bool as bytes 0 and 1. */
export interface Tensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface Float32Tensor extends Tensor {
  readonly type: "float32";
  readonly data: Float32Array;
}

const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** The typed array class that holds elements of `type`. */
export function arrayTypeOf<T extends Exclude<ElementType, "string">>(type: T): (typeof arrayTypes)[T] {
  return arrayTypes[type];
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A tensor of zeros (empty strings for "string"). */
export function zeros(type: ElementType, shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  return { type, shape, data: type === "string" ? new Array<string>(count).fill("") : new arrayTypes[type](count) };
}

export function float32(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Float32Tensor {
  return checked({ type: "float32", shape, data: data instanceof Float32Array ? data : Float32Array.from(data) });
}

export function int32(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Tensor {
  return checked({ type: "int32", shape, data: data instanceof Int32Array ? data : Int32Array.from(data) });
}

export function int64(data: readonly (number | bigint)[], shape: readonly number[] = [data.length]): Tensor {
  return checked({ type: "int64", shape, data: BigInt64Array.from(data, toInt64) });
}

/** 2^63 and beyond become 2^63 − 1: the exporters' "to the end", which a double rounds up. */
export function toInt64(value: number | bigint): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}

/** The elements as plain numbers; for small tensors such as shapes and axes. */
export function toNumbers(tensor: Tensor): number[] {
  if (tensor.type === "string") throw new LimbeckError("A string tensor cannot be read as numbers.");
  if (tensor.type === "float16" || tensor.type === "bfloat16") {
    const decode = tensor.type === "float16" ? float16ToNumber : bfloat16ToNumber;
    return Array.from(tensor.data as Uint16Array, decode);
  }
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16ToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] as number;
}

function checked<T extends Tensor>(tensor: T): T {
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new LimbeckError(
      `A tensor of shape [${tensor.shape.join(", ")}] needs ${elementCount(tensor.shape)} elements, not ${tensor.data.length}.`,
    );
  }
  return tensor;
}

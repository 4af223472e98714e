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
  | "string"
  | OpaqueType;

/** Types that are carried along and written back, but not computed with here: 8-bit floats, and what several elements share a byte for. */
export type OpaqueType =
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "float8e8m0"
  | "float4e2m1"
  | "int4"
  | "uint4"
  | "int2"
  | "uint2";

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

/**
 * Dense data with a shape, row-major. float16 and bfloat16 are held as their bits in a Uint16Array, 8-bit floats as theirs in a Uint8Array;
 * bool as bytes 0 and 1; elements of 4 and 2 bits as ONNX packs them, the first of a byte in its lowest bits.
 */
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
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  float8e8m0: Uint8Array,
  float4e2m1: Uint8Array,
  int4: Uint8Array,
  uint4: Uint8Array,
  int2: Uint8Array,
  uint2: Uint8Array,
} as const;
/** How many elements share a byte. */
const packing: Readonly<Partial<Record<ElementType, number>>> = { float4e2m1: 2, int4: 2, uint4: 2, int2: 4, uint2: 4 };

/** The typed array class that holds elements of `type`. */
export function arrayTypeOf<T extends Exclude<ElementType, "string">>(type: T): (typeof arrayTypes)[T] {
  return arrayTypes[type];
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The length of the data of a tensor: its number of elements, or of bytes where several share one. */
export function dataLength(type: ElementType, shape: readonly number[]): number {
  return Math.ceil(elementCount(shape) / (packing[type] ?? 1));
}

/** Whether elements of the type are carried along only. */
export function isOpaque(type: ElementType): type is OpaqueType {
  return type in packing || type.startsWith("float8");
}

/** A tensor of zeros (empty strings for "string"). */
export function zeros(type: ElementType, shape: readonly number[]): Tensor {
  const count = dataLength(type, shape);
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
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (typeof value === "number" && !Number.isInteger(value)) throw new LimbeckError(`${value} is no whole number.`);
  return BigInt(value);
}

/** The elements as plain numbers; for small tensors such as shapes and axes. */
export function toNumbers(tensor: Tensor): number[] {
  if (tensor.type === "string" || isOpaque(tensor.type)) throw new LimbeckError(`A ${tensor.type} tensor cannot be read as numbers.`);
  if (tensor.type === "float16" || tensor.type === "bfloat16") return Array.from(widened(tensor).data);
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** A float16 or bfloat16 tensor in float32, which holds each of their numbers exactly. */
export function widened(tensor: Tensor): Float32Tensor {
  const bits = tensor.data as Uint16Array;
  const data = new Float32Array(bits.length);
  if (tensor.type === "bfloat16") new Uint32Array(data.buffer).set(Uint32Array.from(bits, (half) => half << 16));
  else {
    float16Numbers ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => float16ToNumber(half));
    for (let index = 0; index < bits.length; index++) data[index] = float16Numbers[bits[index] as number] as number;
  }
  return { type: "float32", shape: tensor.shape, data };
}

/** The number behind each of the 65536 bit patterns, made when first needed. */
let float16Numbers: Float32Array | undefined;

function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function checked<T extends Tensor>(tensor: T): T {
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new LimbeckError(
      `A tensor of shape [${tensor.shape.join(", ")}] needs ${elementCount(tensor.shape)} elements, not ${tensor.data.length}.`,
    );
  }
  return tensor;
}

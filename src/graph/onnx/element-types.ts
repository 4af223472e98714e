import { LimbeckError } from "../../errors.ts";
import type { ElementType } from "../tensor.ts";

/** ONNX's numbers for element types (`TensorProto.DataType`). */
const codes: Record<ElementType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
  uint2: 25,
  int2: 26,
};
const names = new Map(Object.entries(codes).map(([name, code]) => [code, name as ElementType]));

export function codeOfElementType(type: ElementType): number {
  return codes[type];
}

/** What other codes mean, for the message. */
const unsupported = new Map([
  [0, "undefined"],
  [14, "complex64"],
  [15, "complex128"],
]);

/** @throws LimbeckError for a code that Limbeck doesn't handle (complex numbers, types that are not ONNX's). */
export function elementTypeOfCode(code: number, where: string): ElementType {
  const name = names.get(code);
  if (!name) {
    const known = unsupported.get(code);
    throw new LimbeckError(`Element type ${known ?? `number ${code}`} is not supported.`, { where, hint: "Export the model in float32." });
  }
  return name;
}

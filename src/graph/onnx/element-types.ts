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
};
const names = new Map(Object.entries(codes).map(([name, code]) => [code, name as ElementType]));

export function codeOfElementType(type: ElementType): number {
  return codes[type];
}

/** @throws LimbeckError for a code that Limbeck doesn't handle (complex, float8, 4-bit). */
export function elementTypeOfCode(code: number, where: string): ElementType {
  const name = names.get(code);
  if (!name) {
    throw new LimbeckError(`Element type number ${code} is not supported.`, { where, hint: "Export the model in float32." });
  }
  return name;
}

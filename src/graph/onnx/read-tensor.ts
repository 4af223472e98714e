import type { TensorProto } from "onnx-buf";
import { arrayTypeOf, dataLength, elementCount, type Tensor, type TensorData } from "../tensor.ts";
import { decodeText, notOnnx } from "./decode.ts";
import { elementTypeOfCode } from "./element-types.ts";
import { type ExternalFiles, externalBytes, isExternal } from "./external-data.ts";
import { MOST_AXES } from "./limits.ts";

/** @throws LimbeckError when type, shape and data of the tensor don't fit each other; before memory is taken for it. */
export function readTensor(proto: TensorProto, files: ExternalFiles, parent: string): Tensor {
  const where = `${parent}, tensor "${proto.name}"`;
  const type = elementTypeOfCode(proto.dataType, where);
  const shape = proto.dims.map(Number);
  if (shape.length > MOST_AXES) throw notOnnx(where, `it has ${shape.length} axes`);
  if (![...shape, elementCount(shape)].every((size) => size >= 0 && Number.isSafeInteger(size)))
    throw notOnnx(where, `its shape [${shape.join(", ")}] makes no sense`);
  const count = dataLength(type, shape);
  const data = type === "string" ? proto.stringData.map((bytes) => decodeText(bytes, where)) : numericData(proto, type, files, where);
  if (data.length !== count) throw notOnnx(where, `it should hold ${count} elements but holds ${data.length}`);
  return { type, shape, data };
}

function numericData(proto: TensorProto, type: Exclude<Tensor["type"], "string">, files: ExternalFiles, where: string): TensorData {
  const ArrayType = arrayTypeOf(type);
  const raw = isExternal(proto) ? externalBytes(proto, files, where) : proto.rawData;
  if (raw.length > 0) {
    if (raw.length % ArrayType.BYTES_PER_ELEMENT !== 0) throw notOnnx(where, `${raw.length} bytes do not divide into ${type} elements`);
    // A copy of its own: the bytes may lie unaligned, or in a Buffer that shares its memory with others.
    return new ArrayType(new Uint8Array(raw).buffer);
  }
  switch (type) {
    case "float32":
      return Float32Array.from(proto.floatData);
    case "float64":
      return Float64Array.from(proto.doubleData);
    case "int64":
      return BigInt64Array.from(proto.int64Data);
    case "uint64":
      return BigUint64Array.from(proto.uint64Data);
    case "uint32":
      return Uint32Array.from(proto.uint64Data, Number);
    default:
      return arrayTypeOf(type).from(proto.int32Data);
  }
}

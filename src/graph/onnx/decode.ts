import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { LimbeckError } from "../../errors.ts";

/**
 * The protobuf message of an ONNX file. Messages within messages are followed 100 deep, which is 33 graphs within graphs.
 *
 * @throws LimbeckError when the bytes are no such message.
 */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { recursionLimit: 100, readUnknownFields: false });
  } catch (cause) {
    throw notOnnx(source, cause instanceof Error ? cause.message : "it cannot be decoded", cause);
  }
}

export function notOnnx(where: string, why: string, cause?: unknown): LimbeckError {
  return new LimbeckError(`Not a readable ONNX model: ${why}.`, {
    where,
    hint: "Check that the file is complete and really is an .onnx file.",
    cause,
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as the text that ONNX says they are. @throws LimbeckError when they are none, and so could not be written back. */
export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new LimbeckError("A string of the model is not UTF-8 text.", { where, cause });
  }
}

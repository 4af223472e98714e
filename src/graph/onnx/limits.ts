import { LimbeckError } from "../../errors.ts";

/** The most bytes that a protobuf message, and so an ONNX file, can have. */
export const PROTOBUF_LIMIT = 2 ** 31 - 1;
/** More axes than any tensor of a real model has. */
export const MOST_AXES = 64;
/** More inputs or outputs than any node of a real model has; beyond this they don't fit into the arguments of a function. */
export const MOST_OPERANDS = 2 ** 14;
/** More sizes, axes or pads than an operator of a real model takes. */
export const MOST_SIZES = 2 ** 12;
/** More graphs within graphs than any real model has: the branches of an If, the body of a Loop. */
export const DEEPEST_GRAPH = 48;
/** More nodes, with the names that they mention, than inlining functions or unrolling loops makes of any real model. */
export const MOST_COPIED = 2 ** 18;
/** More characters than their names need. */
export const MOST_COPIED_CHARACTERS = 2 ** 27;

export function tooLarge(where: string): LimbeckError {
  return new LimbeckError("The model is larger than one ONNX file can be (2 GB).", { where });
}

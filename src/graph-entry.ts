/**
 * ONNX graphs as values, and their derivatives. Runs in Node and in a browser; needs no ONNX Runtime.
 *
 * @packageDocumentation
 */
export { backpropagate, gradient } from "./autodiff/gradient.ts";
export { LimbeckError } from "./errors.ts";
export * from "./graph/attributes.ts";
export { type GraphBuilder, graphBuilder } from "./graph/builder/builder.ts";
export type { EmitOptions, Operand } from "./graph/builder/emitter.ts";
export { type InlineOptions, inlineGraph } from "./graph/builder/inline.ts";
export type { ReduceOptions } from "./graph/builder/reduction.ts";
export type { WindowOptions } from "./graph/builder/window.ts";
export {
  type Attribute,
  type Attributes,
  type Dim,
  formatShape,
  type Graph,
  MICROSOFT,
  type Node,
  OPSET,
  type Shape,
  type Value,
  type ValueInfo,
} from "./graph/graph.ts";
export { type ExternalFiles, externalFiles, withExternalData } from "./graph/onnx/external-data.ts";
export { type ReadOptions, readOnnx } from "./graph/onnx/read.ts";
export { writeOnnx } from "./graph/onnx/write.ts";
export { openBatch } from "./graph/rewrite/batch.ts";
export { canonicalize } from "./graph/rewrite/canonicalize.ts";
export { foldControlFlow } from "./graph/rewrite/control-flow.ts";
export { foldConstants } from "./graph/rewrite/fold.ts";
export { bindDimensions, inferShapes, symbolicDimensions } from "./graph/rewrite/infer.ts";
export { pruneDead } from "./graph/rewrite/prune.ts";
export { renameValues } from "./graph/rewrite/rename.ts";
export { widenFloats } from "./graph/rewrite/widen.ts";
export {
  arrayTypeOf,
  type ElementType,
  elementCount,
  type Float32Tensor,
  float32,
  int32,
  int64,
  type Tensor,
  type TensorData,
  toNumbers,
  zeros,
} from "./graph/tensor.ts";
export { type InitializerRoles, initializerRoles } from "./graph/weights.ts";

import { LimbeckError } from "../../errors.ts";
import { describeNode, formatShape } from "../graph.ts";
import { MOST_AXES } from "../onnx/limits.ts";
import { attentionShapes } from "./attention.ts";
import { blockedShapes } from "./blocked.ts";
import { convolutionShapes } from "./convolution.ts";
import { einsumShapes } from "./einsum.ts";
import { elementwiseShapes } from "./elementwise.ts";
import { generateShapes } from "./generate.ts";
import { indexingShapes } from "./indexing.ts";
import { layoutShapes } from "./layout.ts";
import { linearShapes } from "./linear.ts";
import { lossShapes } from "./losses.ts";
import { normalizationShapes } from "./normalization.ts";
import { poolingShapes } from "./pooling.ts";
import { quantizationShapes } from "./quantization.ts";
import { recurrentShapes } from "./recurrent.ts";
import { reductionShapes } from "./reduction.ts";
import { invalid, type ShapeContext, type ShapeRule, type ValueType } from "./rule.ts";
import { sliceShapes } from "./slice.ts";
import { spatialShapes } from "./spatial.ts";

/** The rule of every operator whose shapes can be inferred; `domain:Operator` outside ONNX's own domain. */
export const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...elementwiseShapes,
  ...linearShapes,
  ...convolutionShapes,
  ...blockedShapes,
  ...poolingShapes,
  ...reductionShapes,
  ...normalizationShapes,
  ...layoutShapes,
  ...sliceShapes,
  ...indexingShapes,
  ...generateShapes,
  ...spatialShapes,
  ...einsumShapes,
  ...recurrentShapes,
  ...attentionShapes,
  ...lossShapes,
  ...quantizationShapes,
};

/**
 * Type and shape of each output of a node.
 *
 * @throws LimbeckError naming the node when the operator is unknown or the inputs do not fit it.
 */
export function inferOutputs(context: ShapeContext): readonly ValueType[] {
  const { op, domain } = context.node;
  const key = domain ? `${domain}:${op}` : op;
  const rule = Object.hasOwn(shapeRules, key) ? shapeRules[key] : undefined;
  if (!rule) throw new LimbeckError(`No shape rule for ${describeNode(context.node)} (opset ${context.opset}).`);
  const outputs = rule(context);
  for (const { shape } of outputs) {
    // What only a damaged file asks for: sizes below zero, or more than can be counted.
    if (shape.length > MOST_AXES || !shape.every((size) => typeof size === "string" || (Number.isSafeInteger(size) && size >= 0)))
      throw invalid(context, `an output would have the shape ${formatShape(shape)}`);
  }
  return outputs;
}

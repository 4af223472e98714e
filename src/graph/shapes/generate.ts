import { constantTensor, intAttribute, intsAttribute, tensorAttribute } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import { elementTypeOfCode } from "../onnx/element-types.ts";
import type { ElementType } from "../tensor.ts";
import { invalid, knownSize, openSize, required, type ShapeContext, type ShapeRule, sizesIn } from "./rule.ts";
import { ceilDivide, largest, subtract } from "./symbolic.ts";

const constant: ShapeRule = (context) => {
  const value = constantTensor(context.node);
  if (!value) throw invalid(context, "only a dense tensor of numbers is supported as its value");
  return [{ type: value.type, shape: value.shape }];
};

const constantOfShape: ShapeRule = (context) => {
  required(context, 0);
  const shape = sizesIn(context, 0) ?? [];
  if (shape.some((size) => typeof size === "number" && size < 0)) throw invalid(context, `[${shape.join(", ")}] is no shape`);
  return [{ type: tensorAttribute(context.node, "value")?.type ?? "float32", shape }];
};

/** As many numbers as there are steps from start up to limit. */
const range: ShapeRule = (context) => {
  const { type } = required(context, 0);
  if ([1, 2].some((index) => required(context, index).type !== type)) throw invalid(context, "the element types differ");
  const [start, limit, step] = [0, 1, 2].map((index) => knownSize(context, index));
  if (step === 0) throw invalid(context, "its step is 0");
  if (start === undefined || limit === undefined || typeof step !== "number") return [{ type, shape: [openSize(context, 0)] }];
  return [{ type, shape: [stepsBetween(start, limit, step)] }];
};

function stepsBetween(start: Dim, limit: Dim, step: number): Dim {
  if (typeof start === "number" && typeof limit === "number") return Math.max(0, Math.ceil((limit - start) / step));
  return largest(0, step > 0 ? ceilDivide(subtract(limit, start), step) : ceilDivide(subtract(start, limit), -step));
}

/** The type that the attribute `dtype` names. */
function namedType(context: ShapeContext, fallback: ElementType): ElementType {
  const code = intAttribute(context.node, "dtype", 0);
  return code === 0 ? fallback : elementTypeOfCode(code, context.node.name);
}

/** Of the input's shape; of its type too, unless the attribute `dtype` names another. */
const ofInputShape: ShapeRule = (context) => {
  const { type, shape } = required(context, 0);
  return [{ type: namedType(context, type), shape }];
};

const eyeLike: ShapeRule = (context) => {
  if (required(context, 0).shape.length !== 2) throw invalid(context, "an identity matrix has rank 2");
  return ofInputShape(context);
};

const ofShapeAttribute: ShapeRule = (context) => {
  const shape = intsAttribute(context.node, "shape");
  if (!shape || shape.some((size) => !(size >= 0))) throw invalid(context, "its shape must be given");
  return [{ type: namedType(context, "float32"), shape }];
};

/** Operators that make tensors from nothing but a shape, or a few numbers. */
export const generateShapes: Readonly<Record<string, ShapeRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  RandomNormal: ofShapeAttribute,
  RandomUniform: ofShapeAttribute,
  RandomNormalLike: ofInputShape,
  RandomUniformLike: ofInputShape,
  Bernoulli: ofInputShape,
};

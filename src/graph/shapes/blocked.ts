import { intAttribute } from "../attributes.ts";
import { BLOCKED, type Dim, type Shape } from "../graph.ts";
import { convolutionShapes } from "./convolution.ts";
import { invalid, required, type ShapeContext, type ShapeRule, type ValueType } from "./rule.ts";

/** A blocked tensor has the shape that it stands for, with channels filled up to whole blocks by whoever makes it. */
const image = (context: ShapeContext): ValueType & { readonly shape: readonly [Dim, Dim, Dim, Dim] } => {
  const { type, shape } = required(context, 0);
  if (shape.length !== 4) throw invalid(context, "it takes [N, C, H, W]");
  return { type, shape: shape as Shape & readonly [Dim, Dim, Dim, Dim] };
};

const reorderOutput: ShapeRule = (context) => {
  const { type, shape } = image(context);
  return [{ type, shape: [shape[0], intAttribute(context.node, "channels", 0), shape[2], shape[3]] }];
};

export const blockedShapes: Readonly<Record<string, ShapeRule>> = {
  [`${BLOCKED}:Conv`]: convolutionShapes.Conv as ShapeRule,
  [`${BLOCKED}:GlobalAveragePool`]: (context) => {
    const { type, shape } = image(context);
    return [{ type, shape: [shape[0], shape[1], 1, 1] }];
  },
  [`${BLOCKED}:ReorderInput`]: (context) => [image(context)],
  [`${BLOCKED}:ReorderOutput`]: reorderOutput,
};

import { LimbeckError } from "../../errors.ts";
import { describeNode } from "../graph.ts";
import { elementwiseShapes } from "./elementwise.ts";
import { layoutShapes } from "./layout.ts";
import { linearShapes } from "./linear.ts";
import { normalizationShapes } from "./normalization.ts";
import { reductionShapes } from "./reduction.ts";
import type { ShapeContext, ShapeRule, ValueType } from "./rule.ts";
import { windowShapes } from "./window.ts";

const rules: Readonly<Record<string, ShapeRule>> = {
  ...elementwiseShapes,
  ...linearShapes,
  ...windowShapes,
  ...reductionShapes,
  ...normalizationShapes,
  ...layoutShapes,
};

/**
 * Type and shape of each output of a node.
 *
 * @throws LimbeckError naming the node when the operator is unknown or the inputs do not fit it.
 */
export function inferOutputs(context: ShapeContext): readonly ValueType[] {
  const { op, domain } = context.node;
  const key = domain ? `${domain}:${op}` : op;
  const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
  if (!rule) throw new LimbeckError(`No shape rule for ${describeNode(context.node)} (opset ${context.opset}).`);
  return rule(context);
}

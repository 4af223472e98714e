import type { GradientRules } from "../rule.ts";
import { elementwiseRules } from "./elementwise.ts";
import { layoutRules } from "./layout.ts";
import { linearRules } from "./linear.ts";
import { reductionRules } from "./reduction.ts";
import { softmaxRules } from "./softmax.ts";

/** Every operator that can be differentiated. */
export const gradientRules: GradientRules = {
  ...elementwiseRules,
  ...linearRules,
  ...softmaxRules,
  ...reductionRules,
  ...layoutRules,
};

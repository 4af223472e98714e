import type { GradientRules } from "../rule.ts";
import { activationRules } from "./activation.ts";
import { convolutionRules } from "./convolution.ts";
import { dropoutRules } from "./dropout.ts";
import { elementwiseRules } from "./elementwise.ts";
import { layoutRules } from "./layout.ts";
import { linearRules } from "./linear.ts";
import { normalizationRules } from "./normalization.ts";
import { poolingRules } from "./pooling.ts";
import { reductionRules } from "./reduction.ts";
import { softmaxRules } from "./softmax.ts";

/** Every operator that can be differentiated; those whose outputs are integers or booleans need no rule, for no gradient flows through them. */
export const gradientRules: GradientRules = {
  ...elementwiseRules,
  ...activationRules,
  ...softmaxRules,
  ...linearRules,
  ...convolutionRules,
  ...poolingRules,
  ...normalizationRules,
  ...dropoutRules,
  ...reductionRules,
  ...layoutRules,
};

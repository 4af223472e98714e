import type { GradientRules } from "../rule.ts";
import { activationRules } from "./activation.ts";
import { convolutionRules } from "./convolution.ts";
import { dropoutRules } from "./dropout.ts";
import { einsumRules } from "./einsum.ts";
import { elementwiseRules } from "./elementwise.ts";
import { gatherRules } from "./gather.ts";
import { gridSampleRules } from "./grid-sample.ts";
import { layoutRules } from "./layout.ts";
import { linearRules } from "./linear.ts";
import { normalizationRules } from "./normalization.ts";
import { poolingRules } from "./pooling.ts";
import { quantizationRules } from "./quantization.ts";
import { reductionRules } from "./reduction.ts";
import { resizeRules } from "./resize.ts";
import { slicingRules } from "./slicing.ts";
import { softmaxRules } from "./softmax.ts";
import { trigonometryRules } from "./trigonometry.ts";

/**
 * Every operator that can be differentiated; those whose outputs are integers or booleans need no rule, for no gradient flows through them.
 */
export const gradientRules: GradientRules = {
  ...elementwiseRules,
  ...trigonometryRules,
  ...activationRules,
  ...softmaxRules,
  ...linearRules,
  ...einsumRules,
  ...convolutionRules,
  ...poolingRules,
  ...resizeRules,
  ...gridSampleRules,
  ...normalizationRules,
  ...dropoutRules,
  ...quantizationRules,
  ...reductionRules,
  ...layoutRules,
  ...slicingRules,
  ...gatherRules,
};

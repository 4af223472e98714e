import { LimbeckError } from "../../errors.ts";
import { describeNode, type Value } from "../../graph/graph.ts";
import { toNumbers } from "../../graph/tensor.ts";
import type { GradientRule, GradientRules } from "../rule.ts";

/**
 * y = x where the mask holds, over 1 - ratio, and 0 elsewhere (Srivastava et al., 2014); the identity unless in training mode.
 *
 * The runtime draws another mask each time, so the gradient needs the one that the node used: its second output.
 */
const dropout: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const [x, ratio, training] = inputs as [Value, Value | undefined, Value | undefined];
  const [dy, mask] = [grads[0], outputs[1]] as [Value, Value | undefined];
  const mode = training ? g.constantOf(training) : undefined;
  if (!training || (mode && toNumbers(mode)[0] === 0)) return [dy];
  if (!mode || !mask) {
    throw new LimbeckError(
      `${describeNode(node)} has no gradient: ${mode ? "it does not give its mask" : "whether it is in training mode is known only at run time"}.`,
      {
        hint: "Leave out the operator's training_mode input; dropout is put back when the model is made trainable.",
      },
    );
  }
  const kept = ratio ? g.sub(1, g.cast(ratio, x.type)) : g.scalar(0.5, x.type);
  return [g.mul(dy, g.div(g.cast(mask, x.type), kept))];
};

export const dropoutRules: GradientRules = { Dropout: dropout };

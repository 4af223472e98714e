import type { Graph } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { lecunUniform } from "../initializers.ts";
import { classifier, linear } from "../layers.ts";

export interface MlpOptions {
  /** Of one sample, [C, H, W] or [features]; flattened first. */
  readonly inputShape: readonly number[];
  readonly hidden: readonly number[];
  readonly classes: number;
  /** Probability of zeroing each input element and each hidden unit, while training. */
  readonly dropout?: { readonly input?: number; readonly hidden?: number };
  readonly seed: number;
}

/** A multilayer perceptron with ReLU: `hidden: [1200, 1200]` is the teacher of Hinton et al., 2015 (arXiv:1503.02531, section 3). */
export function mlp({ inputShape, hidden, classes, dropout = {}, seed }: MlpOptions): Graph {
  const name = ["mlp", elementCount(inputShape), ...hidden, classes].join("-");
  return classifier(name, inputShape, seed, (network, input) => {
    const { g } = network;
    let x = inputShape.length === 1 ? input : g.flatten(input);
    if (dropout.input) x = g.dropout(x, dropout.input);
    hidden.forEach((units, index) => {
      x = g.relu(g.scope(`hidden${index + 1}`, () => linear(network, x, units)));
      if (dropout.hidden) x = g.dropout(x, dropout.hidden);
    });
    return g.scope("classifier", () => linear(network, x, classes, { init: lecunUniform() }));
  });
}

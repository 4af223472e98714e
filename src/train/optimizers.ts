import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";

/** One parameter's turn in a step. */
export interface Update {
  readonly parameter: Value;
  readonly gradient: Value;
  /** The optimiser's memory of this parameter, by slot name, in the parameter's shape. */
  readonly slots: Readonly<Record<string, Value>>;
  /** Scalar; where it is left out, the gradient is multiplied by it already. */
  readonly learningRate?: Value;
  /** Whether weight decay applies; it skips biases and normalisation scales. */
  readonly decays: boolean;
  /** The optimiser's own scalars for this step. */
  readonly scalar: (name: string) => Value;
}

export interface Updated {
  readonly parameter: Value;
  readonly slots: Readonly<Record<string, Value>>;
}

/** A rule for changing parameters, emitted into the step's graph. */
export interface Optimizer {
  /** Names of what it remembers for each parameter; zeros at first. */
  readonly slots: readonly string[];
  /** Whether it does nothing but subtract the gradient times the learning rate, so that the loss may be multiplied by that instead. */
  readonly isPlain?: boolean;
  /** Scalars that change with the step number (from 1). */
  scalars(step: number): Readonly<Record<string, number>>;
  update(g: GraphBuilder, update: Update): Updated;
}

export interface SgdOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** Added to the gradient as weightDecay·parameter (L2). */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent with momentum (Sutskever et al., 2013), in PyTorch's form: v ← μ·v + g, p ← p − lr·v, or with Nesterov
 * p ← p − lr·(g + μ·v).
 */
export function sgd({ momentum = 0, nesterov = false, weightDecay = 0 }: SgdOptions = {}): Optimizer {
  return {
    slots: momentum > 0 ? ["momentum"] : [],
    isPlain: momentum === 0 && weightDecay === 0,
    scalars: () => ({}),
    update: (g, { parameter, gradient, slots, learningRate, decays }): Updated => {
      const slope = decays && weightDecay > 0 ? g.add(gradient, g.mul(parameter, weightDecay)) : gradient;
      const change = (direction: Value) => (learningRate ? g.mul(direction, learningRate) : direction);
      if (!slots.momentum) return { parameter: g.sub(parameter, change(slope)), slots: {} };
      const velocity = g.add(g.mul(slots.momentum, momentum), slope);
      const direction = nesterov ? g.add(slope, g.mul(velocity, momentum)) : velocity;
      return { parameter: g.sub(parameter, change(direction)), slots: { momentum: velocity } };
    },
  };
}

export interface AdamwOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled: p ← p·(1 − lr·weightDecay) before the step. */
  readonly weightDecay?: number;
}

/**
 * AdamW: Loshchilov and Hutter, 2017 (arXiv:1711.05101), with Adam's bias correction (Kingma and Ba, 2014, arXiv:1412.6980).
 *
 * It remembers Adam's averages without their constant factors, as decaying sums: Σg = m/(1 − β₁) and Σg² = v/(1 − β₂). These factors and the
 * corrections go into the learning rate and ε, which are scalars, so that three passes over each parameter are saved.
 */
export function adamw({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 }: AdamwOptions = {}): Optimizer {
  return {
    slots: ["gradientSum", "squareSum"],
    scalars: (step) => {
      // √v̂ = √Σg² · root, so m̂/(√v̂ + ε) = Σg/(√Σg² + ε/root) · rate.
      const root = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
      return { adamRate: (1 - beta1) / (1 - beta1 ** step) / root, adamEpsilon: epsilon / root };
    },
    update: (g, { parameter, gradient, slots, learningRate = g.scalar(1), decays, scalar }) => {
      const gradientSum = g.add(g.mul(slots.gradientSum as Value, beta1), gradient);
      const squareSum = g.add(g.mul(slots.squareSum as Value, beta2), g.mul(gradient, gradient));
      const direction = g.div(gradientSum, g.add(g.sqrt(squareSum), scalar("adamEpsilon")));
      const change = g.mul(direction, g.mul(learningRate, scalar("adamRate")));
      const kept = decays && weightDecay > 0 ? g.mul(parameter, g.sub(1, g.mul(learningRate, weightDecay))) : parameter;
      return { parameter: g.sub(kept, change), slots: { gradientSum, squareSum } };
    },
  };
}

import type { Activation } from "./activations.ts";
import type { Cell } from "./cell.ts";

/** Elman's simple recurrent layer: h' = f(x̃ + h·Rᵀ). */
export const rnnCell: Cell = {
  gates: 1,
  states: 1,
  activations: ["Tanh"],
  gateActivations: 1,
  keepsBias: () => false,
  step: ({ g, weight, activations }) => {
    const [activation] = activations as [Activation];
    return (input, [h]) => [activation(h ? g.add(input, g.matMul(h, weight, { transposeB: true })) : input)];
  },
};

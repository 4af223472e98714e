import { intAttribute } from "../../../attributes.ts";
import type { GraphBuilder } from "../../../builder/builder.ts";
import type { Node, Value } from "../../../graph.ts";
import type { Activation } from "./activations.ts";
import type { Cell, CellParts, Step } from "./cell.ts";

const isLinearBeforeReset = (node: Node): boolean => intAttribute(node, "linear_before_reset", 0) !== 0;

/**
 * Gated recurrent unit (Cho et al., 2014, arXiv:1406.1078). ONNX orders its gates z, r, h: h' = (1 − z)⊙h̃ + z⊙h. The reset gate r acts on
 * the state before its product with the weight, or (`linear_before_reset`, as in PyTorch and cuDNN) on the product.
 */
export const gruCell: Cell = {
  gates: 3,
  states: 1,
  activations: ["Sigmoid", "Tanh"],
  gateActivations: 2,
  keepsBias: isLinearBeforeReset,
  step: (parts) => (isLinearBeforeReset(parts.node) ? resetProduct(parts) : resetState(parts)),
};

/** h̃ = g(x̃ + r⊙(h·Rᵀ + b)) */
function resetProduct({ g, units, weight, bias, activations }: CellParts): Step {
  const [toGate, toCandidate] = activations as [Activation, Activation];
  return (input, [h]) => {
    const [xGates, xCandidate] = g.split(input, [2 * units, units], -1) as [Value, Value];
    const product = h && g.matMul(h, weight, { transposeB: true });
    const recurrent = product && bias ? g.add(product, bias) : (product ?? bias);
    const [hGates, hCandidate] = recurrent ? g.split(recurrent, [2 * units, units], -1) : [];
    const [z, r] = g.split(toGate(hGates ? g.add(xGates, hGates) : xGates), [units, units], -1) as [Value, Value];
    return [mixed(g, z, toCandidate(hCandidate ? g.add(xCandidate, g.mul(r, hCandidate)) : xCandidate), h)];
  };
}

/** h̃ = g(x̃ + (r⊙h)·Rᵀ): the candidate's product must wait for r. */
function resetState({ g, units, weight, activations }: CellParts): Step {
  const [toGate, toCandidate] = activations as [Activation, Activation];
  const [ofGates, ofCandidate] = g.split(weight, [2 * units, units], 0) as [Value, Value];
  return (input, [h]) => {
    const [xGates, xCandidate] = g.split(input, [2 * units, units], -1) as [Value, Value];
    const gates = toGate(h ? g.add(xGates, g.matMul(h, ofGates, { transposeB: true })) : xGates);
    const [z, r] = g.split(gates, [units, units], -1) as [Value, Value];
    const candidate = h ? g.add(xCandidate, g.matMul(g.mul(r, h), ofCandidate, { transposeB: true })) : xCandidate;
    return [mixed(g, z, toCandidate(candidate), h)];
  };
}

/** (1 − z)⊙h̃ + z⊙h */
function mixed(g: GraphBuilder, z: Value, candidate: Value, h: Value | undefined): Value {
  return h ? g.add(candidate, g.mul(z, g.sub(h, candidate))) : g.sub(candidate, g.mul(z, candidate));
}

import { intAttribute } from "../../../attributes.ts";
import type { Value } from "../../../graph.ts";
import type { Activation } from "./activations.ts";
import type { Cell, CellParts, Step } from "./cell.ts";

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates). ONNX orders its gates i, o, f, c:
 * c' = f⊙c + i⊙g(c̃), h' = o⊙h(c').
 */
export const lstmCell: Cell = {
  gates: 4,
  states: 2,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  gateActivations: 2,
  keepsBias: () => false,
  step: (parts) => {
    const { g, node, units, weight } = parts;
    const [, toCandidate, toOutput] = parts.activations as [Activation, Activation, Activation];
    const gatesOf = parts.peepholes ? peepholeGates(parts, parts.peepholes) : plainGates(parts);
    const isCoupled = intAttribute(node, "input_forget", 0) === 1;
    const step: Step = (input, [h, c]) => {
      const sums = h ? g.add(input, g.matMul(h, weight, { transposeB: true })) : input;
      const [gates, candidate] = g.split(sums, [3 * units, units], -1) as [Value, Value];
      const { i, f, o } = gatesOf(gates, c);
      const forget = isCoupled ? () => g.sub(1, i) : f;
      const fresh = g.mul(i, toCandidate(candidate));
      const memory = c ? g.add(g.mul(forget(), c), fresh) : fresh;
      return [g.mul(o(memory), toOutput(memory)), memory];
    };
    return step;
  },
};

interface Gates {
  readonly i: Value;
  readonly f: () => Value;
  /** The output gate may see the new memory. */
  readonly o: (memory: Value) => Value;
}

/** All three gates by one activation of [1, B, 3·H]. */
function plainGates({ g, units, activations }: CellParts): (sums: Value, c: Value | undefined) => Gates {
  const toGate = activations[0] as Activation;
  return (sums) => {
    const [i, o, f] = g.split(toGate(sums), [units, units, units], -1) as [Value, Value, Value];
    return { i, f: () => f, o: () => o };
  };
}

/** Gates that see the memory through weights P of their own [3·H] (Gers and Schmidhuber, 2000). */
function peepholeGates({ g, units, activations }: CellParts, peepholes: Value): (sums: Value, c: Value | undefined) => Gates {
  const toGate = activations[0] as Activation;
  const [pi, po, pf] = g.split(peepholes, [units, units, units], 0) as [Value, Value, Value];
  return (sums, c) => {
    const [i, o, f] = g.split(sums, [units, units, units], -1) as [Value, Value, Value];
    const seeing = (gate: Value, p: Value, memory: Value | undefined) => toGate(memory ? g.add(gate, g.mul(memory, p)) : gate);
    return { i: seeing(i, pi, c), f: () => seeing(f, pf, c), o: (memory) => seeing(o, po, memory) };
  };
}

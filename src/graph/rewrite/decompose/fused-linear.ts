import { floatAttribute, intAttribute, stringAttribute, without } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { type Attributes, MICROSOFT, type Node, type Value } from "../../graph.ts";
import { namedActivation } from "./named-activation.ts";
import { type Decomposition, type Decompositions, taking } from "./replace.ts";

/** act(conv(x, w) + b + z): z is a residual that the runtime adds before the activation. */
const fusedConv: Decomposition = ({ g, node, inputs }) => {
  const residual = inputs[3];
  const attributes = without(node.attributes, "activation", "activation_params");
  const [conv] = g.emit("Conv", present(inputs.slice(0, 3)), { attributes }) as [Value];
  const parameters = node.attributes.activation_params;
  const [alpha, beta] = parameters?.kind === "floats" ? parameters.value : [];
  return [activated(g, node, residual ? g.add(conv, residual) : conv, alpha, beta)];
};

const fusedGemm: Decomposition = ({ g, node, inputs }) => {
  const attributes = without(node.attributes, "activation", "activation_alpha", "activation_beta", "activation_gamma");
  const [y] = g.emit("Gemm", present(inputs), { attributes }) as [Value];
  const parameter = (name: string) => (node.attributes[name] ? floatAttribute(node, name, 0) : undefined);
  return [activated(g, node, y, parameter("activation_alpha"), parameter("activation_beta"))];
};

/** Without optional inputs left out at the end. */
function present(inputs: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  return inputs.slice(0, inputs.findLastIndex((input) => input !== undefined) + 1);
}

function activated(g: GraphBuilder, node: Node, x: Value, alpha?: number, beta?: number): Value {
  const name = stringAttribute(node, "activation", "");
  if (name === "") return x;
  const activation = namedActivation(name);
  return activation.apply(g, x, alpha ?? activation.alpha ?? 0, beta ?? activation.beta ?? 0);
}

/** Limbeck knows FusedMatMul itself, but for operands whose first axis stands behind the other batch axes. */
const fusedMatMul: Decomposition = ({ g, node, inputs }) => {
  const [a, b] = inputs as [Value, Value];
  const batchFirst = (x: Value, isAsked: boolean): Value => {
    const rank = x.shape.length;
    if (!isAsked) return x;
    return g.transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis + 1), 0, rank - 1]);
  };
  const [first, second] = [intAttribute(node, "transBatchA", 0) === 1, intAttribute(node, "transBatchB", 0) === 1];
  if (!first && !second && node.op === "FusedMatMul") return undefined;
  const attributes: Attributes = without(node.attributes, "transBatchA", "transBatchB");
  return g.emit("FusedMatMul", [batchFirst(a, first), batchFirst(b, second)], { domain: MICROSOFT, attributes });
};

export const fusedLinearDecompositions: Decompositions = {
  [`${MICROSOFT}:FusedConv`]: taking(2, fusedConv),
  [`${MICROSOFT}:FusedGemm`]: taking(2, fusedGemm),
  [`${MICROSOFT}:FusedMatMul`]: taking(2, fusedMatMul),
  [`${MICROSOFT}:TransposeMatMul`]: taking(2, fusedMatMul),
};

import { LimbeckError } from "../../../errors.ts";
import { MICROSOFT } from "../../graph.ts";
import type { Decomposition, Decompositions } from "./replace.ts";

/** Operators of com.microsoft that compute in integers or unpack weights of a few bits. */
const refused = [
  "DynamicQuantizeLSTM",
  "DynamicQuantizeMatMul",
  "GatherBlockQuantized",
  "MatMulBnb4",
  "MatMulFpQ4",
  "MatMulIntegerToFloat",
  "MatMulNBits",
  "QAttention",
  "QEmbedLayerNormalization",
  "QGemm",
  "QLinearAdd",
  "QLinearAveragePool",
  "QLinearConcat",
  "QLinearConv",
  "QLinearGlobalAveragePool",
  "QLinearLeakyRelu",
  "QLinearMul",
  "QLinearReduceMean",
  "QLinearSigmoid",
  "QLinearSoftmax",
  "QLinearWhere",
];

const refuse: Decomposition = ({ node }) => {
  throw new LimbeckError(`${node.op} is an operator of a quantised model, which Limbeck can't take apart.`, {
    hint: "Use the float model, or one quantised in the QDQ format (QuantizeLinear and DequantizeLinear around float operators).",
  });
};

export const quantizedDecompositions: Decompositions = Object.fromEntries(refused.map((op) => [`${MICROSOFT}:${op}`, refuse]));

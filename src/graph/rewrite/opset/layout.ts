import { floatAttribute, int, intAttribute, intsAttribute, without } from "../../attributes.ts";
import { int64 } from "../../tensor.ts";
import { asInput, type Step, type Steps, scalarLike } from "./step.ts";

/** Parts of equal size: one per output. Since opset 18 their number is an attribute. */
const countedParts: Step = (node) =>
  node.inputs[1] ? node : { ...node, attributes: { ...node.attributes, num_outputs: int(node.outputs.length) } };

const boundsAsInputs: Step = (node, { store }) => {
  const names = ["starts", "ends", "axes"] as const;
  const bounds = names.flatMap((name) => {
    const numbers = intsAttribute(node, name);
    return numbers ? [store(name, int64(numbers))] : [];
  });
  return { ...node, inputs: [...node.inputs, ...bounds], attributes: without(node.attributes, ...names) };
};

const padsAsInputs: Step = (node, context) => {
  const [x = ""] = node.inputs;
  const value = floatAttribute(node, "value", 0);
  const inputs = [x, context.store("pads", int64(intsAttribute(node, "pads") ?? []))];
  if (value !== 0) inputs.push(scalarLike("value", value, x, context));
  return { ...node, inputs, attributes: without(node.attributes, "pads", "value") };
};

const countAsInput: Step = (node, { store }) => ({
  ...node,
  inputs: [...node.inputs, store("k", int64([intAttribute(node, "k", 1)]))],
  attributes: without(node.attributes, "k"),
});

export const layoutSteps: Steps = {
  Pad: { 11: padsAsInputs },
  Scatter: { 11: (node) => ({ ...node, op: "ScatterElements" }) },
  Slice: { 10: boundsAsInputs },
  Split: { 13: asInput("split"), 18: countedParts },
  Squeeze: { 13: asInput("axes") },
  TopK: { 10: countAsInput },
  Unsqueeze: { 13: asInput("axes") },
};

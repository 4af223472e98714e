import { floatAttribute, int, intAttribute, without } from "../../attributes.ts";
import type { Node } from "../../graph.ts";
import { type Step, type Steps, scalarLike } from "./step.ts";

/** The largest float32, which a bound that was left out stood for, and still does. */
const LARGEST = 2 ** 128 - 2 ** 104;

const boundsAsInputs: Step = (node, context) => {
  const [x = ""] = node.inputs;
  const bound = (name: "min" | "max", open: number) => {
    const value = floatAttribute(node, name, open);
    return value === open ? "" : scalarLike(name, value, x, context);
  };
  const [min, max] = [bound("min", -LARGEST), bound("max", LARGEST)];
  const bounds = max !== "" ? [min, max] : min !== "" ? [min] : [];
  return { ...node, inputs: [x, ...bounds], attributes: without(node.attributes, "min", "max") };
};

/** Down: only of use in casts to float8e8m0, a type that is newer than `OPSET`. */
const withoutRoundMode: Step = (node) => ({ ...node, attributes: without(node.attributes, "round_mode") });

const NO_TYPE = 0;

/** Down: `output_dtype` is the type that the product is computed in; until opset 23 the scale's was. */
const outputTypeOfScale: Step = (node, { emit }) => {
  const [x = "", scale = "", ...zeroPoint] = node.inputs;
  const to = intAttribute(node, "output_dtype", NO_TYPE);
  const typed = to === NO_TYPE ? scale : emit("Cast", [scale], { to: int(to) });
  return { ...node, inputs: [x, typed, ...zeroPoint], attributes: without(node.attributes, "output_dtype") };
};

/** Down: `precision`, or else the scale's type, is what the quotient is computed in; until opset 23 all three were one. */
const oneType: Step = (node, { emit, typeOf }) => {
  const [x = "", scale = "", ...zeroPoint] = node.inputs;
  const attributes = without(node.attributes, "precision");
  const to = intAttribute(node, "precision", NO_TYPE);
  const withInputs = (typedX: string, typedScale: string): Node => ({ ...node, inputs: [typedX, typedScale, ...zeroPoint], attributes });
  if (to !== NO_TYPE) return withInputs(emit("Cast", [x], { to: int(to) }), emit("Cast", [scale], { to: int(to) }));
  return withInputs(typeOf(x) === typeOf(scale) ? x : emit("CastLike", [x, scale]), scale);
};

export const elementwiseSteps: Steps = {
  Cast: { 24: withoutRoundMode },
  CastLike: { 24: withoutRoundMode },
  Clip: { 11: boundsAsInputs },
  DequantizeLinear: { 23: outputTypeOfScale },
  QuantizeLinear: { 23: oneType },
};

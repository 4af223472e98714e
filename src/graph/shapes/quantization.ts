import { intAttribute } from "../attributes.ts";
import { elementTypeOfCode } from "../onnx/element-types.ts";
import type { ElementType } from "../tensor.ts";
import { invalid, required, type ShapeContext, type ShapeRule } from "./rule.ts";

/** Of the zero point's type; of the attribute's, or 8 bits without a sign, where there is none. */
const quantizeLinear: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  const code = intAttribute(context.node, "output_dtype", 0);
  const type = context.inputs[2]?.type ?? (code === 0 ? "uint8" : elementTypeOfCode(code, context.node.name));
  return [{ type, shape: x.shape }];
};

/** Of the scale's type. */
const dequantizeLinear: ShapeRule = (context) => [{ type: required(context, 1).type, shape: required(context, 0).shape }];

/** The quantised tensor, its scale and its zero point. */
const dynamicQuantizeLinear: ShapeRule = (context) => [
  { type: "uint8", shape: required(context, 0).shape },
  { type: "float32", shape: [] },
  { type: "uint8", shape: [] },
];

/** The rule of a float operator for its quantised form, whose data and weights are among other inputs. */
export const quantizedForm =
  (rule: ShapeRule, places: readonly number[], typeOf: (context: ShapeContext) => ElementType): ShapeRule =>
  (context) => {
    const inputs = places.map((place) => context.inputs[place]);
    // The data and weights may be of two types of 8 bits.
    const [data] = inputs;
    if (!data) throw invalid(context, "its data is missing");
    const aligned = inputs.map((input) => input && { ...input, type: data.type });
    const at = (index: number) => places[index] ?? -1;
    const outputs = rule({
      ...context,
      inputs: aligned,
      constant: (index) => context.constant(at(index)),
      symbolic: (index) => context.symbolic(at(index)),
    });
    return outputs.map(({ shape }) => ({ type: typeOf(context), shape }));
  };

export const quantizationShapes: Readonly<Record<string, ShapeRule>> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
};

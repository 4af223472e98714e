import fc from "fast-check";
import { expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import type { Attribute, Dim, Value } from "../graph.ts";
import { evaluate } from "../rewrite/evaluate.ts";
import { elementCount, float32, int64, type Tensor } from "../tensor.ts";
import { inferOutputs, shapeRules } from "./infer.ts";
import type { ShapeContext } from "./rule.ts";

const RUNS = 150;

const extremes = [0, 1, -1, 2, 3, -5, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, -(2 ** 63)];
const size = fc.constantFrom<Dim>(0, 1, 2, 3, 4, 4, 6, 2 ** 31, 2 ** 53 - 1, "N", "N", "N+1", "floor(H/2)", "");
const number = fc.oneof(fc.constantFrom(...extremes), fc.integer({ min: -3, max: 6 }));
const numbers = fc.array(number, { maxLength: 5 });
const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  number.map((value): Attribute => ({ kind: "int", value })),
  numbers.map((value): Attribute => ({ kind: "ints", value })),
  fc.constantFrom(0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY).map((value): Attribute => ({ kind: "float", value })),
  fc
    .constantFrom("", "SAME_UPPER", "VALID", "bidirectional", "ij,jk->ik", "...i->", "->", "not_larger", "reflect", "none", "constructor")
    .map((value): Attribute => ({ kind: "string", value })),
  numbers.map((value): Attribute => ({ kind: "tensor", value: int64(value.map(Math.trunc)) })),
);
const attributeNames = [
  ...["allowzero", "auto_pad", "axes", "axis", "batch_axis", "batch_dims", "blocksize", "ceil_mode", "dilations", "direction", "dtype"],
  ...[
    "end",
    "equation",
    "exclusive",
    "fmod",
    "group",
    "hidden_size",
    "keep_aspect_ratio_policy",
    "keepdims",
    "kernel_shape",
    "kv_num_heads",
  ],
  ...[
    "layout",
    "mode",
    "noop_with_empty_axes",
    "num_heads",
    "num_outputs",
    "output_dtype",
    "output_height",
    "output_padding",
    "output_shape",
  ],
  ...[
    "output_width",
    "pads",
    "perm",
    "q_num_heads",
    "qkv_hidden_sizes",
    "reduction",
    "shape",
    "split",
    "start",
    "strides",
    "time_axis",
    "to",
  ],
  ...["training_mode", "transA", "transB", "upper", "value", "value_ints"],
];

interface Input {
  readonly value: Value | undefined;
  readonly constant: Tensor | undefined;
  readonly symbolic: readonly Dim[] | undefined;
}

const types = ["float32", "float32", "float32", "int64", "int32", "bool", "uint8", "float16", "string"] as const;
const given = fc.oneof(
  fc
    .record({ type: fc.constantFrom(...types), shape: fc.array(size, { maxLength: 5 }) })
    .map((value): Input => ({ value: { name: "x", ...value }, constant: undefined, symbolic: undefined })),
  numbers.map(
    (list): Input => ({ value: { name: "c", type: "int64", shape: [list.length] }, constant: clamped(list), symbolic: undefined }),
  ),
  number.map((scalar): Input => ({ value: { name: "s", type: "int64", shape: [] }, constant: clamped([scalar], []), symbolic: undefined })),
  fc
    .array(fc.constantFrom(Number.NaN, 0.3, -1, 0, 2, Number.POSITIVE_INFINITY), { maxLength: 4 })
    .map((list): Input => ({ value: { name: "f", type: "float32", shape: [list.length] }, constant: float32(list), symbolic: undefined })),
  fc
    .array(size, { maxLength: 4 })
    .map((list): Input => ({ value: { name: "d", type: "int64", shape: [list.length] }, constant: undefined, symbolic: list })),
  fc.constant<Input>({ value: undefined, constant: undefined, symbolic: undefined }),
);

/** Below −2⁶³ there is nothing. */
const clamped = (list: readonly number[], shape?: readonly number[]): Tensor => int64(list, shape);

test.each(Object.keys(shapeRules))("%s: whatever a file says of it, a shape or a LimbeckError comes of it", (key) => {
  const [domain, op] = key.includes(":") ? (key.split(":") as [string, string]) : ["", key];
  const node = fc.record({
    inputs: fc.array(given, { maxLength: 6 }),
    attributes: fc.dictionary(fc.constantFrom(...attributeNames), attribute, { maxKeys: 8, noNullPrototype: true }),
    outputs: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(node, ({ inputs, attributes, outputs }) => {
      const context: ShapeContext = {
        node: {
          op,
          domain,
          name: "damaged",
          inputs: inputs.map(({ value }, index) => (value ? `${value.name}${index}` : "")),
          outputs: Array.from({ length: outputs }, (_, index) => `y${index}`),
          attributes,
        },
        opset: 21,
        inputs: inputs.map(({ value }) => value),
        constant: (index) => inputs[index]?.constant,
        symbolic: (index) => inputs[index]?.symbolic,
      };
      try {
        const inferred = inferOutputs(context);
        for (const { shape } of inferred)
          for (const dim of shape) expect(typeof dim === "string" || (Number.isSafeInteger(dim) && dim >= 0)).toBe(true);
        evaluate(context, inferred.slice(0, outputs), ({ shape }) => elementCount(shape.map(Number)) <= 2 ** 10);
      } catch (error) {
        if (!(error instanceof LimbeckError)) throw error;
      }
    }),
    { numRuns: RUNS },
  );
});

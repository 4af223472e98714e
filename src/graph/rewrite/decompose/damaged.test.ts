import fc from "fast-check";
import { expect, test } from "vitest";
import { LimbeckError } from "../../../errors.ts";
import { type Attribute, type Graph, MICROSOFT, OPSET, type Value } from "../../graph.ts";
import { decompose } from "./decompose.ts";
import { unrollRecurrent } from "./recurrent/unroll.ts";

const fused =
  "Attention MultiHeadAttention GroupQueryAttention SkipLayerNormalization EmbedLayerNormalization SkipSimplifiedLayerNormalization BiasGelu FastGelu QuickGelu BiasSplitGelu BiasAdd FusedMatMul FusedConv FusedGemm RotaryEmbedding Trilu";
const own =
  "Attention RotaryEmbedding RMSNormalization Swish MeanVarianceNormalization LpNormalization SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss DepthToSpace SpaceToDepth LSTM GRU RNN";
const operators = [...fused.split(" ").map((op) => ({ op, domain: MICROSOFT })), ...own.split(" ").map((op) => ({ op, domain: "" }))];
const names =
  "num_heads q_num_heads kv_num_heads unidirectional is_causal rotary_embedding_dim do_rotary interleaved local_window_size qk_matmul_output_mode blocksize axis p hidden_size layout linear_before_reset ignore_index transBatchA transA".split(
    " ",
  );

const size = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 12 }) }, fc.constantFrom<string | number>("N", "S", 2 ** 40));
const input = fc.option(
  fc.record({ type: fc.constantFrom("float32", "int32", "int64", "bool"), shape: fc.array(size, { maxLength: 5 }) }),
  {
    nil: undefined,
  },
);
const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -2, max: 9 }).map((value): Attribute => ({ kind: "int", value })) },
  fc.constantFrom<Attribute>(
    { kind: "float", value: 0.5 },
    { kind: "ints", value: [4, -4, 4] },
    { kind: "string", value: "bidirectional" },
    { kind: "strings", value: ["Tanh"] },
    { kind: "floats", value: [] },
  ),
);
const model = fc
  .record({
    operator: fc.constantFrom(...operators),
    inputs: fc.array(input, { maxLength: 9 }),
    attributes: fc.dictionary(fc.constantFrom(...names, "qkv_hidden_sizes", "activations", "direction", "activation"), attribute, {
      maxKeys: 5,
    }),
    outputs: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ operator, inputs, attributes, outputs }): Graph => {
    const given = inputs.map((one, index) => one && ({ ...one, name: `x${index}` } as Value));
    return {
      name: "damaged",
      opsets: { "": OPSET, [MICROSOFT]: 1 },
      inputs: given.filter((one) => one !== undefined),
      outputs: [{ name: "y0", type: "float32", shape: [] }],
      nodes: [
        {
          ...operator,
          name: "node",
          inputs: given.map((one) => one?.name ?? ""),
          outputs: Array.from({ length: outputs }, (_, index) => `y${index}`),
          attributes,
        },
      ],
      initializers: new Map(),
      metadata: {},
    };
  });

test("a node that makes no sense is refused, or taken apart into others that make none; nothing else happens", () => {
  fc.assert(
    fc.property(model, (graph) => {
      for (const rewrite of [decompose, unrollRecurrent]) {
        try {
          rewrite(graph);
        } catch (error) {
          expect(error).toBeInstanceOf(LimbeckError);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

import { describe, expect, test } from "vitest";
import { float, int, ints } from "../../attributes.ts";
import { type Attributes, MICROSOFT } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { float32, int32, type Tensor } from "../../tensor.ts";
import { expectClose, expectSame, modelOf, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

const [B, S, T, N, H] = [2, 3, 4, 2, 4];
const D = N * H;

describe("com.microsoft Attention", () => {
  const inputs = () => ({ x: open(random([B, S, 6]), ["B", "S", 6]), weight: random([6, 3 * D]), bias: random([3 * D]) });
  const model = (more: object, attributes: Attributes = {}) => ({
    op: "Attention",
    domain: MICROSOFT,
    attributes: { num_heads: int(N), ...attributes },
    inputs: { ...inputs(), ...more },
    stored: ["weight", "bias"],
    outputs: { y: 3 },
  });

  test("plain; its weight stays one", async () => {
    const { initializers } = await expectSame(model({}));
    expect(initializers.get("weight")?.shape).toEqual([6, 3 * D]);
  });

  test("with a scale; no bias is as a bias of zeros", async () => {
    const zeros = model({ bias: float32(new Float32Array(3 * D)) }, { scale: float(0.3) });
    const { graph, feeds } = modelOf(zeros);
    const without = modelOf({ ...zeros, inputs: { ...zeros.inputs, bias: undefined } });
    const [y, expected] = [await runGraph(decompose(without.graph), feeds), await runGraph(graph, feeds)];
    expectClose(y.y as Tensor, expected.y as Tensor);
  });

  test("with values of another width", async () => {
    const wide = { weight: random([6, 2 * D + 10]), bias: random([2 * D + 10]) };
    await expectSame(model(wide, { qkv_hidden_sizes: ints([D, D, 10]) }));
  });

  test.each([
    ["lengths", open(int32([2, 3]), ["B"])],
    ["ends and starts", int32([3, 2, 1, 0])],
    ["[B, T]", open(int32([1, 1, 0, 1, 0, 1], [B, S]), ["B", "S"])],
    ["[B, S, T]", open(int32([1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1], [B, S, S]), ["B", "S", "S"])],
  ])("with a mask of %s, either way", async (_, mask) => {
    // With starts, the size of the batch must be known.
    const inputs = { mask, ...("data" in mask && { x: random([B, S, 6]) }) };
    await expectSame(model(inputs));
    await expectSame(model(inputs, { unidirectional: int(1), mask_filter_value: float(-50) }));
  });

  test("causal, with a mask, past and present", async () => {
    const past = open(random([2, B, N, 5, H]), [2, "B", N, "P", H]);
    const mask = open(int32([1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0], [B, 5 + S]), ["B", "P+S"]);
    await expectSame({ ...model({ mask, past }, { unidirectional: int(1) }), outputs: { y: 3, present: 5 } });
  });

  test("with a bias of the scores", async () => {
    const attentionBias = open(random([1, N, S, S]), [1, N, "S", "S"]);
    await expectSame(model({ mask: undefined, past: undefined, attentionBias }));
  });

  test("without what no graph can do", () => {
    for (const attribute of ["do_rotary", "past_present_share_buffer"]) {
      const { graph } = modelOf(model({}, { [attribute]: int(1) }));
      expect(() => decompose(graph)).toThrow(expect.objectContaining({ name: "LimbeckError", where: 'com.microsoft.Attention "node"' }));
    }
    const { graph } = modelOf(model({ mask: open(int32([1, 2, 3, 4, 5]), ["M"]) }));
    expect(() => decompose(graph)).toThrow("A mask [M] is not supported with queries [B, 2, S, 4] and keys [B, 2, S, 4].");
  });
});

describe("com.microsoft MultiHeadAttention", () => {
  const query = () => open(random([B, S, D]), ["B", "S", D]);
  const other = (width = D) => open(random([B, T, width]), ["B", "T", width]);
  const model = (inputs: object, attributes: Attributes = {}, outputs: Record<string, number | undefined> = { y: 3 }) => ({
    op: "MultiHeadAttention",
    domain: MICROSOFT,
    attributes: { num_heads: int(N), ...attributes },
    inputs: { query: query(), key: other(), value: other(), bias: undefined, mask: undefined, ...inputs },
    outputs,
  });

  test("of another sequence, with biases and values of another width", async () => {
    await expectSame(model({ value: other(10), bias: random([2 * D + 10]) }, { scale: float(0.3) }));
  });

  test.each([
    ["lengths", open(int32([2, 4]), ["B"])],
    ["[B, T]", open(int32([1, 1, 0, 1, 0, 1, 1, 1], [B, T]), ["B", "T"])],
  ])("with a mask of %s and a bias of the scores", async (_, mask) => {
    await expectSame(model({ mask, attentionBias: open(random([B, 1, S, T]), ["B", 1, "S", "T"]) }));
  });

  test("causal, with past and present", async () => {
    const past = () => open(random([B, N, 5, H]), ["B", N, "P", H]);
    const own = () => open(random([B, S, D]), ["B", "S", D]);
    const inputs = { key: own(), value: own(), attentionBias: undefined, pastK: past(), pastV: past() };
    await expectSame(model(inputs, { unidirectional: int(1) }, { y: 3, presentK: 4, presentV: 4 }));
    await expectSame(model({ ...inputs, bias: random([3 * D]) }, {}, { y: 3, presentK: 4, presentV: 4 }));
  });

  test("of keys and values in heads", async () => {
    const heads = () => open(random([B, N, T, H]), ["B", N, "T", H]);
    await expectSame(model({ key: heads(), value: heads() }));
  });

  test("packed is as apart", async () => {
    const [q, k, v] = [random([B, S, D]), random([B, S, D]), random([B, S, D])];
    const apart = model({ query: q, key: k, value: v, bias: random([3 * D]) });
    const { graph, feeds } = modelOf(apart);
    const expected = await runGraph(graph, feeds);
    for (const inputs of [
      { query: packed(q, k, v), key: undefined, value: undefined },
      { key: packed(k, v), value: undefined },
    ]) {
      const together = modelOf({ ...apart, inputs: { ...apart.inputs, ...inputs } });
      const found = await runGraph(decompose(together.graph), together.feeds);
      expectClose(found.y as Tensor, expected.y as Tensor);
    }
  });
});

/** Tensors [B, S, N·H] as one [B, S, N, parts, H]. */
function packed(...parts: readonly Tensor[]): Tensor {
  const heads = Array.from({ length: B * S * N }, (_, head) =>
    parts.flatMap(({ data }) => [...(data as Float32Array).subarray(head * H, (head + 1) * H)]),
  );
  return float32(heads.flat(), [B, S, N, parts.length, H]);
}

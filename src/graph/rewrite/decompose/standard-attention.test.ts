import { test } from "vitest";
import { float, int } from "../../attributes.ts";
import type { Attributes, Graph } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { float32, int64, type Tensor } from "../../tensor.ts";
import { expectClose, expectSame, modelOf, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

const [B, S, T, N, H] = [2, 3, 4, 2, 4];

const bool = (data: readonly number[], shape: readonly number[]): Tensor => ({ type: "bool", shape, data: Uint8Array.from(data) });

/** Heads in four axes. */
const split = (heads: number, name: string, tokens: number, width = H) =>
  open(random([B, heads, tokens, width]), ["B", heads, name, width]);
const model = (inputs: object, attributes: Attributes = {}, outputs: Record<string, number | undefined> = { y: 4 }, opset = 24) => ({
  op: "Attention",
  opset,
  attributes,
  inputs: { q: split(N, "S", S), k: split(N, "T", T), v: split(N, "T", T), mask: undefined, pastK: undefined, pastV: undefined, ...inputs },
  outputs,
});

test.each([23, 24])("Attention of opset %i", async (opset) => {
  await expectSame(model({ v: split(N, "T", T, 6) }, {}, { y: 4 }, opset));
  await expectSame(model({}, { scale: float(0.4), is_causal: int(1) }, { y: 4 }, opset));
  const flat = {
    q: open(random([B, S, N * H]), ["B", "S", N * H]),
    k: open(random([B, T, N * H]), ["B", "T", N * H]),
    v: open(random([B, T, N * 6]), ["B", "T", N * 6]),
  };
  await expectSame(model(flat, { q_num_heads: int(N), kv_num_heads: int(N) }, { y: 3 }, opset));
});

test("heads that share keys", async () => {
  await expectSame(model({ q: split(4, "S", S) }));
  const flat = {
    q: open(random([B, S, 4 * H]), ["B", "S", 4 * H]),
    k: open(random([B, T, N * H]), ["B", "T", N * H]),
    v: open(random([B, T, N * H]), ["B", "T", N * H]),
  };
  await expectSame(model(flat, { q_num_heads: int(4), kv_num_heads: int(N) }, { y: 3 }));
});

test.each([
  ["[S, T]", open(random([S, T]), ["S", "T"])],
  ["[B, 1, S, T]", open(random([B, 1, S, T]), ["B", 1, "S", "T"])],
])("a mask to add, %s, after the softcap", async (_, mask) => {
  await expectSame(model({ mask }, { softcap: float(0.5) }));
});

test("a boolean mask, with a row that sees nothing", async () => {
  const mask = open(bool([1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0], [S, T]), ["S", "T"]);
  await expectSame(model({ mask }));
  await expectSame(model({ mask }, { is_causal: int(1), softcap: float(0.5) }));
});

test("keys that the mask doesn't reach are hidden", async () => {
  const whole = model({ q: random([B, N, S, H]), k: random([B, N, T, H]), v: random([B, N, T, H]) });
  const run = async (mask: Tensor, rewrite: (graph: Graph) => Graph) => {
    const { graph, feeds } = modelOf({ ...whole, inputs: { ...whole.inputs, mask } });
    return (await runGraph(rewrite(graph), feeds)).y as Tensor;
  };
  const asItIs = (graph: Graph) => graph;
  const never = Number.NEGATIVE_INFINITY;
  const added = await run(float32([1, 2, -1, 0, 3, 1], [S, 2]), decompose);
  expectClose(added, await run(float32([1, 2, never, never, -1, 0, never, never, 3, 1, never, never], [S, T]), asItIs));
  const chosen = await run(bool([1, 1, 0, 1, 1, 0], [S, 2]), decompose);
  expectClose(chosen, await run(bool([1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0], [S, T]), asItIs));
});

test("past and present, causal", async () => {
  const past = { pastK: split(N, "P", 5), pastV: split(N, "P", 5) };
  await expectSame(model({ ...past, k: split(N, "S", S), v: split(N, "S", S) }, { is_causal: int(1) }, { y: 4, presentK: 4, presentV: 4 }));
});

test.each([0, 1, 3])("the product in mode %i", async (mode) => {
  const outputs = { y: 4, presentK: undefined, presentV: undefined, product: 4 };
  await expectSame(model({}, { qk_matmul_output_mode: int(mode), softcap: float(0.5) }, outputs));
});

test("lengths of the keys", async () => {
  const lengths = open(int64([3, 4]), ["B"]);
  await expectSame(model({ lengths }));
  await expectSame(model({ lengths }, { is_causal: int(1) }));
});

import { expect, test } from "vitest";
import { float, int } from "../../attributes.ts";
import { type Attributes, MICROSOFT } from "../../graph.ts";
import { int32 } from "../../tensor.ts";
import { inferShapes } from "../infer.ts";
import { expectSame, indices, modelOf, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

const [B, S, N, M, H] = [2, 3, 4, 2, 16];

const tokens = (heads: number) => open(random([B, S, heads * H]), ["B", "S", heads * H]);
const lengths = (past: number) => ({
  lengths: open(int32([past + S - 1, past + S - 1]), ["B"]),
  total: int32([past + S], [1]),
});
const model = (inputs: object = {}, attributes: Attributes = {}) => ({
  op: "GroupQueryAttention",
  domain: MICROSOFT,
  attributes: { num_heads: int(N), kv_num_heads: int(M), ...attributes },
  inputs: { q: tokens(N), k: tokens(M), v: tokens(M), pastK: undefined, pastV: undefined, ...lengths(0), ...inputs },
  outputs: { y: 3, presentK: 4, presentV: 4 },
});
const tables = () => ({ cos: random([10, H / 2]), sin: random([10, H / 2]) });

test("GroupQueryAttention, apart and packed", async () => {
  await expectSame(model({}, { scale: float(0.3), softcap: float(0.5) }));
  await expectSame(model({ q: tokens(N + 2 * M), k: undefined, v: undefined }));
});

test.each([0, 1])("rotated, interleaved = %i", async (interleaved) => {
  await expectSame(model(tables(), { do_rotary: int(1), rotary_interleaved: int(interleaved) }));
});

test("after a past, rotated; a token to each row, or a few to one", async () => {
  for (const [batch, fresh] of [
    [B, 1],
    [1, S],
  ] as const) {
    const few = (heads: number) => open(random([batch, fresh, heads * H]), ["B", "S", heads * H]);
    const past = () => open(random([batch, M, 4, H]), ["B", M, "P", H]);
    const own = { q: few(N), k: few(M), v: few(M), pastK: past(), pastV: past(), total: int32([4 + fresh], [1]) };
    const ends = open(int32(Array.from({ length: batch }, () => 4 + fresh - 1)), ["B"]);
    await expectSame(model({ ...own, lengths: ends, ...tables() }, { do_rotary: int(1) }));
  }
});

test("rotated by given positions", async () => {
  const places = open(indices([B, S], 10), ["B", "S"]);
  const { graph } = modelOf(model({ ...tables(), places }, { do_rotary: int(1) }));
  expect(inferShapes(decompose(graph)).get("y")?.shape).toEqual(["B", "S", N * H]);
});

test("within a window", async () => {
  await expectSame(model({}, { local_window_size: int(2) }));
});

test("with a bias of the scores", async () => {
  const bias = open(random([B, 1, S, S]), ["B", 1, "S", "S"]);
  await expectSame(model({ cos: undefined, sin: undefined, places: undefined, bias }));
});

test("with attention sinks it is refused", () => {
  const { graph } = modelOf(model({}, { smooth_softmax: int(1) }));
  expect(() => decompose(graph)).toThrow("GroupQueryAttention with attention sinks is not supported.");
});

import { describe, test } from "vitest";
import { int } from "../../attributes.ts";
import { MICROSOFT } from "../../graph.ts";
import { int64 } from "../../tensor.ts";
import { expectSame, indices, open, random } from "./decompose.fixture.ts";

const [B, S, N, H] = [2, 3, 2, 8];
const flat = () => open(random([B, S, N * H]), ["B", "S", N * H]);
const split = () => open(random([B, N, S, H]), ["B", N, "S", H]);

describe.each([0, 1])("RotaryEmbedding, interleaved = %i", (interleaved) => {
  const attributes = { interleaved: int(interleaved) };
  const places = () => open(indices([B, S], 10), ["B", "S"]);

  test("of opset 23, with positions or tables by token", async () => {
    const tables = { cos: random([10, H / 2]), sin: random([10, H / 2]), places: places() };
    await expectSame({ op: "RotaryEmbedding", opset: 23, attributes, inputs: { x: split(), ...tables }, outputs: { y: 4 } });
    const ofTokens = { cos: open(random([B, S, H / 2]), ["B", "S", H / 2]), sin: open(random([B, S, H / 2]), ["B", "S", H / 2]) };
    await expectSame({
      op: "RotaryEmbedding",
      opset: 23,
      attributes: { ...attributes, num_heads: int(N) },
      inputs: { x: flat(), ...ofTokens },
      outputs: { y: 3 },
    });
  });

  test("of opset 23, of some features only", async () => {
    const tables = { cos: random([10, 2]), sin: random([10, 2]), places: places() };
    const partial = { ...attributes, num_heads: int(N), rotary_embedding_dim: int(4) };
    await expectSame({ op: "RotaryEmbedding", opset: 23, attributes: partial, inputs: { x: flat(), ...tables }, outputs: { y: 3 } });
  });

  test("of com.microsoft", async () => {
    const tables = { cos: random([10, H / 2]), sin: random([10, H / 2]) };
    const model = { op: "RotaryEmbedding", domain: MICROSOFT, attributes, outputs: { y: 3 } };
    await expectSame({ ...model, inputs: { x: flat(), places: places(), ...tables } });
    await expectSame({ ...model, inputs: { x: flat(), first: int64([2]), ...tables } });
    await expectSame({ ...model, inputs: { x: split(), places: places(), ...tables }, outputs: { y: 4 } });
    const partial = { num_heads: int(N), rotary_embedding_dim: int(4), ...attributes };
    await expectSame({
      ...model,
      attributes: partial,
      inputs: { x: flat(), places: places(), cos: random([10, 2]), sin: random([10, 2]) },
    });
  });
});

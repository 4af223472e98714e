import { expect, test } from "vitest";
import { int, string } from "../../attributes.ts";
import { MICROSOFT } from "../../graph.ts";
import { float32, type Tensor } from "../../tensor.ts";
import { expectSame, modelOf, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

test.each(["DCR", "CRD"])("DepthToSpace in mode %s", async (mode) => {
  const attributes = { blocksize: int(2), mode: string(mode) };
  for (const shape of [
    ["N", 12, 3, 4],
    ["N", 12, "H", 4],
    ["N", 12, 3, "W"],
  ])
    await expectSame({ op: "DepthToSpace", attributes, inputs: { x: open(random([2, 12, 3, 4]), shape) }, outputs: { y: 4 } });
});

test("DepthToSpace and SpaceToDepth stay where both sides are symbolic", () => {
  for (const op of ["DepthToSpace", "SpaceToDepth"]) {
    const { graph } = modelOf({
      op,
      attributes: { blocksize: int(2) },
      inputs: { x: open(random([2, 12, 4, 4]), ["N", 12, "H", "W"]) },
      outputs: { y: 4 },
    });
    expect(decompose(graph)).toBe(graph);
  }
});

test("SpaceToDepth", async () => {
  await expectSame({
    op: "SpaceToDepth",
    attributes: { blocksize: int(2) },
    inputs: { x: open(random([2, 3, 4, 6]), ["N", 3, 4, 6]) },
    outputs: { y: 4 },
  });
});

test("com.microsoft QuantizeLinear and DequantizeLinear", async () => {
  const zero: Tensor = { type: "uint8", shape: [], data: Uint8Array.of(100) };
  const scale = float32([0.02], []);
  await expectSame({
    op: "QuantizeLinear",
    type: "uint8",
    domain: MICROSOFT,
    inputs: { x: open(random([2, 3]), ["N", 3]), scale, zero },
    outputs: { y: 2 },
  });
  const quantized: Tensor = { type: "uint8", shape: [2, 3], data: Uint8Array.of(0, 20, 90, 100, 180, 255) };
  await expectSame({ op: "DequantizeLinear", domain: MICROSOFT, inputs: { x: open(quantized, ["N", 3]), scale, zero }, outputs: { y: 2 } });
});

test.each([0, 1])("com.microsoft Trilu, upper = %i", async (upper) => {
  await expectSame({
    op: "Trilu",
    domain: MICROSOFT,
    attributes: { upper: int(upper) },
    inputs: { x: open(random([2, 3, 4]), ["N", 3, 4]) },
    outputs: { y: 3 },
  });
});

test("CastLike", async () => {
  const x: Tensor = { type: "int32", shape: [2, 2], data: Int32Array.of(0, 1, -2, 3) };
  await expectSame({ op: "CastLike", inputs: { x: open(x, ["N", 2]), like: random([1]) }, outputs: { y: 2 } });
});

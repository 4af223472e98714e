import { test } from "vitest";
import { float, int, ints } from "../../attributes.ts";
import { type Attributes, MICROSOFT } from "../../graph.ts";
import { int32 } from "../../tensor.ts";
import { expectSame, indices, open, random } from "./decompose.fixture.ts";

const sequence = () => open(random([2, 3, 8]), ["N", "S", 8]);
const vector = () => random([8], 0.5, 1.5);

test.each<Attributes>([{ epsilon: float(0.1) }, {}])("RMSNormalization over the last axis, %j", async (attributes) => {
  await expectSame({ op: "RMSNormalization", opset: 23, attributes, inputs: { x: sequence(), scale: vector() }, outputs: { y: 3 } });
});

test("RMSNormalization over two axes", async () => {
  await expectSame({
    op: "RMSNormalization",
    opset: 23,
    attributes: { axis: int(1) },
    inputs: { x: open(random([2, 3, 8]), ["N", 3, 8]), scale: random([3, 8]) },
    outputs: { y: 3 },
  });
});

test("SimplifiedLayerNormalization", async () => {
  await expectSame({
    op: "SimplifiedLayerNormalization",
    attributes: { epsilon: float(1e-3) },
    inputs: { x: sequence(), scale: vector() },
    outputs: { y: 3 },
  });
});

test("SkipLayerNormalization with every input, and its sum", async () => {
  await expectSame({
    op: "SkipLayerNormalization",
    domain: MICROSOFT,
    attributes: { epsilon: float(1e-5) },
    inputs: { x: sequence(), skip: sequence(), scale: vector(), beta: vector(), bias: vector() },
    outputs: { y: 3, mean: undefined, deviation: undefined, sum: 3 },
  });
});

test.each([[[1, 3, 8]], [[3, 8]]])("SkipLayerNormalization with a skip of %j, without beta and bias", async (shape) => {
  await expectSame({
    op: "SkipLayerNormalization",
    domain: MICROSOFT,
    inputs: { x: open(random([2, 3, 8]), ["N", 3, 8]), skip: random(shape), scale: vector() },
    outputs: { y: 3 },
  });
});

test("SkipSimplifiedLayerNormalization", async () => {
  await expectSame({
    op: "SkipSimplifiedLayerNormalization",
    domain: MICROSOFT,
    attributes: { epsilon: float(1e-5) },
    inputs: { x: sequence(), skip: sequence(), scale: vector(), bias: vector() },
    outputs: { y: 3, mean: undefined, deviation: undefined, sum: 3 },
  });
});

const embedding = () => ({
  ids: open(indices([2, 3], 10, "int32"), ["N", "S"]),
  segments: open(indices([2, 3], 2, "int32"), ["N", "S"]),
  words: random([10, 8]),
  places: random([6, 8]),
  kinds: random([2, 8]),
  scale: vector(),
  beta: vector(),
});

test("EmbedLayerNormalization with a mask", async () => {
  const mask = open(int32([1, 1, 0, 1, 0, 0], [2, 3]), ["N", "S"]);
  await expectSame({
    op: "EmbedLayerNormalization",
    domain: MICROSOFT,
    inputs: { ...embedding(), mask },
    outputs: { y: 3, mask_index: 1, sum: 3 },
  });
});

test("EmbedLayerNormalization without segments and mask, with positions", async () => {
  await expectSame({
    op: "EmbedLayerNormalization",
    domain: MICROSOFT,
    attributes: { epsilon: float(0.01) },
    inputs: {
      ...embedding(),
      segments: undefined,
      kinds: undefined,
      mask: undefined,
      positions: open(indices([2, 3], 6, "int32"), ["N", "S"]),
    },
    outputs: { y: 3, mask_index: 1 },
  });
});

test.each<Attributes>([{}, { axes: ints([1, 3]) }])("MeanVarianceNormalization %j", async (attributes) => {
  await expectSame({
    op: "MeanVarianceNormalization",
    attributes,
    inputs: { x: open(random([2, 3, 4, 5]), ["N", 3, 4, 5]) },
    outputs: { y: 4 },
  });
});

test.each([1, 2])("LpNormalization with p = %i, a zero row among others", async (p) => {
  const x = random([2, 3, 4]);
  (x.data as Float32Array).fill(0, 0, 4);
  await expectSame({ op: "LpNormalization", opset: 22, attributes: { p: int(p) }, inputs: { x: open(x, ["N", 3, 4]) }, outputs: { y: 3 } });
  await expectSame({
    op: "LpNormalization",
    opset: 22,
    attributes: { p: int(p), axis: int(1) },
    inputs: { x: open(random([2, 3, 4]), ["N", 3, 4]) },
    outputs: { y: 3 },
  });
});

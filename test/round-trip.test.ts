import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { int } from "../src/graph/attributes.ts";
import type { Graph, Value } from "../src/graph/graph.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { symbolicDimensions } from "../src/graph/rewrite/infer.ts";
import { bitsOf, runGraph } from "../src/graph/run.fixture.ts";
import { elementCount, type Tensor } from "../src/graph/tensor.ts";
import { randomFeeds } from "../src/measure/latency.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Feeds } from "../src/runtime/runtime.ts";

const golden = new URL("./golden/", import.meta.url);
/** Every model that an exporter made for the tests. */
const files = readdirSync(golden, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".onnx"));
/** Of every axis that a model leaves open; enough for its convolutions. */
const SIZE = 8;
const runtime = nodeRuntime({ threads: 1 });

async function outputs(bytes: Uint8Array, feeds: Feeds) {
  const session = await runtime.createSession(bytes);
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, bitsOf(tensor)]));
}

/** Ones, as bits. */
function halves({ name, type, shape }: Value): [string, Tensor] {
  const sizes = shape.map((size) => (typeof size === "number" ? size : SIZE));
  return [name, { type, shape: sizes, data: new Uint16Array(elementCount(sizes)).fill(0x3c00) }];
}

describe("a model that is read and written back gives the same bits", () => {
  test.each(files)("%s", async (file) => {
    const bytes = readFileSync(new URL(file, golden));
    const graph = readOnnx(bytes, file);
    const sizes = Object.fromEntries(symbolicDimensions(graph).map((name) => [name, SIZE]));
    const isHalf = ({ type }: Value) => type === "float16";
    const others = randomFeeds({ ...graph, inputs: graph.inputs.filter((input) => !isHalf(input)) }, sizes, 1);
    const feeds = { ...others, ...Object.fromEntries(graph.inputs.filter(isHalf).map(halves)) };
    const written = writeOnnx(graph);
    expect(await outputs(written, feeds)).toEqual(await outputs(bytes, feeds));
    // What was written once is read and written without change.
    expect(writeOnnx(readOnnx(written, file))).toEqual(written);
  });
});

test("elements of 8 and 4 bits are what ONNX Runtime takes them for", async () => {
  const cast = (from: string, to: string) => ({
    op: "Cast",
    domain: "",
    name: to,
    inputs: [from],
    outputs: [to],
    attributes: { to: int(1) },
  });
  const constants: Record<string, Tensor> = {
    int4: { type: "int4", shape: [3], data: Uint8Array.of(0x8f, 0x07) },
    uint4: { type: "uint4", shape: [3], data: Uint8Array.of(0x8f, 0x07) },
    float8: { type: "float8e4m3fn", shape: [3], data: Uint8Array.of(0x38, 0xb8, 0x7e) },
  };
  const names = Object.keys(constants);
  const graph: Graph = {
    name: "types",
    opsets: { "": 21 },
    inputs: [],
    outputs: names.map((name) => ({ name: `${name} as float32`, type: "float32", shape: [3] })),
    nodes: names.map((name) => cast(name, `${name} as float32`)),
    initializers: new Map(Object.entries(constants)),
    metadata: {},
  };
  const results = await runGraph(readOnnx(writeOnnx(graph)), {});
  expect(Object.values(results).map(({ data }) => [...(data as Float32Array)])).toEqual([
    [-1, -8, 7],
    [15, 8, 7],
    [1, -1, 448],
  ]);
});

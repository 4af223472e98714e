import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toFloat16 } from "../src/distill/cache/float16.ts";
import { inInt8 } from "../src/distill/teacher/int8.ts";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import type { Graph } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { float32 } from "../src/graph/tensor.ts";
import { randomFeeds } from "../src/measure/latency.ts";
import { lenet } from "../src/nn/zoo/lenet.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { compare, namesOf } from "../src/run/compare.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { scratch, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const inPlace = (name: string): string => join(place, name);
const write = (name: string, content: Uint8Array | string) => writeFileSync(inPlace(name), content);

/** What takes sequences of any length, in half precision beside. */
function sequences(): Graph {
  const g = graphBuilder("sequences");
  g.output(g.reduceSum(g.input("tokens", "float32", ["N", "length", 8]), { axes: [1, 2] }), "sums");
  g.output(g.identity(g.input("half", "float16", ["N", 4])), "same");
  return g.build();
}

/** One matrix product, all of it in half precision. */
function inHalf(): Graph {
  const g = graphBuilder("half");
  const data = Uint16Array.from({ length: 7840 }, (_, index) => toFloat16(Math.sin(index)));
  const flat = g.reshape(g.input("images", "float16", ["N", 1, 28, 28]), [-1, 784]);
  g.output(g.matMul(flat, g.initializer("weight", { type: "float16", shape: [784, 10], data })), "logits");
  return g.build();
}

/** Any graph for batches of exactly `size`. */
function fixedTo(size: number, graph: Graph): Graph {
  const fix = <V extends Graph["inputs"][number]>(value: V): V => ({ ...value, shape: [size, ...value.shape.slice(1)] });
  return { ...graph, inputs: graph.inputs.map(fix), outputs: graph.outputs.map(fix) };
}

/** What classifies nothing. */
function odd(): Graph {
  const g = graphBuilder("odd");
  g.output(g.mul(g.input("x", "float32", ["N", 4]), g.initializer("w", float32([1, 2, 3, 4]))), "y");
  return g.build();
}

beforeAll(() => {
  writeSmallMnist(inPlace("mnist"), { train: 200, test: 60 });
  write("small.onnx", writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [8], classes: 10, seed: 1 })));
  write("large.onnx", writeOnnx(lenet({ inputShape: [3, 32, 32], classes: 10, seed: 1 })));
  write("sequences.onnx", writeOnnx(sequences()));
  write("odd.onnx", writeOnnx(odd()));
  write("four.onnx", writeOnnx(fixedTo(4, mlp({ inputShape: [1, 28, 28], hidden: [8], classes: 10, seed: 2 }))));
  write("text.onnx", "no model\n");
});

const paths = (...names: readonly string[]) => names.map(inPlace);

describe("models side by side", () => {
  test("on data, of other input sizes", async () => {
    const stages: string[] = [];
    const found = await compare(paths("small.onnx", "four.onnx"), {
      reference: inPlace("large.onnx"),
      data: "mnist",
      relativeTo: place,
      batch: 3,
      threads: 1,
      onStage: (text) => void stages.push(text),
    });
    expect(found).toMatchObject({ reference: "large.onnx", data: { location: "mnist", split: "test", samples: 60 }, batch: 3 });
    const [large, small, four] = found.models;
    expect(found.models.map(({ name }) => name)).toEqual(["large.onnx", "small.onnx", "four.onnx"]);
    expect([large?.agreement, typeof small?.agreement]).toEqual([undefined, "number"]);
    expect([large?.inputs, small?.inputs]).toEqual(["input [N, 3, 32, 32]", "input [N, 1, 28, 28]"]);
    expect(small).toMatchObject({ parameters: 8 * 785 + 10 * 9, format: "float32", notes: [] });
    expect(large?.scores?.reliability).toHaveLength(15);
    const measured = found.models.map(({ latencies }) => latencies.map(({ batch, threads }) => `${batch}/${threads}`));
    expect(measured).toEqual([["1/1", "3/1", "4/1"], ["1/1", "3/1", "4/1"], ["4/1"]]);
    expect(four?.notes).toEqual(["it takes batches of exactly 4; its memory is for one of those."]);
    // At least one run in each of ten turns.
    for (const { latencies, peakMemoryBytes, joules } of found.models) {
      for (const { median, quartiles, runs } of latencies) {
        expect(median).toBeGreaterThanOrEqual(quartiles[0]);
        expect(median).toBeLessThanOrEqual(quartiles[1]);
        expect(runs).toBeGreaterThanOrEqual(10);
      }
      expect(peakMemoryBytes).toBeGreaterThanOrEqual(0);
      expect(joules).toBeGreaterThan(0);
    }
    // Nothing has fewer parameters than these two; what wasn't timed with one sample is on no front of latencies.
    expect(found.models.some(({ front }) => front?.parameters)).toBe(true);
    expect(four?.front?.latency).toBe(false);
    expect(stages.slice(0, 3)).toEqual(["Testing large.onnx", "Testing small.onnx", "Testing four.onnx"]);
  });

  test("in half precision and in int8", async () => {
    const network = mlp({ inputShape: [1, 28, 28], hidden: [8], classes: 10, seed: 1 });
    write("int8.onnx", writeOnnx(await inInt8(nodeRuntime({ threads: 1 }), network, [randomFeeds(network, { N: 32 })])));
    write("half.onnx", writeOnnx(inHalf()));
    const found = await compare(paths("small.onnx", "int8.onnx", "half.onnx"), { data: "mnist", relativeTo: place, batch: 1, threads: 1 });
    const [plain, int8, half] = found.models;
    expect(found.models.map(({ format }) => format)).toEqual(["float32", "int8", "float16"]);
    expect(int8?.parameters).toBe(plain?.parameters);
    expect(int8?.agreement).toBeGreaterThan(0.8);
    expect(int8?.joules).toBeLessThan(0.5 * (plain?.joules ?? 0));
    expect(half).toMatchObject({ parameters: 7840, notes: [] });
    expect(half?.scores?.accuracy).toBeGreaterThanOrEqual(0);
  });

  test("without data, of any kind", async () => {
    const found = await compare(paths("odd.onnx", "sequences.onnx"), { batch: 1, sizes: { length: 5 } });
    expect(found.data).toBeUndefined();
    expect(found.reference).toBe("odd.onnx");
    expect(found.models.map(({ inputs }) => inputs)).toEqual(["x [N, 4]", "tokens [N, length, 8], half [N, 4] float16"]);
    for (const { scores, agreement, front, latencies } of found.models) {
      expect([scores, agreement, front]).toEqual([undefined, undefined, undefined]);
      expect(latencies.map(({ batch, threads }) => [batch, threads])).toEqual([
        [1, 1],
        [1, "all"],
      ]);
    }
  });
});

describe("refuses", () => {
  test.each<[what: string, names: readonly string[], options: Parameters<typeof compare>[1], message: RegExp]>([
    ["one model", ["small.onnx"], {}, /nothing to compare/],
    ["a file that is no model", ["small.onnx", "text.onnx"], {}, /Not a readable ONNX model/],
    ["a file that isn't there", ["small.onnx", "nowhere.onnx"], {}, /no such file/],
    ["a size left open", ["small.onnx", "sequences.onnx"], {}, /The size of "length" is left open/],
    [
      "a size that no model has",
      ["small.onnx", "large.onnx"],
      { sizes: { width: 3 } },
      /None of the models has an open dimension named "width"/,
    ],
  ])("%s", async (_, names, options, message) => {
    await expect(compare(paths(...names), options)).rejects.toThrow(message);
  });

  test("what doesn't fit the data, by the file's name", async () => {
    const options = { data: "mnist", relativeTo: place };
    await expect(compare(paths("small.onnx", "odd.onnx"), options)).rejects.toMatchObject({ where: inPlace("odd.onnx") });
  });
});

test("names are as long as tells them apart", () => {
  expect(namesOf(["a/x.onnx", "a/y.onnx"])).toEqual(["x.onnx", "y.onnx"]);
  expect(namesOf(["runs/a/student.onnx", "runs/b/student.onnx", "teacher.onnx"])).toEqual([
    "a/student.onnx",
    "b/student.onnx",
    "teacher.onnx",
  ]);
  expect(namesOf(["x/a/s.onnx", "y/a/s.onnx", "y/b/s.onnx"])).toEqual(["x/a/s.onnx", "y/a/s.onnx", "b/s.onnx"]);
  expect(namesOf(["a/s.onnx", "./a/s.onnx"])).toEqual(["s.onnx", "s.onnx (2)"]);
});

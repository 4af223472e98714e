import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Recipe } from "../distill/recipe/schema.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { nodeEnvironment } from "./environment.ts";
import { readOnnxBytes, readOnnxFile } from "./onnx-file.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "limbeck-onnx-")));
afterAll(() => rmSync(root, { recursive: true }));
let place: string;
let count = 0;
beforeEach(() => {
  place = join(root, String(count++));
  mkdirSync(place);
});

const value = (name: string) => ({
  name,
  type: {
    value: { case: "tensorType" as const, value: { elemType: 1, shape: { dim: [{ value: { case: "dimValue" as const, value: 2n } }] } } },
  },
});

/** y = x + w, with w in the file of that name. */
function save(path: string, ...locations: string[]): void {
  const initializer = locations.map((location, index) => ({
    name: index === 0 ? "w" : `w${index}`,
    dims: [2n],
    dataType: 1,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: "location", value: location }],
  }));
  const graph = {
    name: "g",
    initializer,
    node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }],
    input: [value("x")],
    output: [value("y")],
  };
  writeFileSync(path, toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, opsetImport: [{ version: 21n }], graph })));
}
const saveWeights = (path: string, ...numbers: number[]): void => writeFileSync(path, new Uint8Array(Float32Array.from(numbers).buffer));
const refusal = (message: RegExp) => expect.objectContaining({ name: "LimbeckError", message: expect.stringMatching(message) });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("a model and its weights are read as one, which ONNX Runtime takes", async () => {
  mkdirSync(join(place, "weights"));
  save(join(place, "m.onnx"), "weights/w.bin");
  saveWeights(join(place, "weights/w.bin"), 10, 20);
  const { graph, bytes } = await readOnnxFile(join(place, "m.onnx"));
  expect(graph.initializers.get("w")?.data).toEqual(Float32Array.of(10, 20));
  const session = await nodeRuntime().createSession(bytes);
  expect((await session.run({ x: float32([1, 2]) })).y?.data).toEqual(Float32Array.of(11, 22));
  await session.release();
  // Another weight is another model, though the .onnx file is the same.
  saveWeights(join(place, "weights/w.bin"), 10, 21);
  expect(sha256(await readOnnxBytes(join(place, "m.onnx")))).not.toBe(sha256(bytes));
});

test("so are the models that a recipe names", async () => {
  save(join(place, "m.onnx"), "w.bin");
  saveWeights(join(place, "w.bin"), 1, 2);
  const { readFile } = nodeEnvironment({} as Recipe, place, undefined, {});
  expect(readOnnx(await readFile("m.onnx")).initializers.get("w")?.data).toEqual(Float32Array.of(1, 2));
});

test("a model in one file is read as it is", async () => {
  save(join(place, "m.onnx"), "w.bin");
  saveWeights(join(place, "w.bin"), 1, 2);
  writeFileSync(join(place, "whole.onnx"), await readOnnxBytes(join(place, "m.onnx")));
  expect(await readOnnxBytes(join(place, "whole.onnx"))).toEqual(readFileSync(join(place, "whole.onnx")));
});

test("links are followed as far as they stay with the model", async () => {
  // As the cache of Hugging Face has it: the files under hashed names in one folder, links to them in another.
  mkdirSync(join(place, "blobs"));
  mkdirSync(join(place, "snapshot"));
  save(join(place, "blobs/1a"), "w.bin");
  saveWeights(join(place, "blobs/2b"), 1, 2);
  symlinkSync("../blobs/1a", join(place, "snapshot/m.onnx"));
  symlinkSync("../blobs/2b", join(place, "snapshot/w.bin"));
  expect((await readOnnxFile(join(place, "snapshot/m.onnx"))).graph.initializers.size).toBe(1);
  // The same link beside a model that is a file itself leads out.
  save(join(place, "snapshot/file.onnx"), "w.bin");
  await expect(readOnnxFile(join(place, "snapshot/file.onnx"))).rejects.toEqual(refusal(/outside of its folder/));
  symlinkSync("..", join(place, "snapshot/up"));
  save(join(place, "snapshot/file.onnx"), "up/blobs/2b");
  await expect(readOnnxFile(join(place, "snapshot/file.onnx"))).rejects.toEqual(refusal(/outside of its folder/));
});

test.each<[string, string, RegExp]>([
  ["a missing file", "w.bin", /can't be read\. There is no such file/],
  ["a folder", "folder", /should lie in a file/],
  ["its own folder", ".", /outside of its folder/],
  ["a link to itself", "circle", /can't be read/],
  ["a path that climbs", "../w.bin", /may lead out/],
  ["an absolute path", join(root, "0", "w.bin"), /not relative/],
  ["a name that no file can have", "a".repeat(5000), /can't be read\. The path is too long/],
])("%s is refused", async (_, location, message) => {
  mkdirSync(join(place, "folder"));
  symlinkSync("circle", join(place, "circle"));
  save(join(place, "m.onnx"), location);
  await expect(readOnnxBytes(join(place, "m.onnx"))).rejects.toEqual(refusal(message));
});

test("files that are too large together are refused before any is read whole", async () => {
  save(join(place, "m.onnx"), "large.bin");
  saveWeights(join(place, "large.bin"), 1, 2);
  // Takes no room on the disk.
  truncateSync(join(place, "large.bin"), 2 ** 31);
  await expect(readOnnxBytes(join(place, "m.onnx"))).rejects.toEqual(refusal(/larger than one ONNX file can be/));
});

import { describe, expect, it } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32 } from "../graph/tensor.ts";
import { writingInPlace } from "./in-place.ts";
import { nodeRuntime } from "./node.ts";
import { webRuntime } from "./web.ts";

function model(): Uint8Array {
  const g = graphBuilder("network");
  const x = g.input("x", "float32", [3]);
  g.output(g.mul(x, 2), "double");
  g.output(g.emit("Gather", [x, g.cast(g.reduceMax(x), "int64")])[0] as typeof x, "picked");
  return writeOnnx(writingInPlace(g.build()));
}

describe.each([
  ["node", () => nodeRuntime({ threads: 1 })],
  ["web", () => webRuntime({ threads: 1 })],
])("a session that writes its results in place (%s)", (_, runtime) => {
  it("writes them, run after run", async () => {
    const session = await runtime().createSession(model());
    const into = { double: float32([0, 0, 0]), picked: float32([0], []) };
    for (const x of [
      [0, 1, 2],
      [2, 1, 0],
    ]) {
      expect(await session.run({ x: float32(x) }, { into, fetch: [] })).toEqual(into);
      expect([...into.double.data]).toEqual(x.map((value) => 2 * value));
      expect([...into.picked.data]).toEqual([x[2]]);
    }
    await session.release();
  });

  it("has no other outputs than before, and gives them when asked", async () => {
    const session = await runtime().createSession(model());
    expect(session.outputNames).toEqual(["double", "picked"]);
    const result = await session.run({ x: float32([1, 0, 0]) });
    expect(Object.keys(result).sort()).toEqual(["double", "picked"]);
    expect(result.double).toEqual(float32([2, 0, 0]));
    await session.release();
  });

  it("passes real errors on", async () => {
    const session = await runtime().createSession(model());
    const into = { double: float32([0, 0, 0]), picked: float32([0], []) };
    await expect(session.run({ x: float32([0, 1, 7]) }, { into, fetch: [] })).rejects.toThrow(/out of|bounds|index/i);
    await session.release();
  });
});

import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, it } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32 } from "../graph/tensor.ts";
import { deviceState, readOut } from "./device-state.ts";
import { nodeRuntime } from "./node.ts";
import type { StateBinding } from "./runtime.ts";

/** total ← total + factor · x, count ← count + 1; shown is total · count. */
function counter(factor = 1) {
  const g = graphBuilder("counter");
  const [x, total, count] = [g.input("x", "float32", [2]), g.input("total", "float32", [2]), g.input("count", "float32", [])];
  const [newTotal, newCount] = [g.add(total, g.mul(x, factor)), g.add(count, 1)];
  g.output(g.mul(newTotal, newCount), "shown");
  g.output(newTotal, "next total");
  g.output(newCount, "next count");
  return g.build();
}

const bindings: readonly StateBinding[] = [
  { input: "total", output: "next total", initial: float32([10, 20]) },
  { input: "count", output: "next count", initial: float32([0], []) },
];

const wrap = ({ data, shape }: { data: unknown; shape: readonly number[] }) => new Tensor("float32", data as Float32Array, shape);

const load = (graph: Graph) => InferenceSession.create(writeOnnx(graph));

/** The state that stays with the runtime, by sessions whose memory is the CPU's: what is tested is how it goes from run to run. */
async function resident() {
  const [graph, copies] = await Promise.all([load(counter()), InferenceSession.create(readOut(bindings))]);
  return deviceState({ graph, load, readOut: copies, wrap }, bindings);
}

it.each([
  ["in JavaScript's memory", () => nodeRuntime().createStatefulSession(counter(), bindings)],
  ["on the device", resident],
])("a state %s goes from run to run, and leaves what it began with alone", async (_, create) => {
  const session = await create();
  expect((await session.state()).get("total")?.data).toEqual(Float32Array.of(10, 20));
  const shown = float32(new Float32Array(2));
  for (const [x, expected] of [
    [1, [11, 21]],
    [2, [26, 46]],
    [3, [48, 78]],
  ] as const) {
    await session.run({ x: float32([x, x]) }, { shown });
    expect(Array.from(shown.data)).toEqual(expected);
  }
  const state = await session.state();
  expect([...state.keys()]).toEqual(["total", "count"]);
  expect(state.get("total")).toEqual(float32([16, 26]));
  expect(state.get("count")).toEqual(float32([3], []));
  expect(bindings[0]?.initial.data).toEqual(Float32Array.of(10, 20));
  await session.release();
});

it.each([
  ["in JavaScript's memory", () => nodeRuntime().createStatefulSession(counter(), bindings)],
  ["on the device", resident],
])("a state %s is that of all its graphs", async (_, create) => {
  const session = await create();
  const other = await session.withGraph(counter(100));
  const shown = float32(new Float32Array(2));
  const runs = [session.run, other, other, session.run];
  const sums = [];
  for (const run of runs) {
    await run({ x: float32([1, 1]) }, { shown });
    sums.push(shown.data[0]);
  }
  expect(sums).toEqual([11, 222, 633, 848]);
  await session.release();
});

it("runs a graph without a state", async () => {
  const g = graphBuilder("double");
  g.output(g.mul(g.input("x", "float32", [2]), 2), "y");
  const session = deviceState({ graph: await load(g.build()), load, wrap }, []);
  const y = float32([0, 0]);
  await session.run({ x: float32([1, 3]) }, { y });
  expect(y.data).toEqual(Float32Array.of(2, 6));
  expect((await session.state()).size).toBe(0);
  await session.release();
});

import { expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import { type GraphBuilder, graphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { float32, type Tensor } from "../../graph/tensor.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { gradient } from "../gradient.ts";

const flag = (g: GraphBuilder, on: boolean): Value => g.constant({ type: "bool", shape: [], data: Uint8Array.of(Number(on)) });

/** The sum of a dropout's output, and that output. */
function dropoutGraph(outputs: number, inputs: (g: GraphBuilder) => (Value | undefined)[]) {
  const g = graphBuilder("dropout");
  const [y] = g.emit("Dropout", [g.input("x", "float32", [1000]), ...inputs(g)], { outputs });
  g.output(y as Value, "y");
  g.output(g.reduceSum(y as Value), "loss");
  return g.build();
}

it("gives the gradient to the elements that were kept, scaled as they were", async () => {
  for (const [ratio, scale] of [
    [0.25, 4 / 3],
    [undefined, 2],
  ] as const) {
    const graph = dropoutGraph(2, (g) => [ratio === undefined ? undefined : g.scalar(ratio), flag(g, true)]);
    const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(gradient(graph, "loss", ["x"])));
    const found = await session.run({ x: float32(new Float32Array(1000).fill(1)) });
    const derivative = (found["gradient:x"] as Tensor).data;
    expect(derivative).toEqual((found.y as Tensor).data);
    expect(new Set(derivative as Float32Array)).toEqual(new Set([0, Math.fround(scale)]));
  }
});

it("explains what is missing when a gradient cannot be had", () => {
  const message = (graph: ReturnType<typeof dropoutGraph>): string => {
    try {
      gradient(graph, "loss", ["x"]);
    } catch (error) {
      if (error instanceof LimbeckError) return explain(error);
    }
    return "no error";
  };
  expect(message(dropoutGraph(1, (g) => [g.scalar(0.5), flag(g, true)]))).toMatch(
    /Dropout "Dropout" has no gradient: it does not give its mask.*training_mode/,
  );
  expect(message(dropoutGraph(2, (g) => [g.scalar(0.5), g.input("mode", "bool", [])]))).toMatch(/known only at run time/);
});

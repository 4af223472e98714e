import { expect, test } from "vitest";
import { float } from "../../attributes.ts";
import { MICROSOFT } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { float32, type Tensor } from "../../tensor.ts";
import { expectClose, expectSame, modelOf, type NodeModel, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

const sequence = () => open(random([2, 3, 8], -3, 3), ["N", "S", 8]);
const x = () => ({ x: sequence() });
const biased = () => ({ x: sequence(), bias: random([8]) });

test.each([
  { op: "Gelu", inputs: x() },
  { op: "BiasGelu", inputs: biased() },
  { op: "FastGelu", inputs: x() },
  { op: "FastGelu", inputs: biased() },
  { op: "QuickGelu", inputs: x() },
  { op: "QuickGelu", inputs: x(), attributes: { alpha: float(0.7) } },
])("com.microsoft $op of $inputs", async (model) => {
  await expectSame({ domain: MICROSOFT, outputs: { y: 3 }, ...model });
});

/** What a model's decomposition gives, for operators that ONNX Runtime has no kernel of on the CPU. */
async function decomposed(model: NodeModel): Promise<Tensor> {
  const { graph, feeds } = modelOf(model);
  expect(decompose(graph).nodes.map(({ op }) => op)).not.toContain(model.op);
  return (await runGraph(decompose(graph), feeds)).y as Tensor;
}

const numbers = [-2, -0.5, 0, 0.5, 1, 2];
const row = open(float32(numbers, [1, 6]), ["N", 6]);
/** z·Φ(z), the normal distribution integrated by Simpson's rule. */
const gelu = (z: number) => {
  const steps = 1000;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    const [from, to] = [(z * step) / steps, (z * (step + 1)) / steps];
    sum += ((density(from) + 4 * density((from + to) / 2) + density(to)) * (to - from)) / 6;
  }
  return z * (0.5 + sum);
};

test("Swish is x·σ(αx)", async () => {
  const y = await decomposed({ op: "Swish", attributes: { alpha: float(1.5) }, inputs: { x: row }, outputs: { y: 2 } });
  expectClose(
    y,
    float32(
      numbers.map((z) => z / (1 + Math.exp(-1.5 * z))),
      [1, 6],
    ),
  );
});

test("BiasAdd is x + bias + skip", async () => {
  const inputs = { x: row, bias: float32([0, 1, 2, 3, 4, 5]), skip: row };
  const y = await decomposed({ op: "BiasAdd", domain: MICROSOFT, inputs, outputs: { y: 2 } });
  expectClose(
    y,
    float32(
      numbers.map((z, index) => 2 * z + index),
      [1, 6],
    ),
  );
});

test("BiasSplitGelu is the left half times the GELU of the right half", async () => {
  const inputs = { x: row, bias: float32([1, 1, 1, 0, 0, 0.5]) };
  const y = await decomposed({ op: "BiasSplitGelu", domain: MICROSOFT, inputs, outputs: { y: 2 } });
  expectClose(y, float32([-1 * gelu(0.5), 0.5 * gelu(1), 1 * gelu(2.5)], [1, 3]));
});

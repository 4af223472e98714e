import { describe, expect, test } from "vitest";
import { float, int, string } from "../../../attributes.ts";
import type { Attributes } from "../../../graph.ts";
import { runGraph } from "../../../run.fixture.ts";
import { int32, type Tensor } from "../../../tensor.ts";
import { expectClose, expectSame, modelOf, open, random } from "../decompose.fixture.ts";
import { unrollRecurrent } from "./unroll.ts";

const [T, B, I, H] = [4, 3, 5, 6];
const gates = { LSTM: 4, GRU: 3, RNN: 1 } as const;
type Layer = keyof typeof gates;
const layers = Object.keys(gates) as Layer[];

const floats = (value: readonly number[]) => ({ kind: "floats", value }) as const;
const strings = (value: readonly string[]) => ({ kind: "strings", value }) as const;
const states = (directions: number) => open(random([directions, B, H]), [directions, "B", H]);

function model(op: Layer, attributes: Attributes = {}, inputs: object = {}, direction = "forward") {
  const directions = direction === "bidirectional" ? 2 : 1;
  const rows = gates[op] * H;
  return {
    op,
    attributes: { hidden_size: int(H), direction: string(direction), ...attributes },
    inputs: {
      x: open(random([T, B, I]), [T, "B", I]),
      w: random([directions, rows, I]),
      r: random([directions, rows, H]),
      b: random([directions, 2 * rows]),
      lengths: undefined,
      h: undefined,
      ...inputs,
    },
    stored: ["w", "r", "b"],
    outputs: { y: 4, last: 3, ...(op === "LSTM" && { memory: 3 }) },
  };
}
const same = (whole: ReturnType<typeof model>) => expectSame(whole, { rewrite: unrollRecurrent, sizes: ["declared"] });

describe.each(layers)("%s", (op) => {
  test.each(["forward", "reverse", "bidirectional"])("%s", async (direction) => {
    const directions = direction === "bidirectional" ? 2 : 1;
    const initial = { h: states(directions), ...(op === "LSTM" && { c: states(directions) }) };
    const lengths = open(int32([4, 1, 3]), ["B"]);
    for (const inputs of [{}, { b: undefined }, initial, { lengths }, { lengths, ...initial }])
      await same(model(op, {}, inputs, direction));
  });

  test("clipped, with activations by name", async () => {
    const names = { LSTM: ["HardSigmoid", "Softsign", "Elu"], GRU: ["HardSigmoid", "LeakyRelu"], RNN: ["Relu"] }[op];
    const parameters = {
      activation_alpha: floats({ LSTM: [0.3, 0.8], GRU: [0.3, 0.05], RNN: [] }[op]),
      activation_beta: floats(op === "RNN" ? [] : [0.4]),
    };
    await same(model(op, { activations: strings(names), ...parameters }, { h: states(1) }));
    await same(model(op, { clip: float(0.3) }, { h: states(1) }));
    await same(model(op, { activations: strings([...names, ...names]) }, {}, "bidirectional"));
  });

  test("batch first is as time first, transposed", async () => {
    const whole = model(op, {}, { h: states(2) }, "bidirectional");
    const { graph, feeds } = modelOf(whole);
    const { graph: other } = modelOf({
      ...whole,
      attributes: { ...whole.attributes, layout: int(1) },
      inputs: { ...whole.inputs, x: open(random([B, T, I]), ["B", T, I]), h: open(random([B, 2, H]), ["B", 2, H]) },
    });
    const flipped = { ...feeds, x: swapped(feeds.x as Tensor), h: swapped(feeds.h as Tensor) };
    const [expected, found] = [await runGraph(graph, feeds), await runGraph(unrollRecurrent(other), flipped)];
    expectClose(swapped(found.last as Tensor), expected.last as Tensor);
    // y: [B, T, D, H] against [T, D, B, H]
    expect(found.y?.shape).toEqual([B, T, 2, H]);
    const at = (tensor: Tensor, ...index: readonly number[]) =>
      Number(tensor.data[index.reduce((flat, one, axis) => flat * (tensor.shape[axis] as number) + one, 0)]);
    expect(at(found.y as Tensor, 1, 2, 1, 3)).toBeCloseTo(at(expected.y as Tensor, 2, 1, 1, 3), 5);
  });

  test("needs to know its steps", () => {
    const { graph } = modelOf(model(op, {}, { x: open(random([T, B, I]), ["T", "B", I]) }));
    expect(() => unrollRecurrent(graph)).toThrow(
      expect.objectContaining({ name: "LimbeckError", where: `${op} "node"`, hint: expect.stringContaining("{ T: 128 }") }),
    );
  });
});

test("lengths that reach the end cost nothing", async () => {
  const { graph } = modelOf({ ...model("LSTM", {}, { lengths: int32([T, T, T]) }), stored: ["lengths"] });
  expect(unrollRecurrent(graph).nodes.map(({ op }) => op)).not.toContain("Where");
  const { graph: shorter } = modelOf({ ...model("LSTM", {}, { lengths: int32([T, 1, T]) }), stored: ["lengths"] });
  expect(unrollRecurrent(shorter).nodes.map(({ op }) => op)).toContain("Where");
});

test("a layer has one product with its input, and one with its state at each step but the first", () => {
  for (const op of layers) {
    const { graph } = modelOf(model(op, { linear_before_reset: int(1) }));
    const products = unrollRecurrent(graph).nodes.filter((node) => ["Gemm", "MatMul", "FusedMatMul"].includes(node.op));
    expect(products).toHaveLength(T);
  }
});

test("LSTM with peepholes and with coupled gates", async () => {
  const initial = { h: states(2), c: states(2) };
  await same(model("LSTM", {}, { ...initial, p: random([2, 3 * H]) }, "bidirectional"));
  await same(model("LSTM", {}, { h: undefined, c: undefined, p: random([1, 3 * H]) }));
  await same(model("LSTM", { input_forget: int(1) }, initial, "bidirectional"));
});

test.each([0, 1])("GRU with linear_before_reset = %i", async (linear_before_reset) => {
  const attributes = { linear_before_reset: int(linear_before_reset) };
  for (const inputs of [{ h: states(2) }, {}, { b: undefined }]) await same(model("GRU", attributes, inputs, "bidirectional"));
  await same(model("GRU", { ...attributes, clip: float(0.3) }, { h: states(1) }));
});

/** The first two axes exchanged. */
function swapped({ shape, data, type }: Tensor): Tensor {
  const [rows, columns, width] = shape as [number, number, number];
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out.set(
        (data as Float32Array).subarray((row * columns + column) * width, (row * columns + column + 1) * width),
        (column * rows + row) * width,
      );
  return { type, shape: [columns, rows, width], data: out };
}

import { expect, test } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import { type ElementType, float32, type Tensor, zeros } from "../graph/tensor.ts";
import { estimateEnergy, numberFormatOf } from "./energy.ts";
import { profileGraph } from "./profile.ts";

/** One matrix product [N, 10]·[10, 20] and a ReLU. */
function layer() {
  const g = graphBuilder("layer");
  const weight = g.initializer("weight", float32(new Float32Array(200).fill(0.5), [10, 20]));
  g.output(g.relu(g.matMul(g.input("x", "float32", ["N", 10]), weight)), "y");
  return g.build();
}

test("the formula, by hand", () => {
  const profile = profileGraph(layer());
  const found = estimateEnergy(profile, "float32");
  // 200 multiply-adds, 20 operations of the ReLU; 800 bytes of weights; 2·20 numbers of 4 bytes written and read.
  expect(found.arithmetic / 1e-12).toBeCloseTo(200 * (3.7 + 0.9) + 20 * 0.9, 6);
  expect(found.weights / 1e-12).toBeCloseTo(800 * 243.75, 6);
  expect(found.activations / 1e-12).toBeCloseTo(2 * 160 * 12.5, 6);
  expect(found.joules).toBe(found.arithmetic + found.weights + found.activations);
  const small = estimateEnergy(profile, "int8");
  expect(small.arithmetic / 1e-12).toBeCloseTo(200 * 0.3 + 20 * 0.1, 6);
  expect(small.activations).toBeCloseTo(found.activations / 4, 18);
});

test("a graph for a batch of four counts a fourth for each sample, but for the weights", () => {
  const graph = layer();
  const [input, output] = [graph.inputs[0], graph.outputs[0]] as const;
  const four = { ...graph, inputs: [{ ...input, shape: [4, 10] }], outputs: [{ ...output, shape: [4, 20] }] } as typeof graph;
  const [one, each] = [estimateEnergy(profileGraph(graph), "float32"), estimateEnergy(profileGraph(four), "float32")];
  expect(each.arithmetic).toBeCloseTo(one.arithmetic, 18);
  expect(each.activations).toBeCloseTo(one.activations, 18);
  expect(each.weights).toBe(one.weights);
});

test("the format is that of most weights, however many bytes those take", () => {
  const storing = (...weights: readonly Tensor[]) => {
    const graph = layer();
    const initializers = new Map(weights.map((tensor, index) => [`w${index}`, tensor] as const));
    const outputs = [...initializers].map(([name, { type, shape }]) => ({ name, type, shape }));
    return { ...graph, outputs: [...graph.outputs, ...outputs], initializers: new Map([...graph.initializers, ...initializers]) };
  };
  const of = (type: ElementType, count: number) => zeros(type, [count]);
  expect(numberFormatOf(layer())).toBe("float32");
  expect(numberFormatOf(storing(of("int8", 201)))).toBe("int8");
  expect(numberFormatOf(storing(of("int8", 199)))).toBe("float32");
  expect(numberFormatOf(storing(of("float16", 300), of("uint8", 100)))).toBe("float16");
  expect(numberFormatOf(storing(of("int64", 900)))).toBe("float32");
});

import { describe, expect, it } from "vitest";
import { int } from "../graph/attributes.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { network, sine } from "./train.fixture.ts";
import { trainable } from "./trainable.ts";

const cnn = smallCnn({ inputShape: [2, 4, 4], classes: 3, channels: [4], depth: 1, seed: 0 });
const names = (weights: ReadonlyMap<string, unknown>): readonly string[] => [...weights.keys()];

describe("what is trained", () => {
  it("is every float initialiser; running averages are kept up to date", () => {
    const { parameters, buffers } = trainable(cnn);
    expect(names(buffers)).toHaveLength(2);
    expect(names(parameters)).toEqual(
      [...cnn.initializers.keys()].filter((name) => cnn.initializers.get(name)?.shape.length && !buffers.has(name)),
    );
  });

  it("is a shared weight once", () => {
    const tied = network([3], (g, x) => {
      const weight = g.initializer("weight", sine([3, 3], 1, 1, 1));
      return g.matMul(g.relu(g.matMul(x, weight)), g.transpose(weight, [1, 0]));
    });
    expect(names(trainable(tied).parameters)).toEqual(["weight"]);
  });

  it("is not what sets an operator, nor a mask of attention", () => {
    const masked = network([2, 2], (g, x) => {
      const scores = g.add(x, g.initializer("mask", float32([0, -100, -100, 0], [2, 2])));
      const doubled = g.emit("Resize", [scores, undefined, g.initializer("scales", float32([1, 1, 2]))])[0] ?? scores;
      return g.matMul(doubled, g.initializer("weight", sine([4, 2], 1, 1, 1)));
    });
    expect(names(trainable(masked).parameters)).toEqual(["weight"]);
  });

  it("can lie in a Constant node, as some exporters write it", () => {
    const plain = network([3], (g, x) =>
      g.matMul(
        x,
        g.emit("Constant", [], { attributes: { value: { kind: "tensor", value: sine([3, 2], 1, 1, 1) } }, name: "weight" })[0] ?? x,
      ),
    );
    expect(plain.initializers.size).toBe(0);
    const { graph, parameters } = trainable(plain);
    expect(names(parameters)).toEqual(["weight"]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(["MatMul"]);
  });

  it("is not one number that several products share, as attention's 1/√d", () => {
    const scaled = network([2, 3], (g, x) => {
      const factor = g.initializer("factor", float32([0.5]));
      const shift = g.initializer("shift", float32([0.5]));
      return g.matMul(g.add(g.mul(x, factor), shift), g.mul(g.initializer("weight", sine([3, 2], 1, 1, 1)), factor));
    });
    expect(names(trainable(scaled).parameters)).toEqual(["shift", "weight"]);
  });

  it("is not the ones and zeros of a normalisation without scale and bias", () => {
    const plain = network([2, 3], (g, x) => {
      const constant = (name: string, value: number) =>
        g.emit("Constant", [], { attributes: { value: { kind: "tensor", value: float32([value, value]) } }, name })[0];
      const normalized = g.emit("InstanceNormalization", [x, constant("ones", 1), constant("zeros", 0)])[0] ?? x;
      return g.mul(normalized, g.initializer("scale", sine([2, 1], 1, 1, 1)));
    });
    expect(names(trainable(plain).parameters)).toEqual(["scale"]);
  });

  it("is brought from training form into that of inference", () => {
    const inTraining = (node: Node): Node =>
      node.op === "BatchNormalization"
        ? { ...node, outputs: [...node.outputs, "newMean", "newVariance"], attributes: { ...node.attributes, training_mode: int(1) } }
        : node;
    const exported: Graph = { ...cnn, nodes: cnn.nodes.map(inTraining) };
    const { graph, buffers } = trainable(exported);
    expect(names(buffers)).toHaveLength(2);
    expect(graph.nodes.find(({ op }) => op === "BatchNormalization")).toMatchObject({ outputs: { length: 1 } });
    expect(graph.nodes).toEqual(trainable(cnn).graph.nodes);
  });

  it("leaves out what is frozen, and refuses patterns that match nothing", () => {
    const all = names(trainable(cnn).parameters);
    const rest = trainable(cnn, { frozen: ["*bn*"] });
    expect(names(rest.parameters)).toEqual(all.filter((name) => !name.includes("bn")));
    expect(rest.buffers.size).toBe(0);
    expect(() => trainable(cnn, { frozen: ["encoder.*"] })).toThrow(/"encoder\.\*" in frozen matches no weight/);
    expect(() => trainable(cnn, { frozen: ["*"] })).toThrow(/no float32 weights to train/);
  });

  it("refuses a network without weights", () => {
    const g = graphBuilder("empty");
    g.output(g.relu(g.input("x", "float32", ["N", 2])), "y");
    expect(() => trainable(g.build())).toThrow(/no float32 weights/);
  });
});

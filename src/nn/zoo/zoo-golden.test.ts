import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { initializerRoles } from "../../graph/weights.ts";
import { profileGraph } from "../../measure/profile.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { withWeights } from "../../train/trainable.ts";
import { hashed, hashedWeight, namesHash } from "../hashed-weights.fixture.ts";
import { architectures, buildArchitecture, textArchitectures } from "./zoo.ts";

// Here no initial weight matters, and drawing those of every network takes longer than all else.
vi.mock("../../random.ts", () => ({ randomFor: () => ({ uniform: () => 0.5, normal: () => 0, integer: (from: number) => from }) }));

interface Case {
  readonly zoo: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly classes: number;
  readonly inputShape: readonly number[];
}
/** What PyTorch says (scripts/golden/zoo-cnn.py). */
interface Golden {
  readonly counted: readonly (Case & { readonly parameters: number; readonly macs: number; readonly names: number })[];
  /** Logits of two samples, row by row. */
  readonly run: readonly (Case & { readonly logits: readonly number[] })[];
}
const golden = JSON.parse(readFileSync(new URL("../../../test/golden/zoo-cnn.json", import.meta.url), "utf8")) as Golden;

const build = ({ zoo, options, classes, inputShape }: Case): Graph => buildArchitecture(zoo, { classes, inputShape, seed: 0, ...options });
const title = ({ zoo, options, inputShape }: Case): string => [zoo, JSON.stringify(options), inputShape.join("x")].join(" ");

/** Every weight and running statistic by name, with its shape. */
function stored(graph: Graph): readonly (readonly [string, readonly number[]])[] {
  const { parameters, buffers } = initializerRoles(graph);
  return [...parameters, ...buffers].map((name) => [name, graph.initializers.get(name)?.shape ?? []]);
}

describe("has the parameters, multiply-accumulates and weight names that PyTorch counts:", () => {
  it.each(golden.counted.map((expected) => [title(expected), expected] as const))("%s", (_, expected) => {
    const graph = build(expected);
    const profile = profileGraph(graph);
    expect([profile.parameters, profile.macs]).toEqual([expected.parameters, expected.macs]);
    expect(namesHash(stored(graph)), stored(graph).join("\n")).toBe(expected.names);
  });
});

describe("with PyTorch's weights gives PyTorch's logits:", () => {
  it.each(golden.run.map((expected) => [title(expected), expected] as const))("%s", async (_, expected) => {
    const graph = build(expected);
    const weights = new Map(stored(graph).map(([name, shape]) => [name, hashedWeight(name, shape)]));
    const session = await nodeRuntime({ threads: 2 }).createSession(writeOnnx(withWeights(graph, weights)));
    const { logits } = await session.run({ input: hashed("input", [2, ...expected.inputShape], (u) => 2 * u - 1) });
    await session.release();
    expect(logits?.shape).toEqual([2, expected.classes]);
    const largest = Math.max(...expected.logits.map(Math.abs));
    expected.logits.forEach((value, index) => {
      expect(Math.abs(Number(logits?.data[index]) - value) / largest, `logit ${index}`).toBeLessThan(1e-4);
    });
  });
});

// Multiply-accumulates as published, in billions: torchvision's "GFLOPS" of its weights, and the papers' for wrn-28-10 and ResNet on CIFAR.
const published: Readonly<Record<string, number>> = {
  resnet18: 1.814,
  resnet34: 3.664,
  resnet50: 4.089,
  "mobilenet-v2": 0.301,
  "mobilenet-v3-small": 0.057,
  "mobilenet-v3-large": 0.217,
  "shufflenet-v2-x0.5": 0.04,
  "shufflenet-v2-x1.0": 0.145,
  "shufflenet-v2-x1.5": 0.296,
  "shufflenet-v2-x2.0": 0.583,
  "efficientnet-b0": 0.386,
  "convnext-tiny": 4.456,
  "wrn-28-10": 5.24,
};

it.each(Object.entries(published))("%s needs the published multiply-accumulates, within 1 %% and what rounding hides", (zoo, billions) => {
  const expected = golden.counted.find((entry) => entry.zoo === zoo && Object.keys(entry.options).length === 0);
  expect(Math.abs((expected?.macs ?? 0) / 1e9 - billions)).toBeLessThan(0.01 * billions + 0.0005);
});

it("every convolutional network of the zoo is counted", () => {
  const own = ["mlp", "lenet", "small-cnn"];
  const counted = new Set(golden.counted.map(({ zoo }) => zoo));
  const transformers = /^(deit|vit)-/;
  const images = Object.keys(architectures).filter((name) => !Object.hasOwn(textArchitectures, name));
  expect(images.filter((name) => !own.includes(name) && !counted.has(name) && !transformers.test(name))).toEqual([]);
});

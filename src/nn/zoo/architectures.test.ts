import { describe, expect, it } from "vitest";
import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { inferShapes } from "../../graph/rewrite/infer.ts";
import { initializerRoles } from "../../graph/weights.ts";
import { scaleChannels } from "./width.ts";
import { architectures, buildArchitecture } from "./zoo.ts";

const build = (name: string, options: Readonly<Record<string, unknown>> = {}): Graph =>
  buildArchitecture(name, { inputShape: [3, 32, 32], classes: 10, seed: 1, ...options });

/** The shape of each value that has a name for hints. */
function taps(graph: Graph): Record<string, string> {
  const values = [...inferShapes(graph)].filter(([name]) => /^(stage\d+|pooled)$/.test(name));
  return Object.fromEntries(values.map(([name, { shape }]) => [name, shape.join("x")]));
}

describe("values for hints are named stage1, stage2, ... and pooled:", () => {
  it.each<[string, Record<string, unknown>, Record<string, string>]>([
    [
      "vgg8",
      {},
      { stage1: "Nx64x32x32", stage2: "Nx128x16x16", stage3: "Nx256x8x8", stage4: "Nx512x4x4", stage5: "Nx512x4x4", pooled: "Nx512" },
    ],
    ["resnet20", {}, { stage1: "Nx16x32x32", stage2: "Nx32x16x16", stage3: "Nx64x8x8", pooled: "Nx64" }],
    [
      "resnet50",
      { width: 0.25, stem: "cifar" },
      { stage1: "Nx64x32x32", stage2: "Nx128x16x16", stage3: "Nx256x8x8", stage4: "Nx512x4x4", pooled: "Nx512" },
    ],
    ["resnet9", {}, { stage1: "Nx128x16x16", stage2: "Nx256x8x8", stage3: "Nx512x4x4", pooled: "Nx512" }],
    ["airbench", {}, { stage1: "Nx64x15x15", stage2: "Nx256x7x7", stage3: "Nx256x3x3", pooled: "Nx256" }],
    ["wrn-16-2", {}, { stage1: "Nx32x32x32", stage2: "Nx64x16x16", stage3: "Nx128x8x8", pooled: "Nx128" }],
    [
      "mobilenet-v2",
      {},
      { stage1: "Nx16x16x16", stage2: "Nx24x8x8", stage3: "Nx32x4x4", stage4: "Nx96x2x2", stage5: "Nx320x1x1", pooled: "Nx1280" },
    ],
    ["mobilenet-v2-half", {}, { stage1: "Nx12x16x16", stage2: "Nx16x8x8", stage3: "Nx48x4x4", stage4: "Nx160x2x2", pooled: "Nx1280" }],
    [
      "mobilenet-v3-small",
      { stem: "cifar" },
      { stage1: "Nx16x16x16", stage2: "Nx24x8x8", stage3: "Nx48x4x4", stage4: "Nx96x2x2", pooled: "Nx576" },
    ],
    [
      "mobilenet-v3-large",
      { stem: "cifar" },
      { stage1: "Nx16x32x32", stage2: "Nx24x16x16", stage3: "Nx40x8x8", stage4: "Nx112x4x4", stage5: "Nx160x2x2", pooled: "Nx960" },
    ],
    [
      "shufflenet-v2-x0.5",
      { stem: "cifar" },
      { stage1: "Nx24x32x32", stage2: "Nx48x16x16", stage3: "Nx96x8x8", stage4: "Nx192x4x4", pooled: "Nx1024" },
    ],
    [
      "efficientnet-b0",
      { stem: "cifar" },
      { stage1: "Nx16x32x32", stage2: "Nx24x16x16", stage3: "Nx40x8x8", stage4: "Nx112x4x4", stage5: "Nx320x2x2", pooled: "Nx1280" },
    ],
    [
      "convnext-tiny",
      { width: 0.25 },
      { stage1: "Nx24x8x8", stage2: "Nx48x4x4", stage3: "Nx96x2x2", stage4: "Nx192x1x1", pooled: "Nx192" },
    ],
  ])("%s %o", (name, options, expected) => {
    expect(taps(build(name, options))).toEqual(expected);
  });
});

it("the same seed gives the same bytes, another seed other weights", () => {
  for (const [name, options] of [
    ["resnet8", {}],
    ["mobilenet-v3-small", { width: 0.25 }],
    ["convnext-tiny", { width: 0.1 }],
  ] as const) {
    const [one, same, other] = [build(name, options), build(name, options), build(name, { ...options, seed: 2 })];
    expect(Buffer.from(writeOnnx(same)).equals(Buffer.from(writeOnnx(one))), name).toBe(true);
    const { parameters } = initializerRoles(one);
    const matrices = parameters.filter(
      (weight) => (one.initializers.get(weight)?.shape.length ?? 0) > 1 && !weight.endsWith("layer_scale"),
    );
    for (const weight of matrices) expect(one.initializers.get(weight), `${name} ${weight}`).not.toEqual(other.initializers.get(weight));
  }
});

/** Root mean square of a weight at the start. */
function startOf(graph: Graph, weight: string): number {
  const data = graph.initializers.get(weight)?.data as Float32Array;
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
}

it.each<[string, Record<string, unknown>, string, number]>([
  ["resnet20", {}, "layer3.0.conv2.weight", Math.sqrt(2 / (64 * 9))],
  ["resnet20", {}, "fc.weight", 1 / Math.sqrt(3 * 64)],
  ["resnet8", {}, "fc.bias", 1 / Math.sqrt(3 * 64)],
  ["wrn-16-1", {}, "fc.bias", 0],
  ["vgg8", { width: 0.25 }, "classifier.weight", 0.01],
  ["mobilenet-v2", { width: 0.25 }, "classifier.1.weight", 0.01],
  // Depthwise: one output channel's worth of inputs counts as the fan, as in PyTorch.
  ["mobilenet-v2", { width: 0.25 }, "features.17.conv.1.0.weight", Math.sqrt(2 / (9 * 240))],
  ["shufflenet-v2-x0.5", {}, "stage4.1.branch2.0.weight", 1 / Math.sqrt(3 * 96)],
  ["efficientnet-b0", { width: 0.25 }, "classifier.1.weight", 1 / Math.sqrt(3 * 10)],
  ["convnext-tiny", { width: 0.25 }, "features.7.2.block.3.weight", 0.02],
  ["convnext-tiny", { width: 0.25 }, "features.7.2.layer_scale", 1e-6],
])("%s %o starts %s at a deviation of %d, as the reference does", (name, options, weight, expected) => {
  const std = startOf(build(name, { classes: weight === "fc.bias" ? 2000 : 10, ...options }), weight);
  expect(Math.abs(std - expected)).toBeLessThanOrEqual(0.06 * expected);
});

it("running averages follow at the reference's pace", () => {
  const paces = (name: string, options = {}): unknown[] => [
    ...new Set(
      build(name, options).nodes.flatMap(({ op, attributes }) => (op === "BatchNormalization" ? [attributes.momentum?.value] : [])),
    ),
  ];
  // ONNX's momentum is what is kept; without one it is 0.9.
  expect(paces("mobilenet-v3-small", { width: 0.25 })).toEqual([Math.fround(0.99)]);
  expect(paces("resnet8")).toEqual([undefined]);
});

it("channels are scaled to multiples of 8, never by a tenth too few", () => {
  expect([16, 24, 32, 40, 1280].map((channels) => scaleChannels(channels, 0.5))).toEqual([8, 16, 16, 24, 640]);
  expect([8, 16, 100].map((channels) => scaleChannels(channels, 0.01))).toEqual([8, 8, 8]);
  expect(scaleChannels(64, 1)).toBe(64);
  // 11.2 would be rounded to 8, which is 29 % too few.
  expect(scaleChannels(16, 0.7)).toBe(16);
});

it("dropout is where the reference has it, and can be left out", () => {
  const dropouts = (name: string, options = {}): number => build(name, options).nodes.filter(({ op }) => op === "Dropout").length;
  for (const name of ["mobilenet-v2", "mobilenet-v3-small", "efficientnet-b0"]) {
    expect([dropouts(name, { width: 0.25 }), dropouts(name, { width: 0.25, dropout: 0 })], name).toEqual([1, 0]);
  }
  expect([dropouts("wrn-16-1"), dropouts("wrn-16-1", { dropout: 0.3 })]).toEqual([0, 6]);
});

it("says what it has when asked for what it has not, and what a network takes", () => {
  expect(() => build("resnet19")).toThrow(LimbeckError);
  try {
    build("resnet19");
  } catch (error) {
    const { message, hint } = error as LimbeckError;
    expect(message).toBe('The zoo has no network named "resnet19".');
    expect(hint).toContain(Object.keys(architectures).join(", "));
  }
  expect(() => build("toString")).toThrow('The zoo has no network named "toString".');
  expect(() => build("resnet20", { inputShape: [784] })).toThrow(
    "resnet20 takes images, [channels, height, width], but the samples are [784].",
  );
});

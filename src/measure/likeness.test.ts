import { describe, expect, it } from "vitest";
import type { Graph } from "../graph/graph.ts";
import { vit } from "../nn/zoo/vit.ts";
import { buildArchitecture } from "../nn/zoo/zoo.ts";
import { isSameFamily, likenessOf } from "./likeness.ts";
import { profileGraph } from "./profile.ts";

const profiled = (graph: Graph) => ({ graph, profile: profileGraph(graph) });
const network = (name: string, options: Readonly<Record<string, unknown>> = {}) =>
  profiled(buildArchitecture(name, { inputShape: [3, 32, 32], classes: 10, seed: 0, ...options }));

describe("likenessOf", () => {
  it("says that networks of one family are alike", () => {
    const likeness = likenessOf(
      network("small-cnn", { channels: [4, 8, 16], depth: 1 }),
      network("small-cnn", { channels: [8, 16, 32], depth: 1 }),
    );
    expect(likeness).toMatchObject({
      operators: expect.closeTo(1, 6),
      shared: 3,
      student: {
        kind: "convolutions",
        stages: [
          [4, 32, 32],
          [8, 16, 16],
          [16, 8, 8],
        ],
      },
    });
    expect(isSameFamily(likeness)).toBe(true);
  });

  it.each([
    ["fully connected layers", network("mlp", { hidden: [8] })],
    ["depthwise convolutions", network("mobilenet-v2", { width: 0.25, stem: "cifar" })],
    ["attention", profiled(vit({ depth: 2, width: 16, heads: 2 }, { inputShape: [3, 32, 32], classes: 10, seed: 0, patch: 8 }))],
  ] as const)("says that a convolutional network and one of %s aren't", (kind, student) => {
    const likeness = likenessOf(student, network("small-cnn", { channels: [8, 16], depth: 1 }));
    expect(likeness.student.kind).toBe(kind);
    expect(likeness.operators).toBeLessThan(0.95);
    expect(isSameFamily(likeness)).toBe(false);
  });
});

import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32, int32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { crossEntropyOfTruth } from "./cross-entropy.ts";
import { measure, rows } from "./losses.fixture.ts";
import { onlyLabels, type Truth } from "./truth.ts";

const student = [
  [1, 2, -1],
  [0, 0.5, 0.2],
  [3, -2, 0.1],
  [-1, -1, 2],
];
const own = [0, -1, 2, -1];
const other = [1, 2, -1, -1];
const share = [0.75, 0.3, 0.6, 0.1];
const truthIn = (g: GraphBuilder, { mixed, isPartial }: Kind, [first, second]: readonly number[][] = [own, other]): Truth => ({
  labels: g.constant(int32(first as number[])),
  ...(mixed && { partners: { labels: g.constant(int32(second as number[])), share: g.constant(float32(share, [4])) } }),
  isPartial,
});
interface Kind {
  readonly mixed: boolean;
  readonly isPartial: boolean;
}

/** −log softmax of a row at a label, smoothed. */
function crossEntropy(row: readonly number[], label: number, smoothing: number): number {
  const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
  const uniform = row.reduce((sum, logit) => sum + total - logit, 0) / row.length;
  return (1 - smoothing) * (total - (row[label] as number)) + smoothing * uniform;
}

/** By hand: over all labels that are known. */
function expected({ mixed }: Kind, [first, second]: readonly number[][], smoothing: number): number {
  let [sum, known] = [0, 0];
  student.forEach((row, sample) => {
    const parts = mixed ? [share[sample] as number, 1 - (share[sample] as number)] : [1];
    parts.forEach((part, place) => {
      const label = (place === 0 ? first : second)?.[sample] as number;
      if (label < 0) return;
      sum += part * crossEntropy(row, label, smoothing);
      known += part;
    });
  });
  return known === 0 ? 0 : sum / known;
}

const kinds: readonly Kind[] = [
  { mixed: true, isPartial: false },
  { mixed: false, isPartial: true },
  { mixed: true, isPartial: true },
];

describe.each(kinds)("cross-entropy of %j", (kind) => {
  const labels = kind.isPartial
    ? [own, other]
    : [
        [0, 1, 2, 2],
        [1, 2, 0, 2],
      ];

  it.each([0, 0.2])("is what a hand works out, with smoothing %d", async (smoothing) => {
    const { loss } = await measure(
      ({ g }, values) => crossEntropyOfTruth(g, values.student as Value, truthIn(g, kind, labels), smoothing),
      {
        student: rows(student),
      },
    );
    expect(loss).toBeCloseTo(expected(kind, labels, smoothing), 5);
  });

  it("has a gradient that agrees with central differences", async () => {
    const test = {
      name: "cross-entropy",
      inputs: [{ shape: [4, 3] }],
      build: (g: GraphBuilder, x?: Value) => g.reduceMean(crossEntropyOfTruth(g, x as Value, truthIn(g, kind, labels), 0.1)),
      onlyFloat32: true,
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });
});

it("cross-entropy of no known label is 0, and so is its gradient", async () => {
  const none = [-1, -1, -1, -1];
  for (const mixed of [false, true]) {
    const { loss, gradient } = await measure(
      ({ g }, values) => crossEntropyOfTruth(g, values.student as Value, truthIn(g, { mixed, isPartial: true }, [none, none])),
      { student: rows(student) },
    );
    expect([loss, ...gradient.map(Math.abs)]).toEqual(new Array(13).fill(0));
  }
});

it("what takes one label of each sample is told where there is none, or two", () => {
  const labels = { name: "labels", type: "int32", shape: [4] } as Value;
  expect(onlyLabels({ labels }, "It")).toBe(labels);
  expect(() => onlyLabels({ labels, isPartial: true }, "It")).toThrow(
    "It takes the label of every sample, but some training samples have none.",
  );
  expect(() => onlyLabels({ labels, partners: { labels, share: labels } }, "It")).toThrow("It takes samples of one class each");
});

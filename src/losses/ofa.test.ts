import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32, int32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { kdPerSample } from "./kd.ts";
import { defined, given, ofPair, type Settings } from "./logits.fixture.ts";
import type { FeaturePair, LossParts } from "./loss.ts";
import { expectGolden, extremes, goldenTensors, type LossOf, measure, type Tensors } from "./losses.fixture.ts";
import { ofa, ofaPerSample, ofaStages } from "./ofa.ts";

const at = (epsilon: number, temperature = 1) => defined(ofa, { numbers: { epsilon, temperature } });

/** The definition for features, of student taps by their names. */
const stages =
  (names: readonly string[], settings: Settings & { readonly without?: "teacher" } = {}): LossOf =>
  (parts, values) => {
    const labels = values.labels as Value;
    return ofaStages.build({
      ...parts,
      ...given(ofaStages, parts.g, settings),
      ...{ labels: () => labels, truth: { labels }, indices: () => labels, tokenLabels: () => labels, samples: 4, classes: 5 },
      pairs: names.map((name) => ({ student: values[name], teacher: values[name] }) as FeaturePair),
      mask: values.padding,
      teacherLogits: settings.without ? undefined : values.teacher,
    });
  };

const waves = (shape: readonly number[]): Tensor => {
  const count = shape.reduce((product, size) => product * size, 1);
  return float32(
    Array.from({ length: count }, (_, index) => Math.sin(0.7 * index + 0.2)),
    shape,
  );
};

const { teacher, labels } = goldenTensors as Record<"teacher" | "labels", Tensor>;

describe("one-for-all distillation", () => {
  it("has the authors' values and gradients, and T² at other temperatures", async () => {
    await expectGolden("OFA eps=1.0 T=1", defined(ofa));
    await expectGolden("OFA eps=1.5 T=1", at(1.5));
    await expectGolden("OFA eps=1.5 T=2", at(1.5, 2));
  });

  it("has a gradient that agrees with central differences, to its numbers too", async () => {
    const test = {
      name: "ofa",
      inputs: [{ shape: [4, 3] }, { shape: [4, 3] }, { shape: [], range: [1, 2] as const }, { shape: [4, 1], range: [1, 5] as const }],
      build: (g: GraphBuilder, ...inputs: Value[]) => {
        const [student, teacherLogits, epsilon, temperature] = inputs as [Value, Value, Value, Value];
        return ofaPerSample(g, student, teacherLogits, g.constant(int32([0, 2, 1, 1])), { epsilon, temperature });
      },
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    for (const epsilon of [1, 1.5]) {
      const { loss, gradient } = await measure(at(epsilon), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("has kd's gradient at epsilon 1, for any temperature", async () => {
    for (const T of [1, 3]) {
      const kd = await measure(
        ofPair((g, student, from) => kdPerSample(g, student, from, T)),
        goldenTensors,
      );
      const { gradient } = await measure(at(1, T), goldenTensors);
      gradient.forEach((slope, index) => {
        expect(slope).toBeCloseTo(kd.gradient[index] as number, 5);
      });
    }
  });
});

describe("one-for-all distillation of stages", () => {
  it("sums the loss of each stage's classifier", async () => {
    const heads: LossOf = (parts, values) => {
      const known: LossParts = { ...parts, module: () => values.student as Value };
      return stages(["maps", "maps"], { numbers: { epsilon: 1.5 } })(known, values);
    };
    const { loss } = await measure(heads, { ...goldenTensors, maps: waves([4, 3, 2, 2]) });
    expect(loss).toBeCloseTo(2 * (await measure(at(1.5), goldenTensors)).loss, 4);
  });

  it("reads maps, tokens and vectors, and sends a gradient into each", async () => {
    const tensors: Tensors = { teacher, labels, maps: waves([4, 3, 4, 4]), tokens: waves([4, 6, 8]), vectors: waves([4, 7]) };
    for (const name of ["maps", "tokens", "vectors"]) {
      const { loss, gradient } = await measure(stages(["maps", "tokens", "vectors"]), tensors, name);
      expect(loss).toBeGreaterThan(0);
      expect(gradient).toHaveLength((tensors[name] as Tensor).data.length);
      expect(gradient.every(Number.isFinite) && Math.hypot(...gradient) > 0).toBe(true);
    }
  });

  it("sees neither where in a map a value is, nor the tokens that a mask leaves out", async () => {
    const maps = waves([4, 3, 2, 2]);
    const turned = float32(
      Float32Array.from(maps.data as Float32Array, (_, i) => Number(maps.data[(i & ~3) + ((i + 1) & 3)])),
      maps.shape,
    );
    const of = async (tensors: Tensors, name: string) => (await measure(stages([name]), { teacher, labels, ...tensors }, name)).loss;
    expect(await of({ maps: turned }, "maps")).toBeCloseTo(await of({ maps }, "maps"), 5);
    const padding = int32([1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0], [4, 3]);
    const tokens = waves([4, 3, 2]);
    const other = float32(
      Float32Array.from(tokens.data as Float32Array, (value, i) => (padding.data[i >> 1] ? value : 9)),
      tokens.shape,
    );
    expect(await of({ tokens: other, padding }, "tokens")).toBeCloseTo(await of({ tokens, padding }, "tokens"), 5);
    expect(await of({ tokens: other }, "tokens")).not.toBeCloseTo(await of({ tokens }, "tokens"), 2);
  });

  it("says that it needs the teacher's logits", async () => {
    const tensors = { teacher, labels, maps: waves([4, 3, 2, 2]) };
    await expect(measure(stages(["maps"], { without: "teacher" }), tensors, "maps")).rejects.toThrow(/teacher's logits/);
  });
});

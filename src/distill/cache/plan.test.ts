import { describe, expect, it } from "vitest";
import { memorySamples } from "../../data/samples.ts";
import { samplesHash } from "./key.ts";
import { type Labelling, planOf, RANGE } from "./plan.ts";

const samples = (pixels: Uint8Array, name = "set", sampleShape: readonly number[] = [1, 1, 2]) =>
  memorySamples({ name, sampleShape, classes: ["a"], pixels, labels: new Uint8Array(pixels.length / 2) });
const numbered = (count: number) => samples(Uint8Array.from({ length: 2 * count }, (_, index) => index % 251));

const labelling: Labelling = {
  teacher: Uint8Array.of(1, 2, 3),
  runtime: { version: "onnxruntime 1", device: "cpu" },
  outputs: { "teacher:logits": [10] },
  samples: numbered(5),
  normalization: { mean: [0], std: [1] },
  augment: [{ shift: 1 }],
  seed: 1,
  views: 1,
  encoding: "float32",
};
const keyOf = async (changed: Partial<Labelling> = {}) => (await planOf({ ...labelling, ...changed })).outputs[0]?.key;

describe("the key", () => {
  it.each<[what: string, changed: Partial<Labelling>]>([
    ["teacher", { teacher: Uint8Array.of(1, 2, 4) }],
    ["runtime", { runtime: { version: "onnxruntime 2", device: "cpu" } }],
    ["device", { runtime: { version: "onnxruntime 1", device: "cuda" } }],
    ["output's name", { outputs: { "teacher:stage1": [10] } }],
    ["output's shape", { outputs: { "teacher:logits": [5, 2] } }],
    ["samples", { samples: numbered(6) }],
    ["data set's name", { samples: { ...numbered(5), name: "other" } }],
    ["normalisation", { normalization: { mean: [0], std: [2] } }],
    ["transforms", { augment: [{ shift: 2 }] }],
    ["seed of the transforms", { seed: 2 }],
    ["mixing", { mix: { mixup: { alpha: 1 } } }],
    ["encoding", { encoding: "float16" }],
  ])("is another for another %s", async (_, changed) => {
    expect(await keyOf(changed)).not.toBe(await keyOf());
  });

  it("is the same again, whatever the number of views and the other outputs, and without transforms whatever the seed", async () => {
    expect(await keyOf({ views: 7 })).toBe(await keyOf());
    expect(await keyOf({ outputs: { "teacher:logits": [10], "teacher:stage1": [4, 2, 2] } })).toBe(await keyOf());
    expect(await keyOf({ augment: [], seed: 2 })).toBe(await keyOf({ augment: [], seed: 1 }));
    const mixed = (alpha: number, seed: number) => keyOf({ augment: [], mix: { mixup: { alpha } }, seed });
    expect(await mixed(1, 1)).not.toBe(await mixed(2, 1));
    expect(await mixed(1, 1)).not.toBe(await mixed(1, 2));
    expect(await keyOf()).toMatch(/^[0-9a-f]{64}$/);
  });
});

it("every sample of every view falls into one range, and the bytes are those of all shards", async () => {
  const plan = await planOf({ ...labelling, samples: numbered(RANGE + 3), views: 2, outputs: { a: [10], b: [2, 3] } });
  expect(plan.ranges).toEqual([
    { view: 0, first: 0, count: RANGE },
    { view: 0, first: RANGE, count: 3 },
    { view: 1, first: 0, count: RANGE },
    { view: 1, first: RANGE, count: 3 },
  ]);
  expect(plan.labels).toBe(2 * (RANGE + 3));
  expect(plan.bytes).toBe(2 * (RANGE + 3) * (40 + 24) + 8 * 256);
});

it("the hash of samples is of their values, order and shape", async () => {
  const hash = (...of: Parameters<typeof samples>) => samplesHash(samples(...of));
  const first = await hash(Uint8Array.of(1, 2, 3, 4));
  expect(await hash(Uint8Array.of(1, 2, 3, 4), "another name")).toBe(first);
  for (const other of [
    [1, 2, 3, 5],
    [3, 4, 1, 2],
    [1, 2],
    [1, 2, 3, 4, 5, 6],
  ])
    expect(await hash(Uint8Array.from(other))).not.toBe(first);
  expect(await hash(Uint8Array.of(1, 2, 3, 4), "set", [2, 1, 1])).not.toBe(first);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { runGraph } from "../graph/run.fixture.ts";
import { float32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { ab, abLoss } from "./ab.ts";
import { attentionLoss } from "./attention.ts";
import { cwdLoss } from "./cwd.ts";
import { factorLoss } from "./factor.ts";
import { fspLoss } from "./fsp.ts";
import { hintLoss } from "./hint.ts";
import { expectGolden, goldenTensors, type LossOf, measure } from "./losses.fixture.ts";
import { builtBy, extremeMaps, torchValues } from "./maps.fixture.ts";
import { averageAlike, averageTo, nearestTo } from "./maps.ts";
import { nstLoss } from "./nst.ts";
import { hierarchicalContextLoss } from "./review.ts";
import { similarityLoss } from "./similarity.ts";

type Pairwise = (g: GraphBuilder, student: Value, teacher: Value) => Value;

/** Losses of one pair of maps, which are 0 for equal ones. */
const distances: Readonly<Record<string, Pairwise>> = {
  hint: hintLoss,
  "attention (code)": (g, s, t) => attentionLoss(g, s, t, "code"),
  "attention (paper)": (g, s, t) => attentionLoss(g, s, t, "paper"),
  "attention (sum)": (g, s, t) => attentionLoss(g, s, t, "sum"),
  nst: nstLoss,
  "factor (code)": (g, s, t) => factorLoss(g, s, t, "code"),
  "factor (paper)": (g, s, t) => factorLoss(g, s, t, "paper"),
  similarity: similarityLoss,
  "cwd, T=1": (g, s, t) => cwdLoss(g, s, t, 1),
  "cwd, T=4": (g, s, t) => cwdLoss(g, s, t, g.scalar(4, s.type)),
  review: hierarchicalContextLoss,
};

const pairwise: Readonly<Record<string, Pairwise>> = { ...distances, ab: (g, s, t) => abLoss(g, s, t, 1) };

const of =
  (loss: Pairwise, student = "fs", teacher = "ft"): LossOf =>
  ({ g }, values) =>
    loss(g, values[student] as Value, values[teacher] as Value);

/** With the larger map averaged to the size of the smaller. */
const alike =
  (loss: Pairwise): Pairwise =>
  (g, s, t) =>
    loss(g, ...averageAlike(g, s, t));

const flows: LossOf = ({ g }, values) =>
  fspLoss(g, [
    { student: values.fs as Value, teacher: values.ft as Value },
    { student: values.fsB as Value, teacher: values.ftB as Value },
  ]);

const runtime = nodeRuntime({ threads: 1 });

describe("losses on feature maps", () => {
  it.each<[string, LossOf]>([
    ["FitNet/Hint MSE (mean)", of(hintLoss)],
    ["AT p=2 same size (code: mean)", of(attentionLoss)],
    ["AT p=2 student 4x4 vs teacher 6ch 2x2 (student avg-pooled)", of(alike(attentionLoss), "fs", "ft2")],
    ["AT paper mode (torchdistill: sum-ch, L2 norm, /batch)", of(pairwise["attention (paper)"] as Pairwise)],
    ["NST", of(nstLoss)],
    ["NST 3ch4x4 vs 6ch2x2", of(alike(nstLoss), "fs", "ft2")],
    ["FT factor p1=2,p2=1", of(factorLoss)],
    ["FSP [fs,fsB] vs [ft,ftB]", flows],
    ["AB margin=1 (1 layer, /bsz/1000*3)", of(pairwise.ab as Pairwise)],
    ["SP", of(similarityLoss, "fs", "ft2")],
    ["ReviewKD hcl (single stage 4x4)", of(hierarchicalContextLoss)],
  ])("have the golden values of %s", async (name, lossOf) => {
    await expectGolden(name, lossOf, "fs");
  });

  it.each<[string, LossOf]>([
    ["CWD T=4", of(pairwise["cwd, T=4"] as Pairwise)],
    ["CWD T=1", of(pairwise["cwd, T=1"] as Pairwise)],
    ["FT paper", of(pairwise["factor (paper)"] as Pairwise)],
    [
      "AB margin=0.5, 2 layers",
      (parts, { fs, ft, fsB, ftB }) => {
        const pairs = [
          { student: fs as Value, teacher: ft as Value },
          { student: fsB as Value, teacher: ftB as Value },
        ];
        return builtBy(ab, parts, pairs, { numbers: { margin: 0.5 } });
      },
    ],
  ])("have PyTorch's values of %s", async (name, lossOf) => {
    await expectGolden(name, lossOf, "fs", goldenTensors, torchValues);
  });

  it.each(Object.entries(pairwise))("%s has a gradient that agrees with central differences", async (name, loss) => {
    const inputs = [{ shape: [2, 3, 5, 5] }, { shape: [2, 3, 5, 5] }];
    expect(await gradientMismatches(runtime, { name, inputs, build: loss })).toEqual([]);
  });

  it("fsp and nst of few places have gradients that agree with central differences", async () => {
    const [large, small] = [{ shape: [2, 3, 5, 5] }, { shape: [2, 4, 3, 3] }];
    const fsp = (g: GraphBuilder, ...[a, b, c, d]: Value[]) =>
      fspLoss(g, [
        { student: a as Value, teacher: b as Value },
        { student: c as Value, teacher: d as Value },
      ]);
    expect(await gradientMismatches(runtime, { name: "fsp", inputs: [large, large, small, small], build: fsp })).toEqual([]);
    const inputs = [{ shape: [2, 3, 2, 2] }, { shape: [2, 6, 2, 2] }];
    expect(await gradientMismatches(runtime, { name: "nst", inputs, build: nstLoss })).toEqual([]);
  });

  it.each(Object.keys(pairwise).flatMap((name) => Object.keys(extremeMaps).map((extreme) => [name, extreme] as const)))(
    "%s is finite for %s",
    async (name, extreme) => {
      const { loss, gradient } = await measure(of(pairwise[name] as Pairwise, "student", "teacher"), extremeMaps[extreme] ?? {});
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    },
  );

  it.each(Object.entries(distances))("%s is 0 for equal maps, and has no gradient there", async (_, loss) => {
    const { fs } = goldenTensors;
    const found = await measure(of(loss, "student", "teacher"), { student: fs as Tensor, teacher: fs as Tensor });
    expect(Math.abs(found.loss)).toBeLessThan(1e-6);
    expect(Math.max(...found.gradient.map(Math.abs))).toBeLessThan(1e-6);
  });

  it.each(Object.entries(pairwise).filter(([name]) => name !== "similarity"))("%s compares no maps of other sizes", async (_, loss) => {
    const wanted = `the student's "fs" is [4, 3, 4, 4] and the teacher's "ft2" is [4, 6, 2, 2].`;
    await expect(measure(of(loss, "fs", "ft2"), goldenTensors)).rejects.toThrow(wanted);
  });

  it("factor (paper) and fsp need as many channels of both, and fsp two pairs", async () => {
    const whole = alike(distances["factor (paper)"] as Pairwise);
    await expect(measure(of(whole, "fs", "ft2"), goldenTensors)).rejects.toThrow("Factor transfer can't compare shapes");
    const flow =
      (...pairs: [string, string][]): LossOf =>
      ({ g }, values) =>
        fspLoss(
          g,
          pairs.map(([student, teacher]) => ({ student: values[student] as Value, teacher: values[teacher] as Value })),
        );
    await expect(measure(flow(["fs", "ft"], ["fsB", "ft2"]), goldenTensors)).rejects.toThrow(`"ft2" is [4, 6, 2, 2]`);
    await expect(measure(flow(["fs", "ft"]), goldenTensors)).rejects.toThrow("but was given 1.");
  });
});

const SHAPE = [2, 3, 2, 4] as const;
const map = fc
  .array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 48, maxLength: 48 })
  // Away from maps so small that float32 shows nothing of them.
  .map((values) => values.map((value, index) => value + Math.sin(index)));
const positive = fc.double({ min: 0.1, max: 8, noNaN: true });

/** Expects a loss to stay what it is when the student's map is changed. */
async function expectUnchanged(loss: Pairwise, change: (values: readonly number[], factor: number) => number[]): Promise<void> {
  const lossOf = async (student: readonly number[], teacher: readonly number[]) => {
    const tensors = { student: float32(student, SHAPE), teacher: float32(teacher, SHAPE) };
    return (await measure(of(loss, "student", "teacher"), tensors)).loss;
  };
  await fc.assert(
    fc.asyncProperty(map, map, positive, async (student, teacher, factor) => {
      const expected = await lossOf(student, teacher);
      const found = await lossOf(change(student, factor), teacher);
      expect(Math.abs(found - expected)).toBeLessThan(1e-5 * Math.max(1, expected));
    }),
    { numRuns: 5 },
  );
}

const AREA = 8;
const channelOf = (index: number): number => Math.floor(index / AREA) % 3;
const permuted = (values: readonly number[]): number[] =>
  values.map((_, index) => values[index + (channelOf(index) === 2 ? -2 : 1) * AREA] as number);
const scaled = (values: readonly number[], factor: number): number[] => values.map((value) => value * factor);
const scaledByChannel = (values: readonly number[], factor: number): number[] =>
  values.map((value, index) => value * factor ** channelOf(index));
const movedByChannel = (values: readonly number[], factor: number): number[] =>
  values.map((value, index) => value + factor * channelOf(index));

describe("what losses on feature maps do not see", () => {
  it.each<[string, string, (values: readonly number[], factor: number) => number[]]>([
    ["attention (code)", "the order of channels", permuted],
    ["attention (code)", "the scale", scaled],
    ["attention (paper)", "the order of channels", permuted],
    ["attention (paper)", "the scale", scaled],
    ["factor (code)", "the scale", scaled],
    ["factor (paper)", "the scale", scaled],
    ["nst", "the order of channels", permuted],
    ["nst", "the scale of each channel", scaledByChannel],
    ["similarity", "the order of channels", permuted],
    ["similarity", "the scale", scaled],
    ["cwd, T=4", "what is added to a channel", movedByChannel],
  ])("%s: %s", (name, _, change) => expectUnchanged(distances[name] as Pairwise, change));

  it("attention (sum) sees the scale", async () => {
    await expect(expectUnchanged(distances["attention (sum)"] as Pairwise, scaled)).rejects.toThrow();
  });

  it("ab sees nothing of the teacher but which neurons are active", async () => {
    const { fs, ft } = goldenTensors as Record<string, Tensor>;
    const active = float32(
      Array.from(ft?.data as Float32Array, (value) => (value > 0 ? 0.01 : -7)),
      ft?.shape,
    );
    const lossOf = async (teacher: Tensor) =>
      (await measure(of(pairwise.ab as Pairwise, "student", "teacher"), { student: fs as Tensor, teacher })).loss;
    expect(await lossOf(active)).toBe(await lossOf(ft as Tensor));
  });
});

describe("maps of another size", () => {
  const x = goldenTensors.fs as Tensor;
  const run = async (build: (g: GraphBuilder, x: Value) => Value, tensor = x): Promise<Tensor> => {
    const g = graphBuilder("size");
    g.output(build(g, g.input("x", "float32", tensor.shape)), "y");
    return (await runGraph(g.build(), { x: tensor })).y as Tensor;
  };

  it.each([[[2, 2]], [[3, 3]], [[1, 4]], [[3, 6]]])("are averaged to %j as adaptive_avg_pool2d does", async (sizes) => {
    const [height, width] = sizes as [number, number];
    const { shape, data } = await run((g, value) => averageTo(g, value, sizes));
    expect(shape).toEqual([4, 3, height, width]);
    const bounds = (index: number, size: number) => [Math.floor((index * 4) / size), Math.ceil(((index + 1) * 4) / size)] as const;
    data.forEach((value: unknown, index: number) => {
      const [plane, row, column] = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
      const [[top, bottom], [left, right]] = [bounds(row, height), bounds(column, width)];
      let sum = 0;
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) sum += x.data[plane * 16 + i * 4 + j] as number;
      expect(value).toBeCloseTo(sum / ((bottom - top) * (right - left)), 5);
    });
  });

  it("have a gradient where windows overlap", async () => {
    const test = {
      name: "average",
      inputs: [{ shape: [2, 3, 5, 7] }],
      build: (g: GraphBuilder, value: Value) => averageTo(g, value, [3, 2]),
    };
    expect(await gradientMismatches(runtime, test)).toEqual([]);
  });

  it.each([[[8, 8]], [[3, 6]], [[2, 1]]])("are repeated to %j as interpolate does", async (sizes) => {
    const [height, width] = sizes as [number, number];
    const { data } = await run((g, value) => nearestTo(g, value, sizes));
    data.forEach((value: unknown, index: number) => {
      const [plane, row, column] = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
      expect(value).toBe(x.data[plane * 16 + Math.floor((row * 4) / height) * 4 + Math.floor((column * 4) / width)]);
    });
  });
});

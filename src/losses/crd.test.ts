import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { contrastLoss, contrastScores, crd, drawNegatives, normalizedScores, remembered } from "./crd.ts";
import { builtBy, expectWorkedOut, extremeVectors, normalRows } from "./features.fixture.ts";
import type { Memory } from "./loss.ts";
import { expectGolden, type LossOf, measure, rows, type Tensors } from "./losses.fixture.ts";
import { unitVectors } from "./vectors.ts";

const runtime = nodeRuntime({ threads: 1 });
const SAMPLES = 6;

const inputs: Tensors = {
  student: normalRows(1, [3, 5]),
  teacher: normalRows(2, [3, 7]),
  indices: int32([4, 0, 2]),
  seed: float32([3], []),
};
const loss = (given = {}, samples = SAMPLES) => builtBy(crd, { dimensions: 8, ...given }, { samples });
const row = ({ data, shape }: Tensor, index: number): number[] => {
  const width = shape[1] as number;
  return Array.from(data.slice(index * width, (index + 1) * width), Number);
};

describe("contrastive representation distillation", () => {
  it("has the contrast of RepDistiller", async () => {
    await expectGolden(
      "CRD ContrastLoss n_data=50,K=8 on X=exp(sin)*0.02",
      ({ g }, values) => contrastLoss(g, g.log(values.crd as Value), 50),
      "crd",
    );
  });

  it("counts what ε adds where samples are many", async () => {
    const [scores, samples] = [[0.2, 1e-3, 3e-5], 500_000];
    const noise = 2 / samples;
    const expected = scores.reduce((sum, p, index) => sum - Math.log((index === 0 ? p : noise) / (p + noise + 1e-7)), 0);
    const found = await measure(({ g }, { student }) => contrastLoss(g, g.log(student as Value), samples), { student: rows([scores]) });
    expect(found.loss).toBeCloseTo(expected, 5);
  });

  it("has the value of the paper's formula, from embeddings to the contrast, with Z constant", async () => {
    const name = "CRD one view (es8; bank hs as [6,8]), own 3,0,5,1, negatives 2,4,4,0,1";
    await expectWorkedOut(
      name,
      ({ g, memory }, { es8, hs }) => {
        const contrast = {
          bank: unitVectors(g, g.reshape(hs as Value, [SAMPLES, 8])),
          indices: g.constant(int32([3, 0, 5, 1])),
          negatives: g.constant(int32([2, 4, 4, 0, 1])),
          temperature: 0.07,
        };
        const scores = contrastScores(g, unitVectors(g, es8 as Value), contrast);
        return contrastLoss(g, normalizedScores(g, scores, SAMPLES, memory("normalizer", float32([-1e30], []))), SAMPLES);
      },
      "es8",
    );
  });

  it("has a gradient that agrees with central differences", async () => {
    const test = {
      name: "crd",
      inputs: [{ shape: [3, 4] }, { shape: [SAMPLES, 4] }],
      build: (g: ReturnType<typeof graphBuilder>, ...[embeddings, bank]: Value[]) => {
        const contrast = {
          bank: bank as Value,
          indices: g.constant(int32([4, 0, 2])),
          negatives: g.constant(int32([1, 1, 5])),
          temperature: 0.5,
        };
        return contrastLoss(g, contrastScores(g, embeddings as Value, contrast), SAMPLES);
      },
    };
    expect(await gradientMismatches(runtime, test)).toEqual([]);
  });

  it("remembers the batch's samples and no others, and Z for good", async () => {
    const { memories } = await measure(loss(), inputs);
    const { memories: before } = await measure(loss({ momentum: 1 }), inputs);
    for (const network of ["student0", "teacher0"]) {
      const [bank, old] = [memories[`${network}/bank`] as Tensor, before[`${network}/bank`] as Tensor];
      expect(bank.shape).toEqual([SAMPLES, 8]);
      for (let sample = 0; sample < SAMPLES; sample++) {
        if (![4, 0, 2].includes(sample)) expect(row(bank, sample)).toEqual(row(old, sample));
        else {
          expect(Math.hypot(...row(bank, sample))).toBeCloseTo(1, 5);
          expect(row(bank, sample)).not.toEqual(row(old, sample));
        }
      }
      expect(Math.abs(Number(memories[`${network}/normalizer`]?.data[0]))).toBeLessThan(20);
    }
  });

  it("compares each network with what is remembered of the other", async () => {
    const [s, t] = [normalRows(8, [3, 8]), normalRows(9, [3, 8])];
    const at = async (studentBank: Float32Tensor, teacherBank: Float32Tensor) => {
      const memories: Readonly<Record<string, Float32Tensor>> = { "student0/bank": studentBank, "teacher0/bank": teacherBank };
      const lossOf: LossOf = (parts, values) =>
        builtBy(
          crd,
          { dimensions: 8, negatives: 1 },
          {
            samples: 3,
            module: (_name, [x]) => x as Value,
            memory: (name) => ({
              value: memories[name] ? unitVectors(parts.g, parts.g.constant(memories[name])) : parts.g.scalar(1 / 0.07),
              replace: () => {},
            }),
          },
        )(parts, values);
      return (await measure(lossOf, { student: s, teacher: t, indices: int32([0, 1, 2]), seed: float32([1], []) })).loss;
    };
    // Scores of 1/0.07, the most there is, have P = 1.
    expect(await at(t, s)).toBeLessThan((await at(s, t)) - 5);
  });

  it("mixes what it remembers with what it sees", async () => {
    const { memories } = await measure(
      ({ g }, { student, teacher, indices }) => {
        g.output(remembered(g, teacher as Value, indices as Value, student as Value, 0.25), "bank");
        return g.reduceSum(student as Value);
      },
      { student: float32([0, 4], [1, 2]), teacher: float32([8, 0, 4, 0, 1, 1], [3, 2]), indices: int32([1]) },
    );
    const expected = [8, 0, 1 / Math.sqrt(10), 3 / Math.sqrt(10), 1, 1];
    Array.from(memories.bank?.data ?? [], Number).forEach((number, index) => {
      expect(number).toBeCloseTo(expected[index] as number, 6);
    });
  });

  it("keeps a Z that is set", async () => {
    const scores = { student: normalRows(5, [2, 4]) };
    const { memories } = await measure(({ g }, { student }) => {
      const normalizer: Memory = { value: g.scalar(1.5), replace: (next) => g.output(next, "normalizer") };
      return g.reduceSum(normalizedScores(g, student as Value, 50, normalizer));
    }, scores);
    expect(Array.from(memories.normalizer?.data ?? [], Number)).toEqual([1.5]);
  });

  it("draws negatives by the seed, from all samples", async () => {
    const lossAt = async (seed: number) => (await measure(loss(), { ...inputs, seed: float32([seed], []) })).loss;
    expect(await lossAt(3)).toBe(await lossAt(3));
    expect(await lossAt(3)).not.toBe(await lossAt(4));
    const g = graphBuilder("draws");
    g.output(drawNegatives(g, g.input("seed", "float32", []), 700, 7, 1), "drawn");
    const session = await runtime.createSession(writeOnnx(g.build()));
    const { drawn } = await session.run({ seed: float32([11], []) });
    await session.release();
    const counts = new Array<number>(7).fill(0);
    for (const sample of drawn?.data ?? []) counts[Number(sample)] = (counts[Number(sample)] as number) + 1;
    expect(counts).toHaveLength(7);
    // 100 of each are expected, with a deviation of 9.
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(45);
  });

  it.each(Object.entries(extremeVectors))("is finite for %s", async (_, vectors) => {
    const indices = int32((vectors.student?.shape[0] === 2 ? [0, 1] : [0, 1, 2]) as number[]);
    const found = await measure(loss({ temperature: 0.001, negatives: 2 }), { ...inputs, ...vectors, indices });
    expect(Number.isFinite(found.loss) && found.gradient.every(Number.isFinite)).toBe(true);
  });
});

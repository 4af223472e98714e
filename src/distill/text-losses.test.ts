import { describe, expect, it } from "vitest";
import { tokenBatch } from "../data/token-batch.ts";
import type { Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { int32, type Tensor } from "../graph/tensor.ts";
import { attentionScores } from "../losses/attention-scores.ts";
import { cosineLoss } from "../losses/cosine.ts";
import { builtBy, expectWorkedOut } from "../losses/features.fixture.ts";
import { hint } from "../losses/hint.ts";
import { goldenTensors, measure, type partsIn } from "../losses/losses.fixture.ts";
import { miniLmV2 } from "../losses/minilm.ts";
import { similarity } from "../losses/similarity.ts";
import { bertClassifier } from "../nn/zoo/bert.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { sgd } from "../train/optimizers.ts";
import { compileStep, LABELS, ofLength } from "../train/step.ts";
import { createTrainer } from "../train/trainer.ts";
import { fitPair } from "./adapters.ts";
import { LOGITS, type Networks, objectiveOf, outputsOf, teacherName } from "./objective.ts";
import { parseRecipe } from "./recipe/parse.ts";
import type { RecipeInput } from "./recipe/schema.ts";

const runtime = nodeRuntime({ threads: 1 });
const options = { vocabulary: 30, positions: 16, classes: 3, dropout: 0, maskedLm: true };
const student = bertClassifier({ layers: 2, hidden: 8, heads: 2, intermediate: 12 }, { ...options, seed: 1 });
const teacher = bertClassifier({ layers: 4, hidden: 12, heads: 2, intermediate: 16 }, { ...options, seed: 2 });
const networks: Networks = { student, teachers: [teacher], classes: 3, samples: 4 };

const sentences = [
  [2, 7, 8, 9, 3],
  [2, 11, 3],
  [2, 12, 13, 3],
  [2, 14, 15, 16, 17, 3],
];
/** Which words were masked. */
const guessed = [
  [-1, -1, 20, -1, -1],
  [-1, 21, -1],
  [-1, -1, -1, -1],
  [-1, -1, -1, 22, -1, -1],
];

/** The terms of a loss on the sentences, padded to a length with a token. */
async function termsOf(losses: RecipeInput["losses"], length: number, pad: number): Promise<Record<string, number>> {
  const recipe = {
    data: { idx: "data" },
    teacher: "t.onnx",
    student: { zoo: "mlp" },
    optimizer: { sgd: { learningRate: 1 } },
    epochs: 1,
  } as const;
  const objective = objectiveOf(parseRecipe({ ...recipe, losses }).losses, networks);
  const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const step = compileStep(ofLength({ student, batchSize: sentences.length, losses: objective.terms, optimizer }, length));
  const encodings = sentences.map((ids) => ({ ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) }));
  const inputs = tokenBatch(encodings, { pad, length });
  const padded = guessed.flatMap((labels) => [...labels, ...new Array<number>(length - labels.length).fill(-1)]);
  const { tokenLabels, indices } = step.batch;
  const feeds: Record<string, Tensor> = {
    ...inputs,
    ...(await answersOf(Object.keys(outputsOf([objective], 0)), inputs)),
    [LABELS]: int32([0, 1, 2, 0]),
    ...(tokenLabels && { [tokenLabels]: int32(padded, [sentences.length, length]) }),
    ...(indices && { [indices]: int32([3, 1, 0, 2]) }),
  };
  const trainer = await createTrainer(runtime, step);
  const scalars = Object.fromEntries(
    Object.entries(objective.schedules).map(([name, at]) => [name, at({ step: 0, totalSteps: 1, epoch: 0 })]),
  );
  const found = await trainer.run(feeds, { ...scalars, learningRate: 0, seed: 5 });
  await trainer.release();
  return found;
}

async function answersOf(tensors: readonly string[], inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const values = inferShapes(teacher);
  const outputs = [...new Set([LOGITS, ...tensors])].map((name) => values.get(name) as Value);
  const session = await runtime.createSession(writeOnnx({ ...teacher, outputs }));
  const answers = await session.run(inputs);
  await session.release();
  return Object.fromEntries(tensors.map((name) => [`teacher:${teacherName(0, name)}`, answers[name] as Tensor]));
}

const last = [["layer1", "layer3"]];
const cases = {
  crossEntropy: {},
  kd: {},
  hint: { pairs: last },
  similarity: { pairs: [...last, ["layer1.scores", "layer3.scores"]] },
  ofaStages: { pairs: last },
  rkdDistance: { pairs: last },
  rkdAngle: { pairs: last },
  pkt: { pairs: last },
  cc: { pairs: last },
  crd: { pairs: last, negatives: 2 },
  contrastive: { pairs: last },
  cosine: { pairs: last },
  triplet: { pairs: ["layer1"] },
  hiddenMse: { pairs: "uniform" },
  hiddenCosine: {},
  pkd: { pairs: "last" },
  attentionScores: { pairs: "uniform" },
  miniLm: {},
  miniLmV2: { relationHeads: 4 },
  maskedLanguage: {},
  wordKd: {},
} as const;

describe("losses on texts depend neither on what padding holds nor on how much of it there is:", () => {
  it.each(Object.entries(cases))("%s", async (name, given) => {
    const losses = [{ [name]: given }] as unknown as RecipeInput["losses"];
    const [shorter, longer] = [await termsOf(losses, 6, 0), await termsOf(losses, 9, 25)];
    expect(shorter[name]).not.toBe(0);
    expect(Math.abs((longer[name] as number) / (shorter[name] as number) - 1)).toBeLessThan(2e-5);
  });

  it("wordKd of masked words alone", async () => {
    const losses = [{ wordKd: { tokens: "masked" } }] as const;
    const [shorter, longer, all] = [
      await termsOf(losses as never, 6, 0),
      await termsOf(losses as never, 9, 25),
      await termsOf([{ wordKd: {} }], 6, 0),
    ];
    expect(longer.wordKd).toBeCloseTo(shorter.wordKd as number, 5);
    expect(all.wordKd).not.toBeCloseTo(shorter.wordKd as number, 3);
  });

  it("but where TinyBERT's own form is asked for, which counts padding as 0", async () => {
    const losses = [{ attentionScores: { form: "tinyBert" } }] as unknown as RecipeInput["losses"];
    const [shorter, longer] = [await termsOf(losses, 6, 0), await termsOf(losses, 9, 25)];
    expect((longer.attentionScores as number) / (shorter.attentionScores as number)).toBeLessThan(0.9);
  });

  it.each(["attention", "nst", "fsp", "cwd", "vid", "ab", "factor", "review"])("%s, which takes maps, is refused", async (name) => {
    const losses = [{ [name]: { pairs: last } }] as unknown as RecipeInput["losses"];
    await expect(termsOf(losses, 6, 0)).rejects.toThrow(/maps, of which padding can't be left out/);
  });
});

describe("with a mask, these have PyTorch's values and gradients for texts without padding:", () => {
  const pairNames = [["hs", "ht"]] as const;
  it("hint, similarity, MiniLMv2, attention scores", async () => {
    await expectWorkedOut("hint (hs,ht), masked", builtBy(hint, {}, { pairNames }), "hs");
    await expectWorkedOut("SP (hs,ht), masked", builtBy(similarity, {}, { pairNames }), "hs");
    await expectWorkedOut("MiniLMv2 A_r=2 (hs,ht), masked", builtBy(miniLmV2, { relationHeads: 2 }, { pairNames }), "hs");
    await expectWorkedOut("attention scores MSE (As,At), masked", builtBy(attentionScores, {}, { pairNames: [["As", "At"]] }), "As");
  });
  it("vectors that are pooled of tokens", async () => {
    await expectWorkedOut(
      "1-cos of means of tokens (hs,ht), masked",
      (parts, { hs, ht, mask }) => {
        const pair = { student: hs as Value, teacher: ht as Value };
        const fitted = fitPair(parts, "adapter", pair, { form: "vectors", channels: "same", space: "any" }, mask);
        return cosineLoss(parts.g, fitted.student, fitted.teacher);
      },
      "hs",
    );
  });
  it("and tokens of two numbers are refused", async () => {
    const lossOf = (parts: ReturnType<typeof partsIn>, { hs, mask }: Readonly<Record<string, Value>>) => {
      const short = parts.g.slice(hs as Value, [{ axis: 1, start: 0, end: 3 }]);
      return fitPair(parts, "adapter", { student: hs as Value, teacher: short }, { form: "tokens", channels: "same", space: "same" }, mask)
        .student;
    };
    await expect(measure(lossOf, goldenTensors, "hs")).rejects.toThrow(/texts have 4 tokens here/);
  });
});

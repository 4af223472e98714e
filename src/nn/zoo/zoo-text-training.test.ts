import { expect, it } from "vitest";
import type { Graph } from "../../graph/graph.ts";
import { unrollRecurrent } from "../../graph/rewrite/decompose/recurrent/unroll.ts";
import { bindDimensions } from "../../graph/rewrite/infer.ts";
import { int32, int64, type Tensor } from "../../graph/tensor.ts";
import { sgd } from "../../train/optimizers.ts";
import { compileStep, LABELS } from "../../train/step.ts";
import { hardLabels, runtime, sine } from "../../train/train.fixture.ts";
import { createTrainer } from "../../train/trainer.ts";
import { SEQUENCE } from "../text.ts";
import { bertClassifier } from "./bert.ts";
import { bilstm } from "./bilstm.ts";
import { distilbertClassifier } from "./distilbert.ts";
import { textCnn } from "./text-cnn.ts";
import { vit } from "./vit.ts";

const BATCH = 8;
const LENGTH = 6;
/** How much a step down the gradient should lower the loss, to first order. */
const DROP = 0.0002;

const common = { classes: 4, seed: 1, dropout: 0 };
const text = { ...common, vocabulary: 20 };
const size = { layers: 2, hidden: 16, heads: 2, intermediate: 32 };
const images = { ...common, inputShape: [3, 8, 8] };

/** Eight texts, the last half of them padded. */
const texts: Readonly<Record<string, Tensor>> = {
  input_ids: int64(
    Array.from({ length: BATCH * LENGTH }, (_, index) => (7 * index * index) % 20),
    [BATCH, LENGTH],
  ),
  attention_mask: int64(
    Array.from({ length: BATCH * LENGTH }, (_, index) => Number(index < (BATCH * LENGTH) / 2 || index % LENGTH < 4)),
    [BATCH, LENGTH],
  ),
  token_type_ids: int64(
    Array.from({ length: BATCH * LENGTH }, (_, index) => Number(index % LENGTH >= 3)),
    [BATCH, LENGTH],
  ),
  input: sine([BATCH, 3, 8, 8], 1, 1.7, 0.3),
};

const networks: Readonly<Record<string, () => Graph>> = {
  bert: () => bertClassifier(size, { ...text, positions: 8 }),
  distilbert: () => distilbertClassifier({ ...text, size, positions: 8 }),
  vit: () => vit({ depth: 2, width: 16, heads: 2 }, images),
  "vit, distilled": () => vit({ depth: 2, width: 16, heads: 2, isDistilled: true }, images),
  "text-cnn": () => textCnn({ ...text, embedding: 10, filters: 4 }),
  bilstm: () => unrollRecurrent(bindDimensions(bilstm({ ...text, embedding: 10, units: 6, hidden: 8 }), { [SEQUENCE]: LENGTH })),
};

it.each(Object.entries(networks))("a step down the gradient lowers the loss of %s by what its length promises", async (_, build) => {
  const student = build();
  const optimizer = sgd({ momentum: 0.9 });
  const sizes: Record<string, number> = student.inputs.some(({ shape }) => shape.includes(SEQUENCE)) ? { [SEQUENCE]: LENGTH } : {};
  const step = compileStep({ student, batchSize: BATCH, sizes, losses: [hardLabels], optimizer, clipNorm: 1e9 });
  const trainer = await createTrainer(runtime, step);
  const batch = {
    ...Object.fromEntries(step.batch.inputs.map((name) => [name, texts[name] as Tensor])),
    [LABELS]: int32([0, 1, 2, 3, 0, 1, 2, 3]),
  };
  const run = (learningRate: number) => trainer.run(batch, { learningRate, seed: 1, "weight:crossEntropy": 1, ...optimizer.scalars(1) });

  const { loss: before, gradientNorm } = (await run(0)) as { loss: number; gradientNorm: number };
  // The velocity is the first gradient: every parameter has one.
  const still = [...(await trainer.state())].filter(
    ([slot, { data }]) => slot.startsWith(`${optimizer.slots[0]}:`) && data.every((v) => v === 0),
  );
  expect(still.map(([slot]) => slot)).toEqual([]);
  // The second velocity is 0.9 + 1 times the gradient.
  await run(DROP / gradientNorm ** 2 / 1.9);
  const { loss: after } = (await run(0)) as { loss: number };
  await trainer.release();
  expect(Math.abs((before - after) / DROP - 1)).toBeLessThan(0.1);
});

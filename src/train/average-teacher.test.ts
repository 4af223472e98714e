import { describe, expect, it } from "vitest";
import { writeOnnx } from "../graph/onnx/write.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { kdLoss } from "../losses/kd.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { channelBlockOf } from "../runtime/channel-block.ts";
import { averagesIn } from "./average-teacher.ts";
import { sgd } from "./optimizers.ts";
import { compileStep, type LossTerm, type StepOptions } from "./step.ts";
import { batchOf, hardLabels, runtime, sine } from "./train.fixture.ts";
import { withWeights } from "./trainable.ts";
import { createTrainer, type State } from "./trainer.ts";

const cnn = smallCnn({ inputShape: [2, 4, 4], classes: 4, channels: [8], depth: 1, dropout: 0.4, seed: 1 });
const images = (step: number): Float32Tensor => sine([5, 2, 4, 4], 1.5, 0.37, step);
const labels = [0, 2, 3, 1, 2];
const DECAY = 0.75;

const kd: LossTerm = {
  name: "kd",
  teacher: { "0:logits": [4] },
  build: ({ g, logits, teacher }) => kdLoss(g, logits, teacher("0:logits"), 2),
};
/** What the teacher answers, seen from outside. */
const seen: LossTerm = {
  name: "seen",
  teacher: { "0:logits": [4] },
  build: ({ g, teacher }) => g.reduceMean(g.mul(teacher("0:logits"), g.constant(sine([5, 4], 1, 1, 0)))),
};
const scalars = { learningRate: 0.2, teacherDecay: DECAY, "weight:crossEntropy": 1, "weight:kd": 0.5, "weight:seen": 0 };

const compiled = (losses: readonly LossTerm[], options: Partial<StepOptions> = {}) =>
  compileStep({
    student: cnn,
    batchSize: 5,
    losses,
    optimizer: sgd({ momentum: 0.5 }),
    averageTeacher: { "0:logits": "logits" },
    ...options,
  });

const copy = (state: State): State => new Map([...state].map(([name, { data, shape }]) => [name, float32(data.slice(), shape)]));

describe.each([false, true])("the student's average as its teacher, in blocks of channels: %s", (isBlocked) => {
  it("follows the student, and answers as a network of the averaged weights does in inference", async () => {
    const step = compiled([hardLabels, kd, seen], { channelBlock: isBlocked ? await channelBlockOf(runtime) : undefined });
    expect(step.batch.teacher).toEqual([]);
    const trainer = await createTrainer(runtime, step);
    let average = averagesIn(new Map(step.state.map(({ name, initial }) => [name, initial])));
    expect([...average.keys()].sort()).toEqual([...step.weights].sort());
    for (let taken = 0; taken < 4; taken++) {
      const { seen: answer } = await trainer.run(batchOf(images(taken), labels, "input"), { ...scalars, seed: taken });
      const session = await runtime.createSession(writeOnnx(withWeights(cnn, average)));
      const logits = (await session.run({ input: images(taken) })).logits?.data as Float32Array;
      await session.release();
      const factors = sine([5, 4], 1, 1, 0).data;
      expect(answer).toBeCloseTo(logits.reduce((sum, logit, index) => sum + logit * (factors[index] as number), 0) / 20, 5);
      const state = copy(await trainer.state());
      for (const [name, { data }] of average) {
        const [now, next] = [averagesIn(state).get(name)?.data, state.get(name)?.data];
        data.forEach((before, index) =>
          expect(now?.[index], name).toBeCloseTo(DECAY * before + (1 - DECAY) * (next?.[index] as number), 5),
        );
      }
      average = averagesIn(state);
    }
    await trainer.release();
  });
});

it("no gradient flows into the average, nor through it", async () => {
  const trainer = await createTrainer(runtime, compiled([seen]));
  const before = copy(await trainer.weights());
  await trainer.run(batchOf(images(0), labels, "input"), { ...scalars, "weight:seen": 1, seed: 0 });
  for (const [name, { data }] of await trainer.weights()) {
    if (!name.includes("running") && !/mean|var/.test(name)) expect([...data], name).toEqual([...(before.get(name)?.data ?? [])]);
  }
  await trainer.release();
});

it("shares with the student what is frozen", () => {
  const frozen = compiled([hardLabels, kd], { frozen: ["classifier/*"] });
  expect([...frozen.graph.initializers.keys()].filter((name) => name.includes("classifier/weight"))).toHaveLength(1);
  expect(frozen.state.map(({ name }) => name).some((name) => name.includes("classifier"))).toBe(false);
});

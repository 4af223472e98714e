import { describe, expect, it } from "vitest";
import type { Augmentation } from "../data/augmentation.ts";
import { inlineLoader } from "../data/loader.ts";
import type { Normalization } from "../data/normalize.ts";
import { memorySamples, type Samples } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { type CheckpointStore, decodeCheckpoint } from "./checkpoint.ts";
import { createEvaluator, type Evaluator } from "./evaluation.ts";
import { type EpochEvent, type FitOptions, fit, type StepEvent } from "./fit.ts";
import { sgd } from "./optimizers.ts";
import { cosine, type Schedule } from "./schedules.ts";
import { compileStep } from "./step.ts";
import { hardLabels, network, runtime, snapshot } from "./train.fixture.ts";
import { createTrainer, type State, type Trainer } from "./trainer.ts";

const normalization: Normalization = { mean: [0.4], std: [0.3] };
const EPOCHS = 3;
const STEPS = 5;

/** Images whose brightness in one of three rows tells their class, with some noise. */
function images(count: number, salt: number): Samples {
  const labels = Int32Array.from({ length: count }, (_, index) => index % 3);
  const pixels = Uint8Array.from({ length: count * 36 }, (_, i) => {
    const [sample, row] = [Math.floor(i / 36), Math.floor((i % 36) / 6)];
    return 60 + 40 * Math.sin(i * 1.7 + salt) + (Math.floor(row / 2) === sample % 3 ? 80 : 0);
  });
  return memorySamples({ name: "rows", sampleShape: [1, 6, 6], classes: ["top", "middle", "bottom"], pixels, labels });
}

const train = images(44, 0);
const validation = images(15, 1);
const moves: readonly Augmentation[] = [{ shift: 1 }, { flip: true }];
const cnn = smallCnn({ inputShape: [1, 6, 6], classes: 3, channels: [4, 6], depth: 1, dropout: 0.3, seed: 2 });

/** A store in memory, which remembers all that it was given. */
function memoryStore(first?: Uint8Array): CheckpointStore & { readonly saved: Uint8Array[] } {
  const saved = first ? [first] : [];
  return {
    saved,
    load: async () => saved.at(-1),
    save: async (bytes) => {
      saved.push(bytes.slice());
    },
  };
}

interface RunOptions extends Partial<Omit<FitOptions, "batches" | "checkpoints">> {
  readonly train?: Samples;
  readonly normalization?: Normalization;
  readonly augment?: readonly Augmentation[];
  readonly student?: Graph;
  readonly average?: boolean;
  readonly learningRate?: Schedule;
  readonly store?: CheckpointStore;
}

/** Its answer is the brightest of three pixels, as long as it is not trained. */
const untrained = network([3], (g, x) => g.add(x, g.initializer("bias", float32([0, 0, 0]))));
/** The brightest pixel is right in three of four. */
const pixels = memorySamples({
  name: "pixels",
  sampleShape: [3],
  classes: ["a", "b", "c"],
  pixels: Uint8Array.from({ length: 16 * 3 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 255 : 0)),
  labels: Uint8Array.from({ length: 16 }, (_, index) => (index % 4 === 0 ? index + 1 : index) % 3),
});
/** The untrained network on those pixels, as they are. */
const standing: RunOptions = {
  student: untrained,
  train: pixels,
  validation: pixels,
  normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
  average: false,
  augment: [],
  learningRate: () => 0,
};

/** Trains, from what the store holds if it holds anything, with everything random turned on. */
async function run({ student = cnn, average = true, learningRate = cosine(0.1), store, ...given }: RunOptions = {}) {
  const options = { train, validation, normalization, augment: moves, epochs: EPOCHS, seed: 5, ...given };
  const batches = inlineLoader(options.train, { ...options, batchSize: 8 });
  const step = compileStep({ student, batchSize: 8, losses: [hardLabels], optimizer: sgd({ momentum: 0.9 }), average });
  const saved = await store?.load();
  const trainer = await createTrainer(runtime, step, saved && decodeCheckpoint(saved, "test").tensors);
  const evaluator = await createEvaluator(runtime, student, step.weights, options.normalization);
  const epochs: EpochEvent[] = [];
  const atEpoch: Record<string, Float32Array>[] = [];
  const schedules: Record<string, Schedule> = {
    learningRate,
    "weight:crossEntropy": () => 1,
    ...(average ? { averageDecay: () => 0.8 } : {}),
  };
  const onEpoch = async (event: EpochEvent) => {
    epochs.push(event);
    atEpoch.push(snapshot(await trainer.weights()));
  };
  try {
    const { last, best, bestEpoch } = await fit({ trainer, batches, evaluator, schedules, checkpoints: store, onEpoch, ...options });
    const accuracyOf = async (weights: State) => (await evaluator.predict(options.validation ?? options.train, weights)).accuracy;
    const accuracy = { last: await accuracyOf(last), best: await accuracyOf(best) };
    return { last: snapshot(last), best: snapshot(best), bestEpoch, epochs, atEpoch, accuracy };
  } finally {
    await Promise.all([trainer.release(), evaluator.release()]);
  }
}

/** Epochs without what a clock says. */
const untimed = (epochs: readonly EpochEvent[]) => epochs.map(({ samplesPerSecond: _, seconds: __, waiting: ___, ...rest }) => rest);

describe("a run that is stopped", () => {
  it("and resumed from any checkpoint ends with the same weights and reports the same, bit for bit", async () => {
    const store = memoryStore();
    const whole = await run({ store, checkpointSeconds: 0 });
    expect(store.saved).toHaveLength(EPOCHS * STEPS);
    for (const [index, bytes] of store.saved.entries()) {
      const { epoch, step } = decodeCheckpoint(bytes, "test").progress;
      expect([epoch, step]).toEqual([Math.floor((index + 1) / STEPS), (index + 1) % STEPS]);
      const resumed = await run({ store: memoryStore(bytes), checkpointSeconds: 0 });
      const place = `from epoch ${epoch}, step ${step}`;
      expect(resumed.last, place).toEqual(whole.last);
      expect(resumed.best, place).toEqual(whole.best);
      expect(resumed.bestEpoch, place).toBe(whole.bestEpoch);
      expect(untimed(resumed.epochs), place).toEqual(untimed(whole.epochs.slice(epoch)));
    }
  });

  it("by a failure between two checkpoints goes on from the first", async () => {
    const store = memoryStore();
    const stop = ({ epoch, step }: StepEvent): void => {
      if (epoch === 1 && step === 3) throw new Error("pulled the plug");
    };
    await expect(run({ store, checkpointSeconds: 0, onStep: stop })).rejects.toThrow("pulled the plug");
    const steps: number[] = [];
    const resumed = await run({ store, onStep: ({ epoch, step }) => steps.push(epoch * STEPS + step) });
    expect(steps).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    expect(resumed.last).toEqual((await run()).last);
  });

  it("is not resumed under another seed", async () => {
    const store = memoryStore();
    await run({ store, epochs: 1 });
    await expect(run({ store, seed: 6 })).rejects.toThrow(/has seed 5, this one 6/);
  });
});

describe("a run", () => {
  it("depends on its seed, and on nothing else", async () => {
    const first = await run({ epochs: 1 });
    expect((await run({ epochs: 1 })).last).toEqual(first.last);
    expect((await run({ epochs: 1, seed: 6 })).last).not.toEqual(first.last);
  });

  it("feeds every step its own seed and schedules", async () => {
    const step = compileStep({ student: untrained, batchSize: 8, losses: [hardLabels], optimizer: sgd() });
    const seedsOf = async (seed: number) => {
      const fed: Record<string, number>[] = [];
      const trainer: Trainer = {
        step,
        state: async () => new Map(),
        weights: async () => new Map(),
        release: async () => {},
        run: async (_, scalars) => {
          fed.push({ ...scalars });
          return { loss: 1, correct: 8 };
        },
      };
      const evaluator: Evaluator = { predict: () => Promise.reject(new Error("There is nothing to predict.")), release: async () => {} };
      const schedules = { learningRate: cosine(1) };
      await fit({ trainer, evaluator, batches: inlineLoader(pixels, { batchSize: 8, seed }), epochs: 20, seed, schedules });
      fed.forEach(({ learningRate }, index) => {
        expect(learningRate).toBeCloseTo((1 + Math.cos((Math.PI * index) / 40)) / 2, 12);
      });
      return fed.map((scalars) => scalars.seed as number);
    };
    const seeds = [...(await seedsOf(0)), ...(await seedsOf(1)), ...(await seedsOf(2 ** 31)), ...(await seedsOf(-1))];
    expect(new Set(seeds).size).toBe(4 * 40);
    for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 24).toBe(true);
  });

  it("saves at the end of each epoch", async () => {
    const store = memoryStore();
    await run({ store });
    expect(store.saved.map((bytes) => decodeCheckpoint(bytes, "test").progress.epoch)).toEqual([1, 2, 3]);
  });

  it("keeps the weights of the epoch that was best on validation, where later ones are worse", async () => {
    // From the third epoch on it climbs.
    const { best, last, bestEpoch, epochs, atEpoch, accuracy } = await run({
      average: false,
      epochs: 5,
      augment: [],
      learningRate: ({ epoch }) => (epoch < 2 ? 0.1 : -0.1),
    });
    const accuracies = epochs.map(({ validation: measured }) => measured?.accuracy ?? -1);
    expect(Math.max(...accuracies)).toBeGreaterThan(accuracies.at(-1) as number);
    expect(bestEpoch).toBe(1 + accuracies.indexOf(Math.max(...accuracies)));
    expect(epochs.map((event) => event.best)).toEqual(
      accuracies.map((value, index) => value > Math.max(-1, ...accuracies.slice(0, index))),
    );
    expect(best).toEqual(atEpoch[bestEpoch - 1]);
    expect(last).toEqual(atEpoch.at(-1));
    expect(accuracy).toEqual({ best: Math.max(...accuracies), last: accuracies.at(-1) });
  });

  it("takes the last epoch for the best without a validation set, and the first of equals with one", async () => {
    const { best, last, bestEpoch } = await run({ validation: undefined });
    expect([bestEpoch, best]).toEqual([EPOCHS, last]);
    expect((await run(standing)).bestEpoch).toBe(1);
  });

  it("reports means over the epoch", async () => {
    const events: StepEvent[] = [];
    const { epochs } = await run({ ...standing, epochs: 2, onStep: (event) => events.push(event) });
    expect(epochs).toHaveLength(2);
    // log(e + 2) − 1 where it is right, log(e + 2) where it is wrong.
    const loss = Math.log(Math.E + 2) - 0.75;
    for (const [index, { epoch, step, metrics, scalars, validation: measured }] of epochs.entries()) {
      expect([epoch, step]).toEqual([index + 1, 2 * (index + 1)]);
      expect(Object.keys(metrics).sort()).toEqual(["accuracy", "crossEntropy", "loss"]);
      expect(metrics.accuracy).toBe(0.75);
      expect(metrics.loss).toBeCloseTo(loss, 5);
      expect(metrics.crossEntropy).toBe(metrics.loss);
      expect(scalars.learningRate).toBe(0);
      expect(measured?.loss).toBeCloseTo(loss, 5);
    }
    expect(events.map(({ epoch, epochs: of, step, steps }) => [epoch, of, step, steps])).toEqual([
      [0, 2, 1, 2],
      [0, 2, 2, 2],
      [1, 2, 1, 2],
      [1, 2, 2, 2],
    ]);
  });
});

describe("a run that diverges", () => {
  const message = /at step \d+, with learning rate (1\.00e\+30|Infinity)/;

  it.each<[string, Schedule]>([
    ["a learning rate of 10³⁰ from the second epoch on", ({ epoch }) => (epoch < 1 ? 0.05 : 1e30)],
    ["an infinite one", ({ epoch }) => (epoch < 1 ? 0.05 : Number.POSITIVE_INFINITY)],
    // The loss of that step is still that of the weights before it.
    ["an infinite one at the last step of an epoch", ({ step }) => (step === 2 * STEPS - 1 ? Number.POSITIVE_INFINITY : 0.05)],
    ["an infinite one at the last step of all", ({ step }) => (step === EPOCHS * STEPS - 1 ? Number.POSITIVE_INFINITY : 0.05)],
  ])("by %s stops in words and keeps its last good checkpoint", async (_, learningRate) => {
    const store = memoryStore();
    const error: unknown = await run({ store, learningRate }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LimbeckError);
    const { message: what, exitCode, hint } = error as LimbeckError;
    expect(what).toMatch(message);
    expect(exitCode).toBe(1);
    expect(hint).toMatch(/lower learning rate.*clipNorm/);
    expect(store.saved.length).toBeGreaterThan(0);
    for (const bytes of store.saved) {
      for (const [name, { data }] of decodeCheckpoint(bytes, "test").tensors) expect(data.every(Number.isFinite), name).toBe(true);
    }
  });
});

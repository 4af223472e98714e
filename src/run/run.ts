import { TOKENIZER, TOKENIZER_CONFIG, tokenizerFiles } from "../data/node/tokenizer-directory.ts";
import { type Outcome, runRecipe } from "../distill/distill.ts";
import type { Phase, ProgressEvents } from "../distill/environment.ts";
import { parseRecipe } from "../distill/recipe/parse.ts";
import type { Recipe, RecipeInput } from "../distill/recipe/schema.ts";
import { learnsFromOthers } from "../distill/stages.ts";
import { LimbeckError } from "../errors.ts";
import { reportHtml } from "../report/html.ts";
import type { EpochRecord, Report } from "../report/report.ts";
import type { EpochEvent } from "../train/fit.ts";
import { type MetricsLine, openRunDirectory, type RunDirectory } from "./directory.ts";
import { nodeEnvironment } from "./environment.ts";
import { outcomeReport } from "./outcome-report.ts";
import { applyOverrides } from "./overrides.ts";
import { loadRecipeFile } from "./recipe-file.ts";

export interface RunOptions {
  /** The run directory; without it nothing is written. */
  readonly out?: string;
  /** Go on with the unfinished run in `out`. */
  readonly resume?: boolean;
  readonly onProgress?: ProgressEvents;
  /** What paths in the recipe are relative to: the recipe file's directory, or the current one. */
  readonly relativeTo?: string;
}

/** What a run gives. */
export interface Run {
  /** The trained network, as the bytes of an ONNX file. */
  readonly student: Uint8Array;
  readonly report: Report;
  /** Where it was written. */
  readonly directory?: string;
}

/** Trains a student with its teacher, and the same student without it to compare. @param recipe A recipe, or the path of one. */
export function distill(recipe: RecipeInput | string, options: RunOptions = {}): Promise<Run> {
  return start("distill", recipe, options);
}

/** Trains a network on labels alone. @param recipe A recipe, or the path of one. */
export function train(recipe: RecipeInput | string, options: RunOptions = {}): Promise<Run> {
  return start("train", recipe, options);
}

async function start(command: "distill" | "train", given: RecipeInput | string, options: RunOptions): Promise<Run> {
  if (typeof given !== "string") return runResolved(command, parseRecipe(given), options);
  const { recipe, directory } = await resolveRecipe(given);
  return runResolved(command, recipe, { relativeTo: directory, ...options });
}

/** Reads and checks a recipe, from a file or as quickly put together, with keys overridden. */
export async function resolveRecipe(
  recipe: string | { readonly content: unknown },
  overrides: readonly string[] = [],
): Promise<{ recipe: Recipe; directory: string }> {
  const path = typeof recipe === "string" ? recipe : undefined;
  const { content, directory } = typeof recipe === "string" ? await loadRecipeFile(recipe) : { ...recipe, directory: process.cwd() };
  return { recipe: parseRecipe(applyOverrides(content, overrides), path), directory };
}

/** Runs a resolved recipe. */
export async function runResolved(command: "distill" | "train", recipe: Recipe, options: RunOptions): Promise<Run> {
  const teaching = learnsFromOthers(recipe);
  if (command === "distill" && !teaching) {
    throw new LimbeckError("None of the recipe's losses learns from a teacher.", {
      hint: "Add kd or hinton to the losses, or mutual with peers; or use `limbeck train`.",
    });
  }
  if (command === "train" && teaching)
    throw new LimbeckError("The recipe's losses need a teacher, or peers.", { hint: "Use `limbeck distill`." });
  const began = performance.now();
  const directory = options.out === undefined ? undefined : await openRunDirectory(options.out, recipe, options.resume ?? false);
  const log = epochLog(directory);
  const events: ProgressEvents = {
    ...options.onProgress,
    onEpoch: async (phase, event) => {
      await log.add(phase, event);
      await options.onProgress?.onEpoch?.(phase, event);
    },
  };
  const environment = nodeEnvironment(recipe, options.relativeTo ?? process.cwd(), directory, events);
  const outcome = await runRecipe(recipe, environment);
  options.onProgress?.onStage?.("Measuring");
  const report = await outcomeReport(
    outcome,
    environment.runtime,
    { student: log.records("student"), baseline: log.records("baseline") },
    (performance.now() - began) / 1000,
  );
  if (directory) {
    await writeResults(directory, outcome, report);
    await writeTokenizer(directory, recipe, options.relativeTo ?? process.cwd());
  }
  return { student: outcome.student.bytes, report, directory: directory?.path };
}

async function writeResults(directory: RunDirectory, { student, relatives, baseline }: Outcome, report: Report): Promise<void> {
  await directory.write("student.onnx", student.bytes);
  for (const { name, network } of relatives) await directory.write(`${name}.onnx`, network.bytes);
  if (baseline) await directory.write("baseline.onnx", baseline.bytes);
  await directory.write("report.json", `${JSON.stringify(report, null, 2)}\n`);
  await directory.write("report.html", reportHtml(report));
}

/** Where the networks take texts, what makes tokens of these, beside them. */
async function writeTokenizer(directory: RunDirectory, { data }: Recipe, relativeTo: string): Promise<void> {
  if (!("text" in data)) return;
  const { tokenizer, config } = await tokenizerFiles(data.tokenizer, relativeTo);
  await directory.write(TOKENIZER, tokenizer);
  if (config) await directory.write(TOKENIZER_CONFIG, config);
}

/** Keeps what each epoch showed, in metrics.jsonl where there is a directory. */
function epochLog(directory: RunDirectory | undefined) {
  let lines: readonly MetricsLine[] = directory?.metrics ?? [];
  return {
    add: async (phase: Phase, event: EpochEvent) => {
      const line = { phase, ...epochRecord(event) };
      if (directory) {
        await directory.record(line);
        lines = directory.metrics;
      } else lines = [...lines, line];
    },
    records: (asked: Phase): EpochRecord[] =>
      lines.filter(({ phase }) => phase === asked).map(({ phase: _, ...record }) => record as unknown as EpochRecord),
  };
}

function epochRecord(event: EpochEvent): EpochRecord {
  const { accuracy, loss: _, gradientNorm: __, ...losses } = event.metrics;
  const ofLosses = Object.entries(event.scalars).filter(([name]) => name.includes(":"));
  return {
    epoch: event.epoch,
    step: event.step,
    seconds: event.seconds,
    learningRate: event.scalars.learningRate as number,
    scalars: Object.fromEntries(ofLosses),
    losses,
    gradientShares: event.gradientShares,
    trainAccuracy: accuracy,
    validationAccuracy: event.validation?.accuracy,
    validationLoss: event.validation?.loss,
    samplesPerSecond: event.samplesPerSecond,
    waiting: event.waiting,
  };
}

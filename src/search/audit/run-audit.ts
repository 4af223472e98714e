import { resolve } from "node:path";
import { sourceName } from "../../data/data-source.ts";
import type { ProgressEvents } from "../../distill/environment.ts";
import { toNetwork } from "../../distill/network.ts";
import type { Recipe } from "../../distill/recipe/schema.ts";
import { type RecipeData, readData } from "../../distill/recipe-data.ts";
import { epochsOf } from "../../distill/stages.ts";
import { type ReadTeacher, readTeacher } from "../../distill/teacher.ts";
import { explain, LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { argMax } from "../../measure/classification.ts";
import { scoresOf } from "../../measure/scores.ts";
import { softTargets } from "../../measure/soft-targets.ts";
import { thisMachine } from "../../run/machine.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { predict } from "../../train/evaluation.ts";
import { jobEnvironment, recipeForJobs } from "../job-environment.ts";
import { versionsHere } from "../jobs.ts";
import { someOf } from "../probe-job.ts";
import { type ExecutorOptions, openWorkplace, type Workplace } from "../workplace.ts";
import { networkBetween, networkName, type Taught, temperatureIn } from "./arms.ts";
import type { AuditReport } from "./audit-report.ts";
import { type AuditFigures, type Expectation, expectedAccuracy, meanOf, type Probe } from "./figures.ts";
import { planProbe } from "./plan.ts";
import { probe } from "./probe.ts";
import { sizesOf } from "./sizes.ts";
import { type CheckedTeacher, chanceOf, checkTeacher, claimBeside } from "./teacher-check.ts";
import { type Other, teachersOf } from "./teachers.ts";
import { verdictOf } from "./verdict.ts";

export interface AuditOptions extends ExecutorOptions {
  readonly recipe: Recipe;
  /** What paths in the recipe are relative to. */
  readonly relativeTo: string;
  /** Paths of others to learn from. */
  readonly teachers?: readonly string[];
  /** Also tries an assistant between teacher and student; done without being asked where the recipe names one. */
  readonly assistant?: boolean;
  /** Of the probe: 3 seeds, 4,000 samples and 6 epochs unless given. */
  readonly seeds?: number;
  readonly samples?: number;
  readonly epochs?: number;
  /** Minutes that the probe may take. */
  readonly budget?: number;
  /** What the teacher is said to reach. */
  readonly claim?: number;
  readonly onRun?: (name: string, done: number, total: number) => void;
  readonly onProgress?: ProgressEvents;
  readonly signal?: AbortSignal;
}

const DEFAULTS = { seeds: 3, samples: 4000, epochs: 6, budget: 5 };
const TEMPERATURES = [1, 2, 4, 8, 16];

/**
 * Whether a recipe's teacher is good for its student and data, by figures of both and short runs. Test samples are not looked at.
 *
 * @throws LimbeckError when recipe, data and models don't fit together, or there are no validation samples.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { relativeTo, onProgress = {} } = options;
  const began = performance.now();
  const { teacher, others } = await teachersOf(options.recipe, relativeTo, options.teachers ?? []);
  const recipe: Recipe = { ...recipeForJobs(options.recipe), teacher };
  const workplace = await openWorkplace(recipe, relativeTo, options, onProgress.onNotice);
  try {
    await workplace.findFiles({ ...recipe, teacher: [teacher, ...others.map(({ path }) => path)] });
    const figures = await figuresOf({ ...options, recipe }, teacher, others, workplace);
    return {
      limbeck: { audit: 1 },
      verdict: verdictOf(figures),
      figures,
      teacher,
      data: sourceName(recipe.data),
      recipe: options.recipe,
      versions: versionsHere(),
      machine: thisMachine(),
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await workplace.close();
  }
}

async function figuresOf(options: AuditOptions, path: string, others: readonly Other[], workplace: Workplace): Promise<AuditFigures> {
  const { recipe, relativeTo, onProgress = {}, claim } = options;
  const environment = jobEnvironment(recipe, {}, { relativeTo, cache: workplace.cache }, onProgress);
  const { runtime, readFile } = environment;
  const read = await readData(recipe, environment);
  const { train } = read.data;
  checkValidation(read);
  const bytes = await readFile(path);
  const teacher = readTeacher(bytes, path, train);
  const student = await toNetwork(recipe.student, train, recipe.seed, readFile);
  onProgress.onStage?.("Looking at the teacher");
  const budgetMs = 60_000 * (options.budget ?? DEFAULTS.budget);
  const checked = await checkTeacher(runtime, teacher, { ...read.data, normalization: read.normalization }, budgetMs);
  const looked = { train, validation: checked.asked, normalization: read.normalization };
  const sizes = await sizesOf({ student, teacher: teacher.graph }, runtime);
  const softAt = (temperature: number) => softTargets(checked.train.logits, checked.train.classes, temperature);
  const temperature = temperatureIn(recipe);
  const figures: AuditFigures = {
    classes: train.classes.length,
    samples: checked.asked.length,
    chance: chanceOf(checked.asked),
    teacher: {
      scores: scoresOf(checked.validation),
      trainAccuracy: checked.trainAccuracy,
      claim: claim ?? (await claimBeside(resolve(relativeTo, path), bytes)),
      givesProbabilities: checked.givesProbabilities,
      reordering: checked.reordering,
      renormalized: checked.renormalized,
    },
    ...sizes,
    softTargets: TEMPERATURES.map(softAt),
    atRecipe: temperature === undefined ? undefined : softAt(temperature),
  };
  // What speaks against it already need not be tried.
  if (["do not distil", "distil, but first"].includes(verdictOf(figures).advice)) return figures;
  const found = await probed(
    { ...options, recipe: forParts(recipe, read) },
    { path, others, workplace, checked, student, looked, runtime, readFile, parameters: sizes.ratios.parameters },
  );
  return { ...figures, probe: found, alone: found && aloneOf(found, read, recipe) };
}

/** The recipe with data that mean the same of a part of them: normalised alike, so many of the labels known. */
function forParts(recipe: Recipe, { data: { train }, normalization: { mean, std } }: RecipeData): Recipe {
  const { labels } = recipe.data;
  const keep = labels?.keep !== undefined && labels.keep >= 1 ? labels.keep / train.length : labels?.keep;
  const known = labels && { ...labels, keep: keep === 1 ? undefined : keep };
  return { ...recipe, data: { ...recipe.data, labels: known, normalize: { mean: [...mean], std: [...std] } } };
}

function checkValidation({ data: { validation } }: RecipeData): void {
  if (validation.length > 0) return;
  throw new LimbeckError("The recipe has no validation samples, and by those an audit judges.", { hint: "Set data.validation." });
}

interface Scene {
  readonly path: string;
  readonly others: readonly Other[];
  readonly workplace: Workplace;
  readonly checked: CheckedTeacher;
  readonly student: Graph;
  readonly looked: Parameters<typeof checkTeacher>[2];
  readonly runtime: Runtime;
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Of the teacher to the student's. */
  readonly parameters: number;
}

async function probed(options: AuditOptions, scene: Scene): Promise<Probe | undefined> {
  const { recipe, onProgress = {}, onRun, signal } = options;
  const { seeds, samples, epochs, budget } = {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
  const { path, workplace, checked, looked } = scene;
  const accuracies = await accuraciesOf(scene, onProgress);
  const taught: [Taught, Taught, ...Taught[]] = [
    { kind: "alone", name: "alone" },
    { kind: "taught", name: "by the teacher", teacher: path },
    ...scene.others
      .filter((other) => accuracies.has(other.path))
      .map((other) => ({ kind: other.kind, name: other.path, teacher: other.path })),
    ...assistantOf(options, scene),
  ];
  const plan = planProbe(
    {
      studentMs: await sampleMs(scene),
      teacherMs: checked.sampleMs,
      train: looked.train.length,
      validation: looked.validation.length,
      epochs: epochsOf(recipe),
      batchSize: recipe.batchSize,
      arms: taught.length,
      teachers: taught.length - 1,
      seeds,
      parallel: workplace.executor.parallel,
      budgetMs: 60_000 * budget,
    },
    { samples, epochs },
  );
  onProgress.onStage?.(`Training the student on ${plan.arm.samples} samples, alone and by the teacher`);
  const all = Array.from({ length: seeds }, (_, index) => recipe.seed + index);
  const teacher = argMax(checked.validation.logits, checked.validation.classes);
  const found = await probe(
    workplace,
    { recipe, taught, plan, seeds: all, validation: looked.validation.length, budgetMs: 60_000 * budget, signal, onRun },
    { labels: checked.validation.labels, teacher, accuracies },
  );
  if (!found || found.isCutShort) {
    onProgress.onNotice?.(
      `The budget of ${budget} ${budget === 1 ? "minute" : "minutes"} ended before the probe did: raise --budget, or lower --samples.`,
    );
  }
  return found;
}

/** Of the other teachers, by path. One that doesn't fit the data is left out, and that is said. */
async function accuraciesOf(
  { others, looked, runtime, readFile }: Scene,
  { onNotice }: ProgressEvents,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const { path } of others) {
    try {
      const read: ReadTeacher = readTeacher(await readFile(path), path, looked.train);
      found.set(path, (await checkTeacher(runtime, read, looked, 0)).validation.accuracy);
    } catch (error) {
      if (!(error instanceof LimbeckError)) throw error;
      onNotice?.(`Not tried: ${explain(error)}`);
    }
  }
  return found;
}

function assistantOf({ recipe, assistant, onProgress }: AuditOptions, { path, parameters }: Scene): readonly Taught[] {
  const between = recipe.assistants[0] ?? (assistant ? networkBetween(recipe.student, parameters) : undefined);
  if (between) return [{ kind: "assistant", name: networkName(between), teacher: path, assistant: between }];
  if (assistant)
    onProgress?.onNotice?.("A network between teacher and student is not known of this family: name one in the recipe's `assistants`.");
  return [];
}

/** Of the student, forward in batches. */
async function sampleMs({ student, looked, runtime }: Scene): Promise<number> {
  const timed = someOf(looked.validation, 250);
  const session = await runtime.createSession(writeOnnx(student));
  try {
    await predict(session, student, timed, looked.normalization);
    const began = performance.now();
    await predict(session, student, timed, looked.normalization);
    return (performance.now() - began) / timed.length;
  } finally {
    await session.release();
  }
}

function aloneOf({ alone, samples, epochs, reach }: Probe, { data }: RecipeData, recipe: Recipe): Expectation {
  const short = { seen: samples * epochs, accuracy: meanOf(alone.accuracies) };
  const long = reach ? { seen: reach.samples * reach.epochs, accuracy: reach.accuracy } : short;
  return expectedAccuracy(short, long, data.train.length * epochsOf(recipe));
}

import { stepsPerEpoch } from "../data/batches.ts";
import { type BatchLoader, inlineLoader } from "../data/loader.ts";
import { channelStatistics, type Normalization } from "../data/normalize.ts";
import { type Samples, type Splits, subset } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { channelBlockOf } from "../runtime/channel-block.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { createEvaluator, type Predictions, predict } from "../train/evaluation.ts";
import { type EpochEvent, fit } from "../train/fit.ts";
import { adamw, type Optimizer, sgd } from "../train/optimizers.ts";
import type { Schedule } from "../train/schedules.ts";
import { type CompiledStep, compileStep } from "../train/step.ts";
import { withWeights } from "../train/trainable.ts";
import { createTrainer, type State } from "../train/trainer.ts";
import { type CacheUsage, openTeacherCache, type TeacherCache } from "./cache/teacher-cache.ts";
import type { Environment, Phase } from "./environment.ts";
import { describeClassifier, toNetwork } from "./network.ts";
import { needsTeacher, type Objective, objectiveOf, teacherOutputs, withoutTeacher } from "./objective.ts";
import type { LossRecipe, OptimizerRecipe, Recipe } from "./recipe/schema.ts";
import { toSchedule } from "./schedule.ts";
import { describeFidelity } from "./teacher/int8.ts";
import { loadTeacher, type Teacher } from "./teacher.ts";

/** A network that a run has trained, and how it does on the test set. */
export interface Trained {
  readonly graph: Graph;
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** On the test set, by the exported weights. */
  readonly predictions: Predictions;
  /** Test accuracy of the weights after the last epoch, and of those best on validation. */
  readonly accuracy: { readonly lastEpoch: number; readonly bestOnValidation: number };
  readonly bestEpoch: number;
  readonly seconds: number;
  /** Where the teacher's outputs were cached. */
  readonly teacherCache?: CacheUsage;
}

export interface Outcome {
  readonly recipe: Recipe;
  readonly data: Splits;
  readonly normalization: Normalization;
  readonly teacher?: Pick<Teacher, "graph" | "bytes" | "fidelity"> & { readonly predictions: Predictions };
  readonly student: Trained;
  /** The same student trained the same way without the teacher. */
  readonly baseline?: Trained;
}

/**
 * Runs a recipe: loads the teacher, trains the student (and the same student without the teacher), tests them.
 *
 * @throws LimbeckError when the recipe, the data and the models don't fit together, before any training starts.
 */
export async function runRecipe(recipe: Recipe, environment: Environment): Promise<Outcome> {
  const teaching = recipe.losses.some(needsTeacher);
  if (teaching && !recipe.teacher) {
    throw new LimbeckError("The losses need a teacher, but the recipe names none.", {
      hint: "Add `teacher: path/to/teacher.onnx`, or train on crossEntropy alone.",
    });
  }
  const { data, normalization } = await readData(recipe, environment);
  const { batchSize, seed } = recipe;
  const { openLoader = inlineLoader } = environment;
  const { augment, views } = recipe.data;
  const batches = openLoader(data.train, { batchSize, seed, normalization, augment, views });
  let teacher: Teacher | undefined;
  try {
    const network = await toNetwork(recipe.student, data.train, seed, environment.readFile);
    teacher = teaching && recipe.teacher ? await openTeacher(recipe.teacher, recipe, data, normalization, environment) : undefined;
    const train = (phase: Phase, losses: readonly LossRecipe[], from?: Teacher) =>
      trainNetwork({ phase, recipe, network, losses, data, normalization, batches, teacher: from, environment });
    const taught = teacher && {
      graph: teacher.graph,
      bytes: teacher.bytes,
      fidelity: teacher.fidelity,
      predictions: await teacher.predict(data.test),
    };
    const student = await train("student", recipe.losses, teacher);
    const baseline = teacher && recipe.baseline ? await train("baseline", withoutTeacher(recipe.losses)) : undefined;
    return { recipe, data, normalization, teacher: taught, student, baseline };
  } finally {
    await Promise.all([batches.release(), teacher?.release()]);
  }
}

/** The data, and what its batches are normalised by. */
export interface RecipeData {
  readonly data: Splits;
  readonly normalization: Normalization;
}

/** Opens the data of a recipe. @throws LimbeckError when the recipe does not fit it. */
export async function readData(recipe: Recipe, environment: Environment): Promise<RecipeData> {
  environment.events?.onStage?.("Reading the data");
  const data = limited(await environment.openData(recipe.data), recipe.data.limit);
  stepsPerEpoch(data.train, recipe.batchSize);
  return { data, normalization: recipe.data.normalize ?? channelStatistics(data.train) };
}

export async function openTeacher(
  path: string,
  recipe: Recipe,
  data: Splits,
  normalization: Normalization,
  environment: Environment,
): Promise<Teacher> {
  environment.events?.onStage?.("Testing the teacher");
  const bytes = await environment.readFile(path);
  const int8 = recipe.teacherPrecision === "int8" ? { validation: data.validation } : undefined;
  const teacher = await loadTeacher(environment.runtime, bytes, path, data.train, normalization, { threads: recipe.threads, int8 });
  if (teacher.fidelity) environment.events?.onStage?.(describeFidelity(teacher.fidelity, data.validation.length));
  return teacher;
}

interface Training extends RecipeData {
  readonly phase: Phase;
  readonly recipe: Recipe;
  readonly network: Graph;
  readonly losses: readonly LossRecipe[];
  readonly batches: BatchLoader;
  readonly teacher?: Teacher;
  readonly environment: Environment;
}

async function trainNetwork(training: Training): Promise<Trained> {
  const { phase, recipe, network, losses, data, normalization, batches, teacher, environment } = training;
  const { runtime, events = {} } = environment;
  events.onStage?.(
    phase === "baseline" ? "Training the same network without the teacher" : teacher ? "Distilling the student" : "Training the network",
  );
  const objective = objectiveOf(losses, data.train.classes.length);
  const step = compile(recipe, network, objective, await channelBlockOf(runtime));
  const checkpoints = environment.checkpoints?.(phase);
  const saved = await checkpoints?.load();
  const earlier = saved && decodeCheckpoint(saved, checkpoints?.name ?? `the ${phase}'s checkpoint`);
  const learning = teacher && (earlier?.progress.epoch ?? 0) < recipe.epochs;
  const schedules = schedulesOf(recipe, objective);
  const options = { threads: recipe.threads };
  const trainer = await createTrainer(runtime, step, earlier?.tensors, options);
  const evaluator = await createEvaluator(runtime, network, step.weights, normalization, options);
  let cache: TeacherCache | undefined;
  try {
    await environment.begin?.();
    cache = learning ? await openTeacherCache({ ...training, teacher, outputs: teacherOutputs(objective) }) : undefined;
    const result = await fit({
      trainer,
      evaluator,
      batches,
      validation: data.validation,
      epochs: recipe.epochs,
      seed: recipe.seed,
      schedules,
      teach: cache?.teach ?? teacher?.teach,
      checkpoints,
      checkpointSeconds: environment.checkpointSeconds,
      onStep: (event) => events.onStep?.(phase, event),
      onEpoch: (event: EpochEvent) => events.onEpoch?.(phase, event),
    });
    const test = async (weights: State) => (await evaluator.predict(data.test, weights)).accuracy;
    const accuracy = { lastEpoch: await test(result.last), bestOnValidation: await test(result.best) };
    const weights = recipe.keep === "best" ? result.best : result.last;
    const { bestEpoch, seconds } = result;
    return { ...(await exported(training, weights)), accuracy, bestEpoch, seconds, teacherCache: cache?.usage };
  } finally {
    cache?.close();
    await Promise.all([trainer.release(), evaluator.release()]);
  }
}

/** The network as an ONNX file. What is reported of the file is measured on the file. */
async function exported(
  { network, normalization, data, environment }: Training,
  weights: State,
): Promise<Pick<Trained, "graph" | "bytes" | "predictions">> {
  const graph = describeClassifier(withWeights(network, weights), normalization, data.train.classes);
  const bytes = writeOnnx(graph);
  const session = await environment.runtime.createSession(bytes);
  try {
    return { graph, bytes, predictions: await predict(session, graph, data.test, normalization) };
  } finally {
    await session.release();
  }
}

function compile(recipe: Recipe, student: Graph, objective: Objective, channelBlock: number | undefined): CompiledStep {
  return compileStep({
    student,
    batchSize: recipe.batchSize,
    losses: objective.terms,
    optimizer: toOptimizer(recipe.optimizer),
    frozen: recipe.frozen,
    clipNorm: recipe.clipNorm,
    average: recipe.average !== undefined,
    channelBlock,
  });
}

function toOptimizer(recipe: OptimizerRecipe): Optimizer {
  return "sgd" in recipe ? sgd(recipe.sgd) : adamw(recipe.adamw);
}

function schedulesOf(recipe: Recipe, objective: Objective): Readonly<Record<string, Schedule>> {
  const { learningRate } = "sgd" in recipe.optimizer ? recipe.optimizer.sgd : recipe.optimizer.adamw;
  return {
    learningRate: toSchedule(learningRate),
    ...objective.schedules,
    ...(recipe.average ? { averageDecay: averageDecay(recipe.average.decay) } : {}),
  };
}

/** The average follows quickly at first, so that it forgets the random start: min(decay, (1 + step)/(10 + step)). */
function averageDecay(decay: number): Schedule {
  return ({ step }) => Math.min(decay, (1 + step) / (10 + step));
}

function limited(data: Splits, limit: number | undefined): Splits {
  return limit === undefined ? data : { ...data, train: firstOf(data.train, limit) };
}

function firstOf(samples: Samples, count: number): Samples {
  return subset(
    samples,
    Uint32Array.from({ length: Math.min(count, samples.length) }, (_, index) => index),
  );
}

import { lacksLabels } from "../data/labels.ts";
import { inlineLoader } from "../data/loader.ts";
import type { Normalization } from "../data/normalize.ts";
import type { Splits } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { channelBlockOf } from "../runtime/channel-block.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { averagesIn, TEACHER_DECAY } from "../train/average-teacher.ts";
import { fillsBlocks } from "../train/blocked-network.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { answersOnly } from "../train/classifier.ts";
import { createEvaluator, type Predictions, predict } from "../train/evaluation.ts";
import { type EpochEvent, type FitResult, fit, type StepEvent } from "../train/fit.ts";
import { adamw, type Optimizer, sgd } from "../train/optimizers.ts";
import type { Schedule } from "../train/schedules.ts";
import { type CompiledStep, compileStep, isOfLoss, ofLength, type StepOptions } from "../train/step.ts";
import { withWeights } from "../train/trainable.ts";
import { createTrainer, type State } from "../train/trainer.ts";
import { openBalance, weighsByUncertainty } from "./balance.ts";
import { type CacheUsage, openTeacherCache, type TeacherCache } from "./cache/teacher-cache.ts";
import type { Environment, Phase } from "./environment.ts";
import { peerWith, withMutual, withPeers } from "./mutual.ts";
import { describeClassifier } from "./network.ts";
import { LOGITS, maskedShare, type Objective, objectiveOf, outputsOf, teacherName } from "./objective.ts";
import type { OptimizerRecipe, Recipe } from "./recipe/schema.ts";
import { openData } from "./recipe-data.ts";
import { toSchedule } from "./schedule.ts";
import { keepSnapshot } from "./snapshots.ts";
import type { Stage } from "./stages.ts";
import { teacherSources } from "./teacher/sources.ts";
import type { Teacher } from "./teacher.ts";

/** A network as a run leaves it. */
export interface Exported {
  readonly graph: Graph;
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** On the test set, by the exported weights. */
  readonly predictions: Predictions;
}

/** A network that a run has trained, and how it does on the test set. */
export interface Trained extends Exported {
  /** Test accuracy of the weights after the last epoch, and of those best on validation. */
  readonly accuracy: { readonly lastEpoch: number; readonly bestOnValidation: number };
  readonly bestEpoch: number;
  readonly seconds: number;
  /** Those that were trained together with it, of the same epoch. */
  readonly peers: readonly Exported[];
  /** Its moving average after the last step, where that was its teacher. */
  readonly average?: Exported;
  /** Where the teachers' outputs were cached. */
  readonly teacherCache?: CacheUsage;
}

/** What a network is trained on, and by whom. */
export interface Training {
  readonly phase: Phase;
  readonly recipe: Recipe;
  readonly stages: readonly Stage[];
  readonly network: Graph;
  /** Trained together with it. */
  readonly peers?: readonly Graph[];
  readonly data: Splits;
  readonly normalization: Normalization;
  readonly teachers: readonly Teacher[];
  readonly environment: Environment;
}

/** What a stage hands on to the next. */
interface StageResult {
  readonly fitted: FitResult;
  /** Test accuracy of what `fitted` has. */
  readonly accuracy: Trained["accuracy"];
  /** What the stage's losses had of their own. */
  readonly ofLosses: State;
  readonly usage: readonly CacheUsage[];
}

/** Trains a network in its stages, each from where the one before left it. */
export async function trainNetwork(training: Training): Promise<Trained> {
  const { recipe, stages, environment } = training;
  let { network, peers = [] } = training;
  let ofLosses: State = new Map();
  let result: StageResult | undefined;
  let [epochsDone, seconds] = [0, 0];
  const usage: CacheUsage[] = [];
  const epochs = stages.reduce((sum, stage) => sum + stage.epochs, 0);
  const what = describe(training);
  for (const stage of stages) {
    environment.events?.onStage?.(stage.name === undefined ? what : `${what}: ${stage.name}`);
    result = await trainStage({ ...training, network, peers }, stage, { epochsDone, epochs, ofLosses });
    epochsDone += stage.epochs;
    seconds += result.fitted.seconds;
    usage.push(...result.usage);
    const weights = recipe.keep === "best" ? result.fitted.best : result.fitted.last;
    network = withWeights(network, weights);
    peers = peers.map((peer, index) => peerWith(peer, index, weights));
    ({ ofLosses } = result);
  }
  if (!result) throw new LimbeckError("There is no stage to train.");
  const bestEpoch = epochsDone - (stages.at(-1)?.epochs ?? 0) + result.fitted.bestEpoch;
  const left: Exported[] = [];
  for (const one of [network, ...peers]) left.push(await exported(training, one));
  const [student, ...others] = left as [Exported, ...Exported[]];
  const averages = averagesIn(ofLosses);
  return {
    ...student,
    accuracy: result.accuracy,
    bestEpoch,
    seconds,
    peers: others,
    ...(averages.size > 0 && { average: await exported(training, withWeights(network, averages)) }),
    teacherCache: together(usage),
  };
}

function describe({ phase, teachers, peers = [], recipe }: Training): string {
  if (phase === "baseline") return "Training the same network without the teacher";
  const name = phase === "student" ? "the student" : phase.replace("-", " ");
  if (teachers.length > 0 || teacherSources(recipe).average) return `Distilling ${name}`;
  if (peers.length > 0) return "Training the student and its peers";
  return phase === "student" ? "Training the network" : `Training ${name}`;
}

interface Before {
  /** By the stages before, and in all. */
  readonly epochsDone: number;
  readonly epochs: number;
  readonly ofLosses: State;
}

async function trainStage(training: Training, stage: Stage, before: Before): Promise<StageResult> {
  const { phase, recipe, network, peers = [], data, normalization, teachers, environment } = training;
  const { runtime } = environment;
  const train = stage.data === recipe.data ? data.train : (await openData(stage.data, recipe, environment)).train;
  const { objective, averageTeacher } = learningOf(training, stage, train.length);
  const all = withPeers(network, peers);
  const longest = train.texts?.lengths.at(-1);
  const common = {
    ...stepOptions(recipe, stage, all, objective, await channelBlockFor(runtime, all), averageTeacher),
    mixes: stage.data.mix !== undefined,
    isPartial: lacksLabels(train),
    ...(data.train.classes.length === 0 && { classifies: false as const }),
  };
  const options = ofLength(common, longest);
  const step = goingOn(compileStep(options), before.ofLosses);
  const stepFor = (length: number) => compileStep(ofLength(common, length));
  const checkpoints = environment.checkpoints?.(phase, stage.name);
  const saved = await checkpoints?.load();
  const earlier = saved && decodeCheckpoint(saved, checkpoints?.name ?? `the ${phase}'s checkpoint`);
  const { batchSize, seed, threads } = recipe;
  const { augment, mix, views } = stage.data;
  const maskWords = maskedShare(stage.losses);
  const batches = (environment.openLoader ?? inlineLoader)(train, { batchSize, seed, normalization, augment, mix, views, maskWords });
  const trainer = await createTrainer(runtime, step, earlier?.tensors, { threads, stepFor });
  const own = step.weights.filter((name) => network.initializers.has(name));
  const evaluator = await createEvaluator(runtime, network, own, normalization, { threads });
  const balance = await openBalance(recipe, options, runtime, { threads });
  const caches: TeacherCache[] = [];
  try {
    await environment.begin?.();
    const learning = (earlier?.progress.epoch ?? 0) < stage.epochs ? teachers : [];
    const ways = await waysToTeach(training, stage, { ...data, train }, learning, caches);
    const fitted = await fit({
      trainer,
      evaluator,
      batches,
      validation: data.validation,
      epochs: stage.epochs,
      seed,
      schedules: schedulesOf(recipe, stage, objective, before.epochsDone > 0),
      teach:
        ways.length === 0
          ? undefined
          : async (batch, scalars) => {
              const answers = [];
              for (const teach of ways) answers.push(await teach(batch, scalars));
              return Object.assign({}, ...answers) as Record<string, never>;
            },
      balance: balance?.create,
      checkpoints,
      checkpointSeconds: environment.checkpointSeconds,
      ...tellingWhole(training, before, trainer.weights),
    });
    const test = async (weights: State) => (await evaluator.predict(data.test, weights)).accuracy;
    const accuracy = { lastEpoch: await test(fitted.last), bestOnValidation: await test(fitted.best) };
    const ofLosses = new Map([...(await trainer.state())].filter(([name]) => isOfLoss(name)));
    return { fitted, accuracy, ofLosses, usage: caches.map(({ usage }) => usage) };
  } finally {
    for (const cache of caches) cache.close();
    await Promise.all([batches.release(), trainer.release(), evaluator.release(), balance?.release()]);
  }
}

/** What a stage's losses come to, and where its teacher is the student's average, the student's tensors behind what they see of it. */
function learningOf({ recipe, network, peers = [], data, teachers }: Training, { losses }: Stage, samples: number) {
  const { average } = teacherSources(recipe);
  const networks = {
    student: network,
    teachers: [...teachers.map(({ graph }) => graph), ...(average ? [network] : [])],
    classes: data.train.classes.length,
    samples,
    combine: recipe.combine,
  };
  const objective = withMutual(objectiveOf(losses, networks), recipe, { ...networks, peers });
  const place = teachers.length;
  const tensorOf = (tensor: string) => (tensor === LOGITS ? (network.outputs[0]?.name ?? "") : tensor);
  const seen = Object.keys(outputsOf([objective], place)).map((tensor) => [teacherName(place, tensor), tensorOf(tensor)]);
  return { objective, averageTeacher: average && (Object.fromEntries(seen) as Readonly<Record<string, string>>) };
}

type Teach = TeacherCache["teach"];

/** Where each teacher's outputs come from: its cache, or itself. */
async function waysToTeach(
  { recipe, normalization, environment }: Training,
  stage: Stage,
  data: Splits,
  teachers: readonly Teacher[],
  caches: TeacherCache[],
): Promise<readonly Teach[]> {
  const ways: Teach[] = [];
  for (const teacher of teachers) {
    const ofStage = { ...recipe, data: stage.data, epochs: stage.epochs };
    const request = { recipe: ofStage, teacher, outputs: teacher.outputs, data, normalization, environment };
    // Of words that are masked otherwise each time, no answer is used twice.
    const cache = maskedShare(stage.losses) === undefined ? await openTeacherCache(request) : undefined;
    if (cache) caches.push(cache);
    ways.push(cache?.teach ?? teacher.teach);
  }
  return ways;
}

/** Tells of a stage's epochs as part of the whole, and keeps the snapshots among them. */
function tellingWhole(training: Training, { epochsDone, epochs }: Before, weights: () => Promise<State>) {
  const { phase, environment } = training;
  const { events = {} } = environment;
  const whole = <E extends { readonly epoch: number }>(event: E) => ({ ...event, epoch: epochsDone + event.epoch, epochs });
  return {
    onStep: (event: StepEvent) => events.onStep?.(phase, whole(event)),
    onEpoch: async (event: EpochEvent) => {
      await keepSnapshot(training, epochsDone + event.epoch, weights);
      await events.onEpoch?.(phase, whole(event));
    },
  };
}

/** A step that begins with what an earlier stage's losses of the same names ended with. */
function goingOn(step: CompiledStep, ofLosses: State): CompiledStep {
  if (ofLosses.size === 0) return step;
  const state = step.state.map((tensor) => {
    const earlier = ofLosses.get(tensor.name);
    return earlier?.shape.join() === tensor.initial.shape.join() ? { ...tensor, initial: earlier } : tensor;
  });
  return { ...step, state };
}

function together(usage: readonly CacheUsage[]): CacheUsage | undefined {
  if (usage.length === 0) return undefined;
  const sum = (key: keyof CacheUsage) => usage.reduce((total, each) => total + each[key], 0);
  return { used: sum("used"), computed: sum("computed"), bytes: sum("bytes") };
}

/** The network as an ONNX file, with its first output: what beside it guesses words serves training alone. What is reported of the file is measured on the file. */
export async function exported(
  { normalization, data, environment }: Pick<Training, "normalization" | "data" | "environment">,
  network: Graph,
): Promise<Exported> {
  const graph = describeClassifier(answersOnly(network), normalization, data.train.classes);
  const bytes = writeOnnx(graph);
  const session = await environment.runtime.createSession(bytes);
  try {
    return { graph, bytes, predictions: await predict(session, graph, data.test, normalization) };
  } finally {
    await session.release();
  }
}

function stepOptions(
  recipe: Recipe,
  stage: Stage,
  student: Graph,
  objective: Objective,
  channelBlock: number | undefined,
  averageTeacher: StepOptions["averageTeacher"],
): StepOptions {
  return {
    student,
    batchSize: recipe.batchSize,
    losses: objective.terms,
    optimizer: toOptimizer(stage.optimizer),
    frozen: stage.frozen,
    trained: stage.trained,
    clipNorm: stage.clipNorm,
    average: recipe.average !== undefined,
    averageTeacher,
    uncertainty: weighsByUncertainty(recipe, objective.terms),
    seed: recipe.seed,
    channelBlock,
  };
}

async function channelBlockFor(runtime: Runtime, network: Graph): Promise<number | undefined> {
  const block = await channelBlockOf(runtime);
  return block !== undefined && fillsBlocks(canonicalize(network), block) ? block : undefined;
}

function toOptimizer(recipe: OptimizerRecipe): Optimizer {
  return "sgd" in recipe ? sgd(recipe.sgd) : adamw(recipe.adamw);
}

function schedulesOf(recipe: Recipe, { optimizer }: Stage, objective: Objective, goesOn: boolean): Readonly<Record<string, Schedule>> {
  const { learningRate } = "sgd" in optimizer ? optimizer.sgd : optimizer.adamw;
  const teacher = teacherSources(recipe).average;
  return {
    learningRate: toSchedule(learningRate),
    ...objective.schedules,
    ...(recipe.average ? { averageDecay: averageDecay(toSchedule(recipe.average.decay)) } : {}),
    // What goes on from an earlier stage has no random start to forget.
    ...(teacher ? { [TEACHER_DECAY]: goesOn ? toSchedule(teacher.decay) : averageDecay(toSchedule(teacher.decay)) } : {}),
  };
}

/** The average follows quickly at first, so that it forgets the random start: min(decay, (1 + step)/(10 + step)). */
function averageDecay(decay: Schedule): Schedule {
  return (position) => Math.min(decay(position), (1 + position.step) / (10 + position.step));
}

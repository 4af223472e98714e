import type { Batch } from "../data/batches.ts";
import { feedsFor, TOKEN_LABELS } from "../data/inputs.ts";
import type { BatchLoader } from "../data/loader.ts";
import type { Samples } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import { type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import type { Balancer } from "./balance/balancer.ts";
import { type CheckpointStore, decodeCheckpoint, encodeCheckpoint, type Progress } from "./checkpoint.ts";
import type { Evaluator } from "./evaluation.ts";
import type { Position, Schedule } from "./schedules.ts";
import type { State, Trainer } from "./trainer.ts";

export interface FitOptions {
  readonly trainer: Trainer;
  /** Of the step's batch size, by the run's seed. */
  readonly batches: BatchLoader;
  /** Where the best epoch is chosen. Without it the last epoch counts as the best. */
  readonly validation?: Samples;
  readonly evaluator: Evaluator;
  readonly epochs: number;
  readonly seed: number;
  /** The value of each scalar of the step, but for `seed` and the optimiser's own. */
  readonly schedules: Readonly<Record<string, Schedule>>;
  /** The teacher's outputs on a batch, by the names of the step's teacher inputs. @param scalars What the schedules feed the step. */
  readonly teach?: (batch: Batch, scalars: Readonly<Record<string, number>>) => Promise<Readonly<Record<string, Tensor>>>;
  /** Weighs the terms of the loss, and watches them. @param memory What it knew when the run was saved, where one is resumed. */
  readonly balance?: (memory?: unknown) => Balancer;
  /** Where the run is saved at the end of each epoch, and within one each `checkpointSeconds`; an earlier run found there is resumed. */
  readonly checkpoints?: CheckpointStore;
  /** A minute unless given; with 0, after every step. */
  readonly checkpointSeconds?: number;
  readonly onStep?: (event: StepEvent) => void;
  readonly onEpoch?: (event: EpochEvent) => void | Promise<void>;
}

export interface StepEvent {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Means over the epoch so far: each loss term, `loss`, and where there are labels `accuracy`. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
}

export interface EpochEvent {
  /** Epochs finished. */
  readonly epoch: number;
  readonly epochs: number;
  /** Optimiser steps taken since the run began. */
  readonly step: number;
  /** Means over the epoch: each loss term, `loss`, and where there are labels `accuracy`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The schedules' values at the epoch's last step; weights as they took effect. */
  readonly scalars: Readonly<Record<string, number>>;
  /** Where they are measured: the share of the gradient that each term contributed at the epoch's last step. */
  readonly gradientShares?: Readonly<Record<string, number>>;
  readonly validation?: { readonly accuracy: number; readonly loss: number };
  readonly best: boolean;
  readonly samplesPerSecond: number;
  readonly waiting: Waiting;
  /** Seconds of training since the run began. */
  readonly seconds: number;
}

/**
 * The shares of an epoch's training time, from 0 to 1, in which the step waited: for its batch, for what the teacher says of it, and where
 * the terms' gradients are measured, for that.
 */
export interface Waiting {
  readonly batch: number;
  readonly teacher: number;
  readonly gradients?: number;
}

export interface FitResult {
  /** The weights after the last epoch. */
  readonly last: State;
  /** The weights of the epoch that was best on validation. */
  readonly best: State;
  readonly bestEpoch: number;
  readonly seconds: number;
}

const CHECKPOINT_SECONDS = 60;
const BEST = "best:";

/**
 * Trains until `epochs` are done. Everything random follows from the seed and the position, so a run that is killed and resumed ends
 * with the same weights as one that is not.
 *
 * @throws LimbeckError (exit code 1) when the loss or the weights stop being finite; the last checkpoint stays.
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  const { trainer, batches, validation, evaluator, epochs, seed, checkpoints } = options;
  const { steps } = batches;
  const saved = options.checkpoints && (await resume(options.checkpoints, seed));
  let progress: Progress = saved?.progress ?? { seed, epoch: 0, step: 0, sums: {}, seconds: 0 };
  let best: State = saved && progress.best ? bestWeights(saved.tensors) : copy(await trainer.weights());
  const balancer = options.balance?.(progress.balance);
  const started = clock() - progress.seconds;
  const save = async () =>
    checkpoints?.save(encodeCheckpoint({ progress, tensors: new Map([...(await trainer.state()), ...asBest(best, progress)]) }));

  while (progress.epoch < epochs) {
    const result = await trainEpoch(options, balancer, progress, async (at) => {
      progress = { ...at, seconds: clock() - started };
      await save();
    });
    const measured = validation && validation.length > 0 ? await evaluator.predict(validation, await trainer.weights()) : undefined;
    // Where nothing is classified, the last epoch counts as the best.
    const improved = measured === undefined || !(measured.accuracy <= (progress.best?.accuracy ?? -1));
    const epoch = progress.epoch + 1;
    if (improved) best = copy(await trainer.weights());
    const counted = balancer?.epochDone({ epoch, terms: result.metrics, validationLoss: measured?.loss });
    progress = {
      seed,
      epoch,
      step: 0,
      sums: {},
      seconds: clock() - started,
      best: improved ? { epoch, accuracy: measured?.accuracy ?? 0 } : progress.best,
      balance: balancer?.memory,
    };
    await options.onEpoch?.({
      epoch,
      epochs,
      step: epoch * steps,
      metrics: result.metrics,
      scalars: { ...result.scalars, ...counted?.weights },
      ...(counted?.shares && { gradientShares: counted.shares }),
      validation: measured && { accuracy: measured.accuracy, loss: measured.loss },
      best: improved,
      samplesPerSecond: result.samplesPerSecond,
      waiting: result.waiting,
      seconds: progress.seconds,
    });
    await save();
  }
  return { last: copy(await trainer.weights()), best, bestEpoch: progress.best?.epoch ?? epochs, seconds: progress.seconds };
}

/** Where a saved run got to, with its state; the trainer must have been created from the same state. */
async function resume(checkpoints: CheckpointStore, seed: number) {
  const bytes = await checkpoints.load();
  const saved = bytes && decodeCheckpoint(bytes, checkpoints.name ?? "the checkpoint");
  if (saved && saved.progress.seed !== seed) {
    throw new LimbeckError(`The saved run has seed ${saved.progress.seed}, this one ${seed}.`, { hint: "Start again in a new directory." });
  }
  return saved;
}

/** The rest of an epoch, from `progress.step`. */
async function trainEpoch(
  options: FitOptions,
  balancer: Balancer | undefined,
  progress: Progress,
  checkpoint: (progress: Progress) => Promise<void>,
) {
  const { trainer, batches, seed, epochs, schedules, checkpointSeconds = CHECKPOINT_SECONDS } = options;
  const { steps } = batches;
  const { step: compiled } = trainer;
  const sums: Record<string, number> = { ...progress.sums };
  let scalars: Record<string, number> = {};
  let saved = clock();
  const began = clock();
  let step = progress.step;
  const metrics = () => {
    const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / Math.max(1, step)]));
    const { correct, labelled = compiled.batchSize, ...rest } = means;
    return correct === undefined || labelled === 0 ? rest : { ...rest, accuracy: correct / labelled };
  };
  const rate = () => ((step - progress.step) * compiled.batchSize) / (clock() - began);
  const waited = { batch: 0, teacher: 0, gradients: 0 };
  let asked = began;
  for await (const batch of batches.epoch(progress.epoch, progress.step)) {
    waited.batch += clock() - asked;
    const taken = progress.epoch * steps + step;
    scalars = scalarsAt(schedules, { step: taken, totalSteps: epochs * steps, epoch: progress.epoch });
    const taught = clock();
    const targets = (await options.teach?.(batch, scalars)) ?? {};
    waited.teacher += clock() - taught;
    const { inputs, labels, partners, indices, tokenLabels } = compiled.batch;
    const feeds = {
      ...feedsFor(inputs, batch.inputs),
      [labels]: batch.labels,
      ...(partners && batch.partners && { [partners.labels]: batch.partners.labels, [partners.share]: batch.partners.share }),
      ...(indices && { [indices]: int32(batch.indices) }),
      ...(tokenLabels && { [tokenLabels]: batch.inputs[TOKEN_LABELS] as Tensor }),
      ...targets,
    };
    const fed = { ...scalars, ...compiled.optimizer.scalars(taken + 1), seed: stepSeed(seed, taken) };
    const answered = clock();
    const weights = await balancer?.weigh({
      taken,
      endsEpoch: step === steps - 1,
      batch: feeds,
      scalars: fed,
      state: trainer.state,
      length: batch.length,
    });
    waited.gradients += clock() - answered;
    const found = await trainer.run(feeds, { ...fed, ...weights }, batch.length);
    if (!Number.isFinite(found.loss)) throw diverged(`The loss became ${found.loss}`, taken, scalars, brokenTerms(found));
    for (const [name, value] of Object.entries(found)) sums[name] = (sums[name] ?? 0) + value;
    step++;
    options.onStep?.({
      epoch: progress.epoch,
      epochs,
      step,
      steps,
      metrics: metrics(),
      samplesPerSecond: rate(),
      secondsLeft: ((epochs - progress.epoch) * steps - step) * (compiled.batchSize / rate()),
    });
    const due = clock() - saved >= checkpointSeconds;
    // The loss is of the weights before the step, so what the step made of them is seen only here, before it is kept.
    if ((due || step === steps) && !allFinite(await trainer.state())) throw diverged("The weights stopped being finite", taken, scalars);
    if (due && step < steps) {
      await checkpoint({ ...progress, step, sums: { ...sums }, balance: balancer?.memory });
      saved = clock();
    }
    asked = clock();
  }
  const seconds = clock() - began;
  const waiting = {
    batch: waited.batch / seconds,
    teacher: waited.teacher / seconds,
    ...(balancer && { gradients: waited.gradients / seconds }),
  };
  return { metrics: metrics(), scalars, samplesPerSecond: rate(), waiting };
}

function scalarsAt(schedules: Readonly<Record<string, Schedule>>, position: Position): Record<string, number> {
  return Object.fromEntries(Object.entries(schedules).map(([name, schedule]) => [name, schedule(position)]));
}

/** A whole number that float32 holds exactly, different for neighbouring steps and seeds. */
function stepSeed(seed: number, step: number): number {
  return (Math.imul(seed + 1, 0x9e3779b1) + Math.imul(step, 0x85ebca6b)) >>> 8;
}

function diverged(
  what: string,
  step: number,
  { learningRate }: Readonly<Record<string, number>>,
  terms: readonly string[] = [],
): LimbeckError {
  const first = terms.length > 0 ? ` (${terms.join(", ")} first)` : "";
  return new LimbeckError(`${what} at step ${step + 1}, with learning rate ${learningRate?.toPrecision(3)}${first}.`, {
    exitCode: 1,
    hint: "Try a lower learning rate, a longer warm-up, or clipNorm: 1. The last good checkpoint is kept.",
  });
}

/** The terms that are why the loss is not finite. */
function brokenTerms({ loss: _, ...terms }: Readonly<Record<string, number>>): string[] {
  return Object.keys(terms).filter((name) => !Number.isFinite(terms[name]));
}

function allFinite(tensors: State): boolean {
  return Array.from(tensors.values()).every(({ data }) => data.every(Number.isFinite));
}

const clock = (): number => performance.now() / 1000;

function copy(weights: State): State {
  return new Map(Array.from(weights, ([name, { data, shape }]): [string, Float32Tensor] => [name, float32(data.slice(), shape)]));
}

function asBest(best: State, progress: Progress): [string, Float32Tensor][] {
  return progress.best ? Array.from(best, ([name, tensor]) => [BEST + name, tensor]) : [];
}

function bestWeights(tensors: State): State {
  return new Map(
    Array.from(tensors).flatMap(([name, tensor]) => (name.startsWith(BEST) ? [[name.slice(BEST.length), tensor] as const] : [])),
  );
}

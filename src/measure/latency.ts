import { toFloat16 } from "../distill/cache/float16.ts";
import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph, type Value } from "../graph/graph.ts";
import { arrayTypeOf, elementCount, type Tensor, type TensorData } from "../graph/tensor.ts";
import { ATTENTION_MASK } from "../nn/text.ts";
import { type Random, randomFor } from "../random.ts";
import type { Feeds, Session } from "../runtime/runtime.ts";

/** Milliseconds per run. */
export interface LatencySummary {
  readonly median: number;
  /** 95 % of the runs took no longer. */
  readonly p95: number;
  readonly mean: number;
  /** How many runs were timed. */
  readonly runs: number;
}

export interface LatencyOptions {
  /** Runs before the first that is timed. */
  readonly warmup?: number;
  readonly runs?: number;
  /** Time now, in milliseconds. */
  readonly clock?: () => number;
}

/** Times whole runs of a session, one after the other, outputs fetched. Quantiles between two runs are interpolated. */
export async function measureLatency(session: Session, feeds: Feeds, options: LatencyOptions = {}): Promise<LatencySummary> {
  const { warmup = 5, runs = 50, clock = () => performance.now() } = options;
  if (!Number.isInteger(runs) || runs < 1)
    throw new LimbeckError(`Latency cannot be measured in ${runs} runs.`, { hint: "Ask for 1 or more." });
  for (let run = 0; run < warmup; run++) await session.run(feeds);
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timeOf(session, feeds, clock));
  return summarize(times);
}

async function timeOf(session: Session, feeds: Feeds, clock: () => number): Promise<number> {
  const start = clock();
  await session.run(feeds);
  return clock() - start;
}

function summarize(times: readonly number[]): LatencySummary {
  const ascending = times.toSorted((a, b) => a - b);
  const mean = times.reduce((total, time) => total + time, 0) / times.length;
  return { median: quantile(ascending, 0.5), p95: quantile(ascending, 0.95), mean, runs: times.length };
}

/** A session with what it is fed. */
export interface Runnable {
  readonly session: Session;
  readonly feeds: Feeds;
}

export interface SpreadSummary extends LatencySummary {
  /** A quarter of the runs took no longer than the first, three quarters no longer than the second. */
  readonly quartiles: readonly [number, number];
}

export interface TurnOptions {
  readonly clock?: () => number;
  /** How many turns each one gets, and how many milliseconds of runs a turn is, but for those that take longer once. */
  readonly rounds?: number;
  readonly turn?: number;
}

const WARMUP = 3;
/** At most: runs that take no time on a coarse clock would otherwise have no number. */
const MOST_RUNS = 1000;

/**
 * Times several sessions in turns: in every round each one is run for some milliseconds, and every round begins with another one. A machine
 * that gets slower meanwhile gets slower for all of them.
 */
export async function measureInTurns(runnables: readonly Runnable[], options: TurnOptions = {}): Promise<readonly SpreadSummary[]> {
  const { rounds = 10, turn = 20, clock = () => performance.now() } = options;
  const runs: number[] = [];
  for (const { session, feeds } of runnables) {
    let last = 0;
    for (let run = 0; run < WARMUP; run++) last = await timeOf(session, feeds, clock);
    runs.push(Math.min(MOST_RUNS, Math.max(1, Math.round(turn / last))));
  }
  const times = runnables.map((): number[] => []);
  await inTurns(runnables, rounds, async ({ session, feeds }, index) => {
    for (let run = 0; run < (runs[index] as number); run++) (times[index] as number[]).push(await timeOf(session, feeds, clock));
  });
  return times.map((all) => {
    const ascending = all.toSorted((a, b) => a - b);
    return { ...summarize(all), quartiles: [quantile(ascending, 0.25), quantile(ascending, 0.75)] };
  });
}

/** Gives everyone a turn in each round; the first of a round is the second of the one before it. */
export async function inTurns<T>(all: readonly T[], rounds: number, turn: (one: T, index: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let place = 0; place < all.length; place++) {
      const index = (place + round) % all.length;
      await turn(all[index] as T, index);
    }
  }
}

/** Linear interpolation between the two nearest of ascending numbers. */
function quantile(ascending: readonly number[], fraction: number): number {
  const place = fraction * (ascending.length - 1);
  const [below, above] = [ascending[Math.floor(place)] as number, ascending[Math.ceil(place)] as number];
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * Inputs for a graph, for timing and for comparing runtimes: floats are standard normal; integers and booleans are 0 or 1, which are valid
 * indices into anything with two entries; a mask of texts hides nothing.
 *
 * @param sizes Of the symbolic dimensions, by name: `{ N: 32 }`.
 * @throws LimbeckError when a dimension has no size, or an input holds strings or bfloat16, which the runtime's JavaScript side has not.
 */
export function randomFeeds(graph: Graph, sizes: Readonly<Record<string, number>> = {}, seed = 0): Feeds {
  return Object.fromEntries(graph.inputs.map((input, index) => [input.name, randomTensor(input, sizes, randomFor(seed, index))]));
}

function randomTensor({ name, type, shape }: Value, sizes: Readonly<Record<string, number>>, random: Random): Tensor {
  const concrete = shape.map((size) => (typeof size === "number" ? size : (sizes[size] ?? Number.NaN)));
  if (concrete.some(Number.isNaN)) {
    throw new LimbeckError(`The input "${name}" ${formatShape(shape)} has a dimension without a size.`, {
      hint: 'Give it one: { "N": 1 }.',
    });
  }
  if (type === "string" || type === "bfloat16") throw new LimbeckError(`There are no random inputs of type ${type} for "${name}".`);
  const data = new (arrayTypeOf(type))(elementCount(concrete));
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  const is64bit = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < data.length; index++) {
    if (type === "float16") data[index] = toFloat16(random.normal());
    else if (name === ATTENTION_MASK) data[index] = is64bit ? 1n : 1;
    else data[index] = isFloat ? random.normal() : is64bit ? BigInt(random.integer(0, 1)) : random.integer(0, 1);
  }
  return { type, shape: concrete, data: data as TensorData };
}

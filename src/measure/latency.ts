import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph, type Value } from "../graph/graph.ts";
import { arrayTypeOf, elementCount, type Tensor, type TensorData } from "../graph/tensor.ts";
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
  for (let run = 0; run < runs; run++) {
    const start = clock();
    await session.run(feeds);
    times.push(clock() - start);
  }
  times.sort((a, b) => a - b);
  return { median: quantile(times, 0.5), p95: quantile(times, 0.95), mean: times.reduce((total, time) => total + time, 0) / runs, runs };
}

/** Linear interpolation between the two nearest of ascending numbers. */
function quantile(ascending: readonly number[], fraction: number): number {
  const place = fraction * (ascending.length - 1);
  const [below, above] = [ascending[Math.floor(place)] as number, ascending[Math.ceil(place)] as number];
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * Inputs for a graph, for timing and for comparing runtimes: floats are standard normal; integers and booleans are 0 or 1, which are valid
 * indices into anything with two entries.
 *
 * @param sizes Of the symbolic dimensions, by name: `{ N: 32 }`.
 * @throws LimbeckError when a dimension has no size, or an input holds strings or 16-bit floats.
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
  if (type === "string" || type === "float16" || type === "bfloat16")
    throw new LimbeckError(`There are no random inputs of type ${type} for "${name}".`);
  const data = new (arrayTypeOf(type))(elementCount(concrete));
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  const is64bit = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < data.length; index++) {
    data[index] = isFloat ? random.normal() : is64bit ? BigInt(random.integer(0, 1)) : random.integer(0, 1);
  }
  return { type, shape: concrete, data: data as TensorData };
}

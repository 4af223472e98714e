import { type BatchBuffers, batchBuffers, batchOf, checkStart, stepsPerEpoch, valuesIn } from "../batches.ts";
import type { BatchLoader, LoaderOptions } from "../loader.ts";
import type { Samples, SamplesSource } from "../samples.ts";
import { type BatchThread, heardOrNot, startBatchThread } from "./batch-thread.ts";
import { sharedSource } from "./shared-memory.ts";
import type { MadeBatch } from "./worker-messages.ts";

/** Batches that each thread may have made or be making, the one in use among them. */
const LOOK_AHEAD = 3;

export interface ThreadLoader extends BatchLoader {
  /** Resolves when all threads can begin. */
  readonly ready: Promise<unknown>;
}

/**
 * Makes batches in threads, ahead of their use: step s in thread s mod `count`. An epoch has a fixed set of buffers, which go back and forth:
 * when all are filled, nothing more is made until one has been used.
 *
 * @param source From which the threads open `samples`.
 */
export function threadLoader(samples: Samples, source: SamplesSource, options: LoaderOptions, count: number): ThreadLoader {
  const { batchSize } = options;
  const steps = stepsPerEpoch(samples, batchSize);
  const setup = { source: sharedSource(source), options };
  const threads = Array.from({ length: count }, () => startBatchThread(setup));

  async function* epoch(number: number, startStep = 0) {
    checkStart(samples, startStep, steps);
    const coming: Promise<MadeBatch>[] = [];
    let next = startStep;
    const ask = (buffers: BatchBuffers): void => {
      if (next === steps) return;
      const thread = threads[next % count] as BatchThread;
      coming.push(thread.make({ epoch: number, step: next++, buffers }));
    };
    for (let ahead = 0; ahead < count * LOOK_AHEAD; ahead++) ask(batchBuffers(samples, options));
    for (let batch = coming.shift(); batch; batch = coming.shift()) {
      const { buffers, indices, view } = await batch;
      yield batchOf(buffers, indices, valuesIn(buffers.inputs, indices.length, samples.sampleShape), view);
      ask(buffers);
    }
  }

  return {
    batchSize,
    steps,
    epoch,
    ready: heardOrNot(Promise.all(threads.map(({ ready }) => ready))),
    release: async () => {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}

import { availableParallelism } from "node:os";
import { type BatchLoader, inlineLoader, type OpenLoader } from "../loader.ts";
import { threadsAvailable } from "./batch-thread.ts";
import { type ThreadLoader, threadLoader } from "./thread-loader.ts";

/** Threads are started once so much time, in ms, has gone by in making batches: about what a thread takes to start. */
const ENOUGH_MS = 100;
/** The share of the time above which making batches is worth threads. */
const WORTH = 0.05;

/**
 * Makes batches in threads. Their number changes no batch.
 *
 * @param workers How many threads; 0 for none. Unless given, as many as keep up with the training step, or none where making batches takes
 * next to nothing.
 */
export function nodeLoader(workers?: number): OpenLoader {
  return (samples, options) => {
    const inline = inlineLoader(samples, options);
    const { source } = samples;
    if (!source || workers === 0 || !threadsAvailable) return inline;
    if (workers !== undefined) return threadLoader(samples, source, options, workers);
    return adaptiveLoader(inline, (count) => threadLoader(samples, source, options, count));
  };
}

/** Makes batches on the spot, and measures what that costs, until threads are worth starting and have started. */
function adaptiveLoader(inline: BatchLoader, start: (count: number) => ThreadLoader): BatchLoader {
  let started: ThreadLoader | undefined;
  let threads: ThreadLoader | undefined;
  let [making, using] = [0, 0];
  const consider = (): void => {
    if (started || making < ENOUGH_MS) return;
    const count = threadsFor(making, using);
    [making, using] = [0, 0];
    if (count === 0) return;
    const loader = start(count);
    started = loader;
    // Should they fail to start, then batches are made as before.
    loader.ready.then(
      () => (threads = loader),
      () => {},
    );
  };
  return {
    batchSize: inline.batchSize,
    steps: inline.steps,
    async *epoch(epoch, startStep = 0) {
      let step = startStep;
      if (!threads) {
        let since = performance.now();
        for await (const batch of inline.epoch(epoch, startStep)) {
          const made = performance.now();
          making += made - since;
          yield batch;
          step++;
          since = performance.now();
          using += since - made;
          consider();
          if (threads) break;
        }
      }
      if (threads) yield* threads.epoch(epoch, step);
    },
    release: async () => started?.release(),
  };
}

/** How many threads keep up: what they make in a step's time is a batch. */
function threadsFor(making: number, using: number): number {
  return making / (making + using) < WORTH ? 0 : Math.min(availableParallelism(), Math.ceil(making / using));
}

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { toTransform } from "../augmentation.ts";
import { type Batch, type BatchBuffers, type Epoch, trainingEpoch } from "../batches.ts";
import { openSamples } from "../samples.ts";
import { streamedSamples } from "./streamed-samples.ts";
import { type BatchRequest, memoryOf, packError, type WorkerMessage, type WorkerSetup } from "./worker-messages.ts";

// What a worker thread runs: it makes the batches that it is asked for, one after the other.

const port = parentPort as MessagePort;

function say(message: WorkerMessage, moved: ArrayBuffer[] = []): void {
  port.postMessage(message, moved);
}

function fail(error: unknown): void {
  say({ failure: packError(error) });
  port.close();
}

function serve({ source, options }: WorkerSetup): void {
  const samples = openSamples(source, streamedSamples);
  const transforms = (options.augment ?? []).map(toTransform);
  let current: { readonly number: number; readonly epoch: Epoch } | undefined;
  const epochOf = (number: number): Epoch => {
    if (current?.number !== number) current = { number, epoch: trainingEpoch(samples, { ...options, transforms, epoch: number }) };
    return current.epoch;
  };
  const answer = (buffers: BatchBuffers, { indices, view }: Batch): void => {
    // A copy of the indices, because sending part of an array sends all of it.
    say({ made: { buffers, indices: indices.slice(), view } }, memoryOf(buffers));
  };
  // Batches whose samples must be read first are begun together, but answered in the order in which they were asked for.
  let before: Promise<void> = Promise.resolve();
  port.on("message", ({ epoch, step, buffers }: BatchRequest) => {
    const made = new Promise<Batch>((resolve) => resolve(epochOf(epoch).batch(step, buffers)));
    before = Promise.all([made, before]).then(([batch]) => answer(buffers, batch));
    before.catch(fail);
  });
  say({ ready: true });
}

try {
  serve(workerData as WorkerSetup);
} catch (error) {
  fail(error);
}

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { toTransform } from "../augmentation.ts";
import { type Epoch, trainingEpoch } from "../batches.ts";
import { openSamples } from "../samples.ts";
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
  const samples = openSamples(source);
  const transforms = (options.augment ?? []).map(toTransform);
  let current: { readonly number: number; readonly epoch: Epoch } | undefined;
  const epochOf = (number: number): Epoch => {
    if (current?.number !== number) current = { number, epoch: trainingEpoch(samples, { ...options, transforms, epoch: number }) };
    return current.epoch;
  };
  port.on("message", ({ epoch, step, buffers }: BatchRequest) => {
    try {
      const { indices, view } = epochOf(epoch).batch(step, buffers);
      // A copy of the indices, because sending part of an array sends all of it.
      say({ made: { buffers, indices: indices.slice(), view } }, memoryOf(buffers));
    } catch (error) {
      fail(error);
    }
  });
  say({ ready: true });
}

try {
  serve(workerData as WorkerSetup);
} catch (error) {
  fail(error);
}

// The part of a browser's `Worker` that libraries need which start their threads from a blob: URL. With it they use all cores in Node.
import { resolveObjectURL } from "node:buffer";
import { availableParallelism } from "node:os";
import { Worker as Thread } from "node:worker_threads";

const PRELUDE = `
const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on("message", (data) => self.onmessage({ data }));
`;

class Worker {
  onmessage = () => {};
  onerror = () => {};
  #thread;

  constructor(url) {
    this.#thread = resolveObjectURL(url)
      .text()
      .then((source) => {
        const thread = new Thread(PRELUDE + source, { eval: true });
        thread.on("message", (data) => this.onmessage({ data }));
        thread.on("error", (error) => this.onerror(error));
        return thread;
      });
  }

  postMessage(message) {
    this.#thread.then((thread) => thread.postMessage(message));
  }
}

/** Must be called before the library that looks for workers is imported. */
export function provideWorkers() {
  globalThis.Worker = Worker;
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: availableParallelism() }, configurable: true });
}

// The teacher's thread in bench/overlap.ts: answers each batch that comes with so many threads of the runtime.
import { parentPort, workerData } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";

const load = (intraOpNumThreads) =>
  InferenceSession.create(workerData.model, {
    intraOpNumThreads,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
const sessions = [await load(1), await load(2)];
parentPort.on("message", async ({ threads, inputs, shape }) => {
  const session = sessions[threads - 1];
  const outputs = await session.run({ [session.inputNames[0]]: new Tensor("float32", inputs, shape) });
  parentPort.postMessage(outputs[session.outputNames[0]].data);
});
parentPort.postMessage("ready");

import { createRequire } from "node:module";
import * as ort from "onnxruntime-node";
import { ortRuntime } from "./ort.ts";
import type { Device, Runtime, SessionOptions } from "./runtime.ts";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };

// Its errors come back as exceptions, so nothing of its own need be printed beside them.
ort.env.logLevel = "fatal";

/** ONNX Runtime in Node. WebGPU and CUDA are used only when asked for, and then must be there. */
export function nodeRuntime({ device = "cpu", threads }: { device?: Device } & SessionOptions = {}): Runtime {
  return ortRuntime({ ...ort, writesInPlace: true }, `onnxruntime-node ${version}`, device, { threads });
}

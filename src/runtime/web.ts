import * as ort from "onnxruntime-web";
import { ortRuntime } from "./ort.ts";
import type { Runtime, SessionOptions } from "./runtime.ts";

/** ONNX Runtime in a browser: WebAssembly, or WebGPU when asked for. */
export function webRuntime({ device = "cpu", threads }: { device?: "cpu" | "webgpu" } & SessionOptions = {}): Runtime {
  return ortRuntime(
    { ...ort, InferenceSession: wasmSession, writesInPlace: false },
    `onnxruntime-web ${ort.env.versions.web ?? ""}`.trim(),
    device,
    { threads },
  );
}

/** In the web package the CPU goes by the name "wasm". */
const wasmSession = {
  create: (model: Uint8Array, options: ort.InferenceSession.SessionOptions = {}) =>
    ort.InferenceSession.create(model, {
      ...options,
      executionProviders: options.executionProviders?.map((provider) => (provider === "cpu" ? "wasm" : provider)),
    }),
};

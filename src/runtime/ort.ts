import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { LimbeckError } from "../errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Device, Runtime, SessionOptions } from "./runtime.ts";

/** What onnxruntime-node and onnxruntime-web have in common. */
export interface Ort {
  readonly InferenceSession: { create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession> };
  readonly Tensor: TensorConstructor;
  /** Whether outputs are written into the tensors given for them. WebAssembly, with memory of its own, leaves those as they were. */
  readonly writesInPlace: boolean;
}

/** Fusions whose CPU kernels take longer than the operators that they replace: four times, and twice (docs/performance.md). */
const SLOWER = { disable_specified_optimizers: "SkipLayerNormFusion;BiasGeluFusion" };

/** A runtime over one of the onnxruntime packages. */
export function ortRuntime(ort: Ort, version: string, device: Device, defaults: SessionOptions = {}): Runtime {
  return {
    device,
    version,
    createSession: async (model, options = {}) => {
      const threads = options.threads ?? defaults.threads;
      const session = await create(ort, model, device, {
        executionProviders: [device],
        graphOptimizationLevel: "all",
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        // Threads that wait in a busy loop win little on an idle machine and lose a factor of two or three on a shared one.
        extra: { session: { intra_op: { allow_spinning: "0" } }, ...(device === "cpu" && { optimization: SLOWER }) },
        // Errors come back as exceptions; warnings about graphs written here are not for users.
        logSeverityLevel: 3,
      });
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run: async (feeds, { into = {}, fetch } = {}) => {
          const wanted = fetch ?? session.outputNames;
          const fetches = Object.fromEntries(wanted.map((name) => [name, null] as [string, OrtTensor | null]));
          for (const name in into) fetches[name] = ort.writesInPlace ? wrap(ort, into[name] as Tensor) : null;
          const outputs = await session.run(wrapAll(ort, feeds), fetches);
          return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, received(ort, output, into[name])]));
        },
        release: () => session.release(),
      };
    },
  };
}

async function create(ort: Ort, model: Uint8Array, device: Device, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    const why = (cause instanceof Error ? cause.message : String(cause)).trim();
    if (device === "cpu") throw new LimbeckError(`ONNX Runtime refuses the model: ${why}`, { cause });
    throw new LimbeckError(`ONNX Runtime cannot run the model on ${device}: ${why}`, { hint: "Leave out `device` to use the CPU.", cause });
  }
}

/** The runtime's view of a tensor shares its memory, so it is made once for each. */
const views = new WeakMap<Tensor, OrtTensor>();

function wrap(ort: Ort, tensor: Tensor): OrtTensor {
  let view = views.get(tensor);
  if (!view) {
    view = new ort.Tensor(tensor.type as "float32", tensor.data as Float32Array, tensor.shape);
    views.set(tensor, view);
  }
  return view;
}

function wrapAll(ort: Ort, feeds: Readonly<Record<string, Tensor>>): Record<string, OrtTensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, wrap(ort, tensor)]));
}

/** An output, in the tensor that was given for it if there is one. */
function received(ort: Ort, output: OrtTensor, given: Tensor | undefined): Tensor {
  if (!given) return unwrap(output);
  if (!ort.writesInPlace) (given.data as Float32Array).set(output.data as Float32Array);
  return given;
}

function unwrap(tensor: OrtTensor): Tensor {
  return { type: tensor.type as Tensor["type"], shape: tensor.dims, data: tensor.data as Tensor["data"] };
}

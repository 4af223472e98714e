import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { LimbeckError } from "../errors.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import type { Tensor } from "../graph/tensor.ts";
import { deviceForm, leftToCpu } from "./device-form.ts";
import { deviceState, readOut } from "./device-state.ts";
import { hostState } from "./host-state.ts";
import { isComplaint, NOTHING, writingInPlace } from "./in-place.ts";
import type { Device, Runtime, Session, SessionOptions } from "./runtime.ts";

export type { InferenceSession as OrtSession, Tensor as OrtTensor } from "onnxruntime-common";

/** What onnxruntime-node and onnxruntime-web have in common. */
export interface Ort {
  readonly InferenceSession: { create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession> };
  readonly Tensor: TensorConstructor;
  /** Whether outputs are written into the tensors given for them. WebAssembly, with memory of its own, leaves those as they were. */
  readonly writesInPlace: boolean;
  /** Whether the machine has nothing else to do. */
  readonly isIdle?: () => Promise<boolean>;
}

/** Fusions whose CPU kernels take longer than the operators that they replace: four times, and twice (docs/performance.md). */
const SLOWER = { disable_specified_optimizers: "SkipLayerNormFusion;BiasGeluFusion" };

/** A runtime over one of the onnxruntime packages. */
export function ortRuntime(ort: Ort, version: string, device: Device, defaults: SessionOptions = {}): Runtime {
  const load = (model: Uint8Array, options: SessionOptions = {}, special: InferenceSession.SessionOptions = {}) =>
    create(ort, model, device, { ...sessionOptions(device, options.threads ?? defaults.threads), ...special });
  return {
    device,
    version,
    createSession: async (model, options) => plainSession(ort, await load(model, options)),
    createStatefulSession: async (graph, state, options) => {
      // The binding's tensors on a device are WebGPU's alone.
      if (device !== "webgpu") {
        const spinning = { extra: extraOptions(device, (await ort.isIdle?.()) ?? false) };
        const loadInPlace = async (one: Graph) =>
          plainSession(ort, await load(writeOnnx(writingInPlace(deviceForm(one, device))), options, spinning));
        return hostState(loadInPlace, graph, state);
      }
      const stays = new Set(state.map(({ output }) => output));
      const location = (name: string) => [name, stays.has(name) ? "gpu-buffer" : "cpu"] as const;
      const loadOnDevice = (one: Graph) => {
        const written = deviceForm(one, device);
        return load(writeOnnx(written), options, {
          executionProviders: [provider(device, leftToCpu(written))],
          preferredOutputLocation: Object.fromEntries(written.outputs.map(({ name }) => location(name))),
        });
      };
      const sessions = {
        load: loadOnDevice,
        graph: await loadOnDevice(graph),
        readOut: state.length > 0 ? await load(readOut(state), options) : undefined,
      };
      return deviceState({ ...sessions, wrap: (tensor) => wrap(ort, tensor) }, state);
    },
  };
}

function sessionOptions(device: Device, threads: number | undefined): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider(device)],
    graphOptimizationLevel: "all",
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    extra: extraOptions(device, false),
    // Errors come back as exceptions; warnings about graphs written here are not for users.
    logSeverityLevel: 4,
  };
}

/** @param spins Threads that wait in a busy loop win a tenth on an idle machine, and lose a factor of two or three on a shared one. */
function extraOptions(device: Device, spins: boolean): Record<string, unknown> {
  const session = { intra_op: { allow_spinning: spins ? "1" : "0" } };
  return { session, ...(device === "cpu" && { optimization: SLOWER }) };
}

/** The provider of a device. @param onCpu Names of nodes that WebGPU should leave to the CPU. */
export function provider(device: Device, onCpu: readonly string[] = []): InferenceSession.ExecutionProviderConfig {
  if (device !== "webgpu") return device;
  // With channels last, its convolution of 1.30 is wrong for some numbers of channels: 6 or 9 in and a multiple of 4 out.
  return { name: device, preferredLayout: "NCHW", ...(onCpu.length > 0 ? { forceCpuNodeNames: onCpu } : {}) };
}

function plainSession(ort: Ort, session: InferenceSession): Session {
  const outputNames = session.outputNames.filter((name) => name !== NOTHING);
  const canSkipCopies = ort.writesInPlace && outputNames.length < session.outputNames.length;
  return {
    inputNames: session.inputNames,
    outputNames,
    run: async (feeds, { into = {}, fetch } = {}) => {
      const wanted = fetch ?? outputNames;
      const fetches = Object.fromEntries(wanted.map((name) => [name, null] as [string, OrtTensor | null]));
      for (const name in into) fetches[name] = ort.writesInPlace ? wrap(ort, into[name] as Tensor) : null;
      if (canSkipCopies && wanted.length === 0) {
        await session.run(wrapAll(ort, feeds), { ...fetches, [NOTHING]: null }).catch((error: unknown) => {
          if (!isComplaint(error)) throw error;
        });
        return { ...into };
      }
      const outputs = await session.run(wrapAll(ort, feeds), fetches);
      return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, received(ort, output, into[name])]));
    },
    release: () => session.release(),
  };
}

const names: Readonly<Record<Device, string>> = { cpu: "CPU", webgpu: "WebGPU", cuda: "CUDA" };

async function create(ort: Ort, model: Uint8Array, device: Device, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    if (device !== "cpu") await requireDevice(ort, device);
    throw new LimbeckError(`ONNX Runtime refuses the model: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws LimbeckError when the runtime can't load so much as a graph of one node on the device. */
async function requireDevice(ort: Ort, device: Device): Promise<void> {
  const g = graphBuilder("probe");
  g.output(g.identity(g.input("x", "float32", [1])), "y");
  try {
    await (await ort.InferenceSession.create(writeOnnx(g.build()), sessionOptions(device, undefined))).release();
  } catch (cause) {
    throw new LimbeckError(`ONNX Runtime finds no ${names[device]} device here: ${reasonOf(cause)}`, {
      hint: "Leave out `device` to use the CPU; docs/devices.md says what the others need.",
      cause,
    });
  }
}

/** What the runtime says, without the place in its own source where it says it. */
function reasonOf(cause: unknown): string {
  const text = (cause instanceof Error ? cause.message : String(cause)).trim();
  return text.replace(/^\/[^ ]+\.(cc|h):\d+ .* was false\. /s, "");
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

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { deviceForm, leftToCpu } from "./device-form.ts";
import { isIdle } from "./idle.node.ts";
import { ortRuntime, provider } from "./ort.ts";
import type { Device, Feeds, NodeTiming, Runtime, Session, SessionOptions } from "./runtime.ts";
import { runtimeVersion } from "./version.node.ts";

// Its errors come back as exceptions, so nothing of its own need be printed beside them.
ort.env.logLevel = "fatal";

/** ONNX Runtime in Node. WebGPU and CUDA are used only when asked for, and then must be there. */
export function nodeRuntime({ device = "cpu", threads }: { device?: Device } & SessionOptions = {}): Runtime {
  return ortRuntime({ ...ort, writesInPlace: true, isIdle }, runtimeVersion, device, { threads });
}

/** A session on the CPU of a model's file, which the runtime reads itself, as applications let it. */
export function openFileSession(path: string, options: SessionOptions = {}): Promise<Session> {
  const fromFile = {
    create: (_: Uint8Array, settings?: ort.InferenceSession.SessionOptions) => ort.InferenceSession.create(path, settings),
  };
  return ortRuntime({ ...ort, InferenceSession: fromFile, writesInPlace: true }, runtimeVersion, "cpu", options).createSession(
    new Uint8Array(),
  );
}

/** What the runtime puts around the names of nodes that it has changed. */
const MARKS = /^fused |(_nchwc|_transformed|_token_\d+)+$/g;

/**
 * Measures each node by ONNX Runtime's own profiler, in the order in which they run.
 *
 * @throws LimbeckError when the runtime refuses the model.
 */
export async function timeNodes(
  model: Uint8Array,
  feeds: Feeds,
  { threads, runs = 10 }: { readonly threads?: number; readonly runs?: number } = {},
): Promise<readonly NodeTiming[]> {
  // The first run allocates.
  return summarize(await trace(model, feeds, threads === undefined ? {} : { intraOpNumThreads: threads }, runs + 1));
}

/**
 * How many nodes of each operator a training step has on the device, and how many the runtime puts on the CPU, its own copies between the
 * two left out.
 *
 * @throws LimbeckError when the device is not there or refuses the graph.
 */
export async function nodesByPlace(graph: Graph, feeds: Feeds, device: Device): Promise<Readonly<Record<"device" | "cpu", Counts>>> {
  const form = deviceForm(graph, device);
  const events = await trace(writeOnnx(form), feeds, { executionProviders: [provider(device, leftToCpu(form))] }, 1);
  const counts = { device: {} as Record<string, number>, cpu: {} as Record<string, number> };
  for (const { cat, name, args } of events) {
    const { op_name: op = "", provider: where } = args;
    if (cat !== "Node" || !name.endsWith(KERNEL) || op.startsWith("Memcpy")) continue;
    const place = counts[where === "CPUExecutionProvider" ? "cpu" : "device"];
    place[op] = (place[op] ?? 0) + 1;
  }
  return counts;
}

/** How many, by operator. */
export type Counts = Readonly<Record<string, number>>;

/** What ONNX Runtime's profiler writes of so many runs. */
async function trace(
  model: Uint8Array,
  feeds: Feeds,
  options: ort.InferenceSession.SessionOptions,
  runs: number,
): Promise<readonly TraceEvent[]> {
  const directory = await mkdtemp(join(tmpdir(), "limbeck-profile-"));
  try {
    const session = await ort.InferenceSession.create(model, {
      enableProfiling: true,
      profileFilePrefix: join(directory, "run"),
      logSeverityLevel: 4,
      ...options,
    });
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, shape }]) => [name, new ort.Tensor(type as "float32", data as Float32Array, shape)]),
    );
    for (let run = 0; run < runs; run++) await session.run(tensors);
    session.endProfiling();
    await session.release();
    const [file = ""] = await readdir(directory);
    return JSON.parse(await readFile(join(directory, file), "utf8")) as readonly TraceEvent[];
  } catch (cause) {
    throw new LimbeckError(`ONNX Runtime cannot profile the model: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Of the trace that ONNX Runtime writes, in the form of Chrome's trace events. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: { readonly op_name?: string; readonly node_index?: string; readonly provider?: string };
}

function summarize(events: readonly TraceEvent[]): readonly NodeTiming[] {
  const nodes = new Map<string, { readonly name: string; readonly op: string; readonly times: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith(KERNEL)) continue;
    const key = args.node_index ?? name;
    const node = nodes.get(key) ?? { name: name.slice(0, -KERNEL.length).replace(MARKS, ""), op: args.op_name ?? "", times: [] };
    nodes.set(key, node);
    node.times.push(dur / 1000);
  }
  return Array.from(nodes.values(), ({ name, op, times }) => ({ name, op, milliseconds: median(times.slice(1)) }));
}

const KERNEL = "_kernel_time";

function median(times: readonly number[]): number {
  const ascending = times.toSorted((a, b) => a - b);
  return ascending[Math.floor(ascending.length / 2)] ?? 0;
}

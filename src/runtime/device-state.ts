import { LimbeckError } from "../errors.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import type { Float32Tensor } from "../graph/tensor.ts";
import type { OrtSession, OrtTensor } from "./ort.ts";
import type { Feeds, StateBinding, StatefulSession } from "./runtime.ts";

/** The sessions of a state that stays on the device. */
export interface DeviceSessions {
  /** The graph itself; the outputs that are state stay on the device. */
  readonly graph: OrtSession;
  /** Loads another graph with the same state in the same way. */
  readonly load: (graph: Graph) => Promise<OrtSession>;
  /** `readOut` of the state, where there is one. */
  readonly readOut?: OrtSession;
  /** The runtime's view of a tensor in JavaScript's memory. */
  readonly wrap: (tensor: Feeds[string]) => OrtTensor;
}

/**
 * A state in the device's memory. What a run leaves there is the next one's input; it is copied back only when asked for, through a graph
 * of its own, since onnxruntime-node 1.30 takes the process down when a tensor on the device is asked for its data.
 */
export function deviceState({ graph, load, readOut, wrap }: DeviceSessions, state: readonly StateBinding[]): StatefulSession {
  const carried = state.map(({ input, output }) => [input, output] as const);
  let current = new Map(state.map(({ input, initial }) => [input, wrap(initial)]));
  let copied: Promise<ReadonlyMap<string, Float32Tensor>> | undefined;
  const others: OrtSession[] = [];
  const runner = (session: OrtSession): StatefulSession["run"] => {
    const everything = Object.fromEntries(session.outputNames.map((name) => [name, null]));
    return async (feeds, into) => {
      const wrapped = Object.entries(feeds).map(([name, tensor]) => [name, wrap(tensor)] as const);
      const outputs = await runOnDevice(session, Object.fromEntries([...wrapped, ...current]), everything);
      for (const [name, given] of Object.entries(into)) (given.data as Float32Array).set((outputs[name] as OrtTensor).data as Float32Array);
      dispose(current.values());
      current = new Map(carried.map(([input, output]) => [input, outputs[output] as OrtTensor]));
      copied = undefined;
    };
  };
  return {
    run: runner(graph),
    withGraph: async (other) => {
      const session = await load(other);
      others.push(session);
      return runner(session);
    },
    state: () => {
      copied ??= readOut ? copyOut(readOut, current) : Promise.resolve(new Map());
      return copied;
    },
    release: async () => {
      // Before the session, to which the device's memory belongs.
      dispose(current.values());
      await Promise.all([graph, ...others, readOut].map((session) => session?.release()));
    },
  };
}

/** @throws LimbeckError (exit code 1) when an operator fails there: some kernels refuse what they were given only when they run. */
async function runOnDevice(session: OrtSession, feeds: Record<string, OrtTensor>, fetches: Record<string, null>) {
  try {
    return await session.run(feeds, fetches);
  } catch (cause) {
    throw new LimbeckError(`The step fails on this device: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: "Leave out `device` to use the CPU.",
      exitCode: 1,
      cause,
    });
  }
}

/** The graph that copies a state out of the device: each tensor as it is. */
export function readOut(state: readonly StateBinding[]): Uint8Array {
  const g = graphBuilder("read-out");
  for (const { input, initial } of state) g.output(g.identity(g.input(input, "float32", initial.shape)), `copy:${input}`);
  return writeOnnx(g.build());
}

async function copyOut(session: OrtSession, current: ReadonlyMap<string, OrtTensor>): Promise<ReadonlyMap<string, Float32Tensor>> {
  const outputs = await session.run(Object.fromEntries(current));
  return new Map(
    Array.from(current.keys(), (name) => {
      const { dims, data } = outputs[`copy:${name}`] as OrtTensor;
      return [name, { type: "float32", shape: dims, data: data as Float32Array }];
    }),
  );
}

/** Gives back what lies on the device; the initial state does not. */
function dispose(tensors: Iterable<OrtTensor>): void {
  for (const tensor of tensors) if (tensor.location === "gpu-buffer") tensor.dispose();
}

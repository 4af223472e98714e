import type { Graph } from "../graph/graph.ts";
import type { Float32Tensor, Tensor } from "../graph/tensor.ts";

/** Tensors by input or output name. */
export type Feeds = Readonly<Record<string, Tensor>>;

/** A loaded graph, ready to run. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph.
   *
   * @param into Tensors to write results to, by output name; their data is overwritten. Outputs not named here are allocated.
   * @returns The outputs asked for: those of `into`, and those of `fetch` (every output unless given).
   */
  run(feeds: Feeds, options?: { readonly into?: Feeds; readonly fetch?: readonly string[] }): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** A tensor that a graph carries from run to run. */
export interface StateBinding {
  /** Name of the input that takes it. */
  readonly input: string;
  /** Name of the output that is the next run's input. */
  readonly output: string;
  /** What the first run takes. It is copied, not written to. */
  readonly initial: Float32Tensor;
}

/** A loaded graph with a state, which stays on the device from run to run where the runtime can leave it there. */
export interface StatefulSession {
  /**
   * Runs the graph once; the state is then what it has made of it.
   *
   * @param into Where the outputs that are no state are written, by name.
   */
  run(feeds: Feeds, into: Feeds): Promise<void>;
  /**
   * Loads another graph with the same state, by the same names: what runs it leaves the state to whichever runs next. It is released with
   * this session.
   *
   * @throws LimbeckError when the runtime refuses the graph.
   */
  withGraph(graph: Graph): Promise<StatefulSession["run"]>;
  /** The state after the last run, by the names of its inputs. The tensors are overwritten two runs later: copy what must last. */
  state(): Promise<ReadonlyMap<string, Float32Tensor>>;
  release(): Promise<void>;
}

export interface SessionOptions {
  /** Threads within one operator; the runtime's default (all cores) unless given. */
  readonly threads?: number;
}

export const devices = ["cpu", "webgpu", "cuda"] as const;
export type Device = (typeof devices)[number];

/** An ONNX Runtime on one device. */
export interface Runtime {
  readonly device: Device;
  /** Name and version, for reports: `onnxruntime-node 1.30.0`. */
  readonly version: string;
  /** @throws LimbeckError when the runtime refuses the model, or the device is not there. */
  createSession(model: Uint8Array, options?: SessionOptions): Promise<Session>;
  /** @throws LimbeckError when the runtime refuses the graph. */
  createStatefulSession(graph: Graph, state: readonly StateBinding[], options?: SessionOptions): Promise<StatefulSession>;
}

/** What one node of the runtime's own, optimised graph takes. Fused nodes bear the name of one of those that they stand for. */
export interface NodeTiming {
  readonly name: string;
  readonly op: string;
  /** Median over runs. */
  readonly milliseconds: number;
}

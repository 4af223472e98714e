import type { Tensor } from "../graph/tensor.ts";

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

export interface SessionOptions {
  /** Threads within one operator; the runtime's default (all cores) unless given. */
  readonly threads?: number;
}

export type Device = "cpu" | "webgpu" | "cuda";

/** An ONNX Runtime on one device. */
export interface Runtime {
  readonly device: Device;
  /** Name and version, for reports: `onnxruntime-node 1.30.0`. */
  readonly version: string;
  /** @throws LimbeckError when the runtime refuses the model. */
  createSession(model: Uint8Array, options?: SessionOptions): Promise<Session>;
}

/** What one node of the runtime's own, optimised graph takes. Fused nodes bear the name of one of those that they stand for. */
export interface NodeTiming {
  readonly name: string;
  readonly op: string;
  /** Median over runs. */
  readonly milliseconds: number;
}

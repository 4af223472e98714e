/** Test helper, not part of the package: graphs run by ONNX Runtime. */

import { nodeRuntime } from "../runtime/node.ts";
import type { Feeds } from "../runtime/runtime.ts";
import type { Graph } from "./graph.ts";
import { writeOnnx } from "./onnx/write.ts";
import type { Tensor } from "./tensor.ts";

const runtime = nodeRuntime({ threads: 1 });

/** Every output of a graph, by ONNX Runtime. */
export async function runGraph(graph: Graph, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await runtime.createSession(writeOnnx(graph));
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** A tensor's type, shape and the bits of its data, so that −0 and NaN are told apart. */
export function bitsOf({ type, shape, data }: Tensor): { type: string; shape: readonly number[]; bits: Uint8Array } {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return { type, shape, bits: new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer) };
}

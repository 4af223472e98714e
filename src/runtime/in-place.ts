import { type Graph, type Node, OPSET, type Value } from "../graph/graph.ts";

/**
 * Name of an output that holds no tensor.
 *
 * onnxruntime-node 1.30 writes results into the tensors given for them, and then copies each into new memory for JavaScript, which no one
 * asked for: 24 ms for 40 MB, more than most steps of training have to spare (https://github.com/microsoft/onnxruntime/pull/32346 is to
 * end that). It hands over outputs in their order and gives up at one that is no tensor, when everything is computed and written. So a
 * graph whose first output is an empty sequence is run without any copy.
 */
export const NOTHING = "limbeck:nothing";

/** What the binding says when it meets `NOTHING`. */
const COMPLAINT = "Non tensor type is temporarily not supported.";

export const isComplaint = (error: unknown): boolean => error instanceof Error && error.message === COMPLAINT;

/** The graph with `NOTHING` as its first output, for sessions that write all of their results into given tensors. */
export function writingInPlace(graph: Graph): Graph {
  const node: Node = { op: "SequenceEmpty", domain: "", name: NOTHING, inputs: [], outputs: [NOTHING], attributes: {} };
  const output: Value = { name: NOTHING, type: "float32", shape: [], unstated: "type" };
  return { ...graph, opsets: { "": OPSET, ...graph.opsets }, nodes: [...graph.nodes, node], outputs: [output, ...graph.outputs] };
}

import type { Graph, Node } from "../../graph.ts";
import { DEEPEST_GRAPH, MOST_COPIED } from "../../onnx/limits.ts";
import { elementCount, type Tensor, toNumbers } from "../../tensor.ts";
import { type Propagation, propagation } from "../propagate.ts";
import { type Body, copySize, type FreshNames, freshNames, type Place, splice } from "../splice.ts";

/** The nodes that stand for a node whose course is known; `undefined` where it isn't. */
export type Fold = (node: Node, walk: Walk) => readonly Node[] | undefined;

/** A walk over a graph in order, on which nodes are replaced by others. */
export interface Walk {
  readonly known: Propagation;
  readonly fresh: FreshNames;
  /** The tensors in each value that is a sequence, by name. */
  readonly sequences: Map<string, readonly string[]>;
  /** Version of ONNX's own operator set. */
  readonly opset: number;
  /** Constants of the graph, those that the walk added among them. */
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Adds a constant. Its name is given back. */
  store(wish: string, tensor: Tensor): string;
  /** Walks these nodes next, and gives what stands for them. */
  fold(nodes: readonly Node[]): readonly Node[];
  /** Like `fold`, for a copy of a body; `undefined` where all copies together would be more than any real model has. */
  splice(body: Body, place: Place): readonly Node[] | undefined;
}

/** Tensors larger than this are no conditions, counts or sizes. */
const SMALL = 2 ** 10;

export function startWalk(graph: Graph, folds: readonly Fold[]): Walk {
  const initializers = new Map(graph.initializers);
  const known = propagation(graph, (_, { shape }) => elementCount(shape.map(Number)) <= SMALL);
  const fresh = freshNames(graph);
  let [copied, depth] = [0, 0];
  const store = (name: string, tensor: Tensor): string => {
    initializers.set(name, tensor);
    known.store(name, tensor);
    return name;
  };
  const instead = (node: Node): readonly Node[] | undefined => {
    for (const fold of node.domain === "" ? folds : []) {
      const nodes = fold(node, walk);
      if (nodes) return nodes;
    }
    known.visit(node);
    return undefined;
  };
  const walk: Walk = {
    known,
    fresh,
    sequences: new Map(),
    opset: graph.opsets[""] ?? 1,
    initializers,
    store: (wish, tensor) => store(fresh(wish), tensor),
    fold: (nodes) => nodes.flatMap((node) => instead(node) ?? [node]),
    splice: (body, place) => {
      copied += 1 + copySize(body.nodes) + body.initializers.size + place.inputs.size + place.outputs.length;
      if (copied > MOST_COPIED || depth > DEEPEST_GRAPH) return undefined;
      const { nodes, initializers: constants } = splice(body, place, fresh);
      for (const [name, tensor] of constants) store(name, tensor);
      depth++;
      const folded = walk.fold(nodes);
      depth--;
      return folded;
    },
  };
  return walk;
}

export function bodyOf({ nodes, initializers, outputs }: Graph): Body {
  return { nodes, initializers, outputs: outputs.map(({ name }) => name) };
}

/** The one element of a value, where it is known. */
export function knownNumber(name: string | undefined, { known }: Walk): number | undefined {
  const tensor = known.constants.get(name ?? "");
  return tensor?.data.length === 1 && tensor.type !== "string" ? toNumbers(tensor)[0] : undefined;
}

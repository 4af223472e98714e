import { LimbeckError } from "../../../errors.ts";
import { type Attribute, describeNode, type Graph, type Node, OPSET, takenBy, type Value } from "../../graph.ts";
import type { ValueType } from "../../shapes/rule.ts";
import { elementCount, type Tensor } from "../../tensor.ts";
import { type Known, propagation } from "../propagate.ts";
import { type FreshNames, freshNames } from "../splice.ts";
import { elementwiseSteps } from "./elementwise.ts";
import { layoutSteps } from "./layout.ts";
import { normalizationSteps } from "./normalization.ts";
import { reductionSteps } from "./reduction.ts";
import { samplingSteps } from "./sampling.ts";
import type { StepContext, Steps } from "./step.ts";

/** The operator sets that ONNX Runtime 1.30 runs, and that are converted here. */
const OLDEST = 7;
const NEWEST = 26;

const steps: Steps = {
  ...elementwiseSteps,
  ...layoutSteps,
  ...normalizationSteps,
  ...reductionSteps,
  ...samplingSteps,
  Scan: {
    9: (_, { inexact }) => {
      throw inexact("until opset 9 it ran over a batch of sequences, each with its length");
    },
  },
};

/**
 * The graph in the operator set `OPSET`, from any that the runtime takes: older nodes are brought up to it, newer ones down, subgraphs
 * included. Values keep their names, outputs their bits wherever the runtime has one kernel for both forms. Operators that are newer than
 * `OPSET` are left as they are, and so are those of other domains. A graph that is of `OPSET` already is given back.
 *
 * @throws LimbeckError when the runtime knows no such operator set, or a node has no form in `OPSET` that means the same.
 */
export function convertOpset(graph: Graph): Graph {
  const from = graph.opsets[""] ?? OPSET;
  if (from === OPSET) return graph;
  if (from < OLDEST || from > NEWEST) {
    throw new LimbeckError(`The model uses ONNX opset ${from}; only opsets ${OLDEST} to ${NEWEST} are supported.`, {
      hint: `Export it again with opset ${OPSET}.`,
    });
  }
  return convertGraph(graph, { from, fresh: freshNames(graph) }, []);
}

interface Conversion {
  readonly from: number;
  readonly fresh: FreshNames;
}

/** What is known of a value around a subgraph. */
interface Captured {
  readonly value: Value | undefined;
  readonly constant: Tensor | undefined;
}

/** @param captured What a subgraph takes from around it. */
function convertGraph(graph: Graph, conversion: Conversion, captured: readonly Captured[]): Graph {
  const opsets = { ...graph.opsets, "": OPSET };
  const initializers = new Map(graph.initializers);
  const known = propagation(
    { ...graph, opsets, inputs: [...captured.flatMap(({ value }) => value ?? []), ...graph.inputs.filter(({ unstated }) => !unstated)] },
    isSmall,
  );
  for (const { value, constant } of captured) if (value && constant) known.store(value.name, constant);
  const used = new Set([...graph.nodes.flatMap(takenBy), ...graph.outputs.map(({ name }) => name)]);
  const store = (name: string, tensor: Tensor) => {
    initializers.set(name, tensor);
    known.store(name, tensor);
  };
  const nodes = graph.nodes.flatMap((node) => {
    const converted = convertNode(withConvertedBodies(node, conversion, known), { conversion, known, used, store });
    for (const each of converted) known.visit(each);
    return converted;
  });
  return { ...graph, opsets, nodes, initializers };
}

/** Tensors larger than this are no scales or sizes that a step asks for. */
const SMALL = 2 ** 10;
const isSmall = (_: unknown, { shape }: ValueType): boolean => elementCount(shape.map(Number)) <= SMALL;

function withConvertedBodies(node: Node, conversion: Conversion, { values, constants }: Known): Node {
  if (!Object.values(node.attributes).some(({ kind }) => kind === "graph")) return node;
  const captured = takenBy(node).map((name) => ({ value: values.get(name), constant: constants.get(name) }));
  const converted = (attribute: Attribute): Attribute =>
    attribute.kind === "graph" ? { kind: "graph", value: convertGraph(attribute.value, conversion, captured) } : attribute;
  const attributes = Object.entries(node.attributes).map(([name, attribute]) => [name, converted(attribute)]);
  return { ...node, attributes: Object.fromEntries(attributes) };
}

interface Surroundings {
  readonly conversion: Conversion;
  /** What is known of the values before the node in hand. */
  readonly known: Known;
  readonly used: ReadonlySet<string>;
  readonly store: (name: string, tensor: Tensor) => void;
}

/** Takes a node, and whatever its steps put before it, over each version on the way to `OPSET`. */
function convertNode(node: Node, surroundings: Surroundings): readonly Node[] {
  return path(surroundings.conversion.from).reduce<readonly Node[]>(
    (nodes, version) => nodes.flatMap((each) => oneStep(each, version, surroundings)),
    [node],
  );
}

/** The versions whose steps lead from one operator set to `OPSET`, in order. */
function path(from: number): number[] {
  if (from < OPSET) return Array.from({ length: OPSET - from }, (_, index) => from + 1 + index);
  return Array.from({ length: from - OPSET }, (_, index) => from - index);
}

function oneStep(node: Node, version: number, { conversion, known, used, store }: Surroundings): Node[] {
  const step = node.domain === "" && Object.hasOwn(steps, node.op) ? steps[node.op]?.[version] : undefined;
  if (!step) return [node];
  const before: Node[] = [];
  const fresh = (base: string) => conversion.fresh(`${node.name}/${base}`);
  const context: StepContext = {
    shapeOf: (name = "") => known.values.get(name)?.shape,
    typeOf: (name = "") => known.values.get(name)?.type,
    constantOf: (name = "") => known.constants.get(name),
    isUsed: (name = "") => used.has(name),
    store: (base, tensor) => {
      const name = fresh(base);
      store(name, tensor);
      return name;
    },
    emit: (op, inputs, attributes = {}) => {
      const name = fresh(op);
      before.push({ op, domain: "", name, inputs, outputs: [name], attributes });
      return name;
    },
    inexact: (why) =>
      new LimbeckError(`${describeNode(node)} of opset ${conversion.from} cannot be brought to opset ${OPSET}: ${why}.`, {
        hint: `Export the model again with opset ${OPSET}.`,
      }),
  };
  const converted = step(node, context);
  return [...before, converted];
}

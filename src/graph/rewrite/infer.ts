import { LimbeckError } from "../../errors.ts";
import { formatShape, type Graph, type Value } from "../graph.ts";
import type { ValueType } from "../shapes/rule.ts";
import { substitute, symbolsOf } from "../shapes/symbolic.ts";
import { elementCount } from "../tensor.ts";
import { propagate } from "./propagate.ts";

/** Tensors larger than this are no shapes, axes or sizes, so inference doesn't need their elements. */
const SMALL = 2 ** 10;
const isSmall = (_: unknown, { shape }: ValueType): boolean => elementCount(shape.map(Number)) <= SMALL;

/**
 * Type and shape of every value of the graph, by name: inputs, initialisers and what nodes give.
 *
 * @throws LimbeckError naming the first node whose operator has no shape rule or whose inputs don't fit it.
 */
export function inferShapes(graph: Graph): ReadonlyMap<string, Value> {
  const { values, problems } = propagate(graph, isSmall);
  if (problems[0]) throw problems[0];
  return values;
}

/**
 * The graph with type and shape of each output that states none as they are inferred; outputs of which nothing can be inferred stay open.
 */
export function statedOutputs(graph: Graph): Graph {
  if (graph.outputs.every(({ unstated }) => unstated === undefined)) return graph;
  const { values } = propagate(graph, isSmall);
  return { ...graph, outputs: graph.outputs.map((output) => (output.unstated ? (values.get(output.name) ?? output) : output)) };
}

/**
 * Names of the sizes that a graph's inputs leave open, in order of appearance; without those that follow from others, as "2*N" does from
 * "N".
 */
export function symbolicDimensions(graph: Graph): readonly string[] {
  const open = [...new Set(graph.inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string")))];
  return open.filter((size) => !symbolsOf(size).every((name) => name !== size && open.includes(name)));
}

/**
 * The graph for given sizes of its symbolic dimensions: `bindDimensions(graph, { N: 128 })`. Shapes of outputs follow as far as they can be
 * inferred.
 *
 * @throws LimbeckError when no input has a dimension of that name, or the size is no whole number of 1 or more.
 */
export function bindDimensions(graph: Graph, sizes: Readonly<Record<string, number>>): Graph {
  const open = symbolicDimensions(graph);
  for (const [name, size] of Object.entries(sizes)) {
    if (!open.includes(name)) {
      throw new LimbeckError(`No input of the graph "${graph.name}" has a dimension named "${name}".`, {
        hint: open.length > 0 ? `Its symbolic dimensions are ${open.join(", ")}.` : "Its dimensions are all fixed.",
      });
    }
    if (!Number.isSafeInteger(size) || size < 1) throw new LimbeckError(`The dimension "${name}" cannot have the size ${size}.`);
  }
  const known = new Map(Object.entries(sizes));
  const bound = (value: Value): Value => ({ ...value, shape: value.shape.map((size) => substitute(size, known)) });
  const withInputs = { ...graph, inputs: graph.inputs.map(bound) };
  for (const { name, shape } of withInputs.inputs) {
    if (shape.some((size) => typeof size === "number" && size < 0))
      throw new LimbeckError(
        `With these sizes the input "${name}" of the graph "${graph.name}" would have the shape ${formatShape(shape)}.`,
      );
  }
  const { values } = propagate(withInputs, isSmall);
  return { ...withInputs, outputs: graph.outputs.map((output) => values.get(output.name) ?? bound(output)) };
}

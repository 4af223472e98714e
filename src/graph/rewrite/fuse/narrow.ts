import { int, intAttribute } from "../../attributes.ts";
import { type Graph, type Node, takenBy } from "../../graph.ts";
import type { ValueType } from "../../shapes/rule.ts";
import { elementCount, int64, type Tensor, toNumbers } from "../../tensor.ts";
import { type Known, propagate } from "../propagate.ts";
import { pruneDead } from "../prune.ts";
import { type FreshNames, freshNames } from "../splice.ts";
import { narrowRules } from "./narrow-rules.ts";

/** Tensors larger than this are no shapes, axes or indices. */
const SMALL = 2 ** 10;
const isSmall = (_: unknown, { shape }: ValueType): boolean => elementCount(shape.map(Number)) <= SMALL;

/** One place along one axis: the first token. */
interface Place {
  readonly axis: number;
  readonly index: number;
}

/** What is needed of a value. */
type Need = Place | "all";

/**
 * Computes only what is taken in the end. Where a Gather with a constant index takes one place along an axis, as classifiers of texts take the first
 * token, what stands before it is computed for that place alone, up to where the others are needed: of BERT's last layer only keys
 * and values are left to compute for every token, which is a tenth of the work of six layers. Outputs keep their names and, but for
 * how the runtime orders its sums, their numbers.
 *
 * @param graph Of opset 13 or later; a Gather that nothing known stands before stays as it is.
 */
export function narrow(graph: Graph): Graph {
  const roots = graph.nodes.filter((node) => isOperator(node, "Gather"));
  if ((graph.opsets[""] ?? 0) < 13 || roots.length === 0) return graph;
  const known = propagate(graph, isSmall);
  const needs = needsOf(graph, known);
  const narrowed = (name: string): Place | undefined => {
    const need = needs.get(name);
    return need === "all" ? undefined : need;
  };
  if (!graph.nodes.some((node) => node.outputs.some(narrowed))) return graph;
  const writer = writerFor(graph, known, narrowed);
  for (const node of graph.nodes) writer.write(node);
  return pruneDead({ ...graph, nodes: writer.nodes, initializers: writer.initializers });
}

/** From the outputs backwards. Only what some node computes is narrowed, and only if everyone who takes it agrees on the place. */
function needsOf(graph: Graph, known: Known): ReadonlyMap<string, Need> {
  const needs = new Map<string, Need>(graph.outputs.map(({ name }) => [name, "all"]));
  const ask = (name: string, need: Need): void => {
    const before = needs.get(name);
    needs.set(name, before === undefined || isSame(before, need) ? need : "all");
  };
  for (const node of graph.nodes.toReversed()) {
    const own = inputNeeds(node, known, needs);
    for (const output of node.outputs) if (own === undefined && output !== "") needs.set(output, "all");
    if (own) for (const [index, need] of own.entries()) ask(node.inputs[index] as string, need);
    else for (const name of takenBy(node)) ask(name, "all");
  }
  return needs;
}

/** What a node needs of its inputs so as to give only what is needed of its output; `undefined` if all of everything. */
function inputNeeds(node: Node, known: Known, needs: ReadonlyMap<string, Need>): readonly Need[] | undefined {
  const root = gathered(node, known);
  const [output = "", ...others] = node.outputs;
  const need = needs.get(output);
  if (root && need === "all") return [root, "all"];
  const shape = known.values.get(output)?.shape;
  if (need === undefined || need === "all" || !shape || node.domain !== "" || others.some((name) => name !== "")) return undefined;
  const inputs = node.inputs.map((name) => known.values.get(name)?.shape);
  const axes = Object.hasOwn(narrowRules, node.op) ? narrowRules[node.op]?.({ node, inputs, output: shape, axis: need.axis }) : undefined;
  if (!axes?.some((axis) => axis !== undefined)) return undefined;
  if (node.op === "Reshape" && !isNarrowable(known.constants.get(node.inputs[1] ?? ""), need.axis, axes[0])) return undefined;
  return node.inputs.map((_, index) => {
    const axis = axes[index];
    return axis === undefined ? "all" : { axis, index: need.index };
  });
}

/** Whether a shape to reshape to is known, and doesn't copy the size of the axis to another place. */
function isNarrowable(target: Tensor | undefined, axis: number, from: number | undefined): boolean {
  return target !== undefined && (from === axis || from === undefined || toNumbers(target)[from] !== 0);
}

/** Where a Gather takes the only place that it takes; `undefined` for other nodes, and where there is only one. */
function gathered(node: Node, known: Known): Place | undefined {
  const [data = "", indices = ""] = node.inputs;
  const [shape, index] = [known.values.get(data)?.shape, known.constants.get(indices)];
  if (!isOperator(node, "Gather") || !shape || !index || elementCount(index.shape) !== 1) return undefined;
  const axis = (intAttribute(node, "axis", 0) + shape.length) % shape.length;
  return shape[axis] === 1 ? undefined : { axis, index: toNumbers(index)[0] as number };
}

/** Writes the nodes anew, in order. */
function writerFor(graph: Graph, known: Known, narrowed: (name: string) => Place | undefined) {
  const fresh: FreshNames = freshNames(graph);
  const nodes: Node[] = [];
  const initializers = new Map(graph.initializers);
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const taken = new Map<string, string>();
  const store = (wish: string, tensor: Tensor): string => {
    const name = fresh(wish);
    initializers.set(name, tensor);
    return name;
  };
  /** The name of one place of a value: its own if it holds nothing else. */
  const at = (name: string, place: Place): string => {
    if (computed.has(name) && narrowed(name)) return name;
    const key = JSON.stringify([name, place]);
    let slice = taken.get(key);
    if (slice === undefined) {
      slice = fresh(`${name}/place`);
      const inputs = [name, store(`${name}/index`, int64([place.index]))];
      nodes.push({ op: "Gather", domain: "", name: slice, inputs, outputs: [slice], attributes: { axis: int(place.axis) } });
      taken.set(key, slice);
    }
    return slice;
  };
  const write = (node: Node): void => {
    const root = gathered(node, known);
    const [data = "", indices = ""] = node.inputs;
    const place = narrowed(node.outputs[0] ?? "");
    if (root && computed.has(data) && narrowed(data)) {
      const first = store(`${node.name}/first`, int64([0], known.values.get(indices)?.shape.map(Number)));
      nodes.push({ ...node, inputs: [data, first] });
    } else if (place) nodes.push(narrowNode(node, place));
    else nodes.push(node);
  };
  const narrowNode = (node: Node, place: Place): Node => {
    const shapes = node.inputs.map((name) => known.values.get(name)?.shape);
    const output = known.values.get(node.outputs[0] as string)?.shape ?? [];
    const axes = narrowRules[node.op]?.({ node, inputs: shapes, output, axis: place.axis }) ?? [];
    const inputs = node.inputs.map((name, index) => (axes[index] === undefined ? name : at(name, { ...place, axis: axes[index] })));
    if (node.op !== "Reshape") return { ...node, inputs };
    const target = toNumbers(known.constants.get(node.inputs[1] as string) as Tensor);
    return { ...node, inputs: [inputs[0] as string, store(`${node.name}/shape`, int64(target.with(place.axis, 1)))] };
  };
  return { nodes, initializers, write };
}

const isOperator = (node: Node, op: string): boolean => node.op === op && node.domain === "";

const isSame = (a: Need, b: Need): boolean => (a === "all" || b === "all" ? a === b : a.axis === b.axis && a.index === b.index);

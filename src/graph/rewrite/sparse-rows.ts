import { int, intAttribute, string, stringAttribute } from "../attributes.ts";
import { type Attributes, type Graph, type Node, takenBy, type Value } from "../graph.ts";
import { elementCount, float32, int64, type Tensor } from "../tensor.ts";
import { propagate } from "./propagate.ts";
import { pruneDead } from "./prune.ts";
import { type FreshNames, freshNames } from "./splice.ts";

/** A table of fewer elements is not worth the work of finding its rows. */
const FEW_ELEMENTS = 2 ** 18;

/**
 * The graph with gradients of large tables, which are zeros but for the rows that a batch takes, held as these rows alone for as long as
 * nothing asks for the zeros.
 *
 * Such a gradient is a scatter of rows onto zeros; its products with scalars and with itself, as optimisers take them, are zeros in the
 * same places; and where it is added to a tensor of the table's size, only its rows need be added. An optimiser still updates the whole
 * table, to the same bits but for the sign of zeros; a norm, summed over fewer zeros, may round otherwise; and a factor that is not finite
 * spoils these rows only. Rows that are taken twice are summed first, since the runtime's ScatterND loses some of what two threads add to one
 * row.
 */
export function sparseRows(graph: Graph): Graph {
  const { values, constants } = propagate(graph, () => true);
  const fresh = freshNames(graph);
  const initializers = new Map(graph.initializers);
  const replacements = new Map<Node, readonly Node[]>();
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(takenBy(node))) consumers.set(name, [...(consumers.get(name) ?? []), node]);
  }
  for (const node of graph.nodes) {
    const scatter = scatterOf(node, values, constants, producers);
    const users = scatter && usersOf(node.outputs[0] as string, values, consumers, outputs);
    if (!scatter || !users) continue;
    const writer = nodeWriter(node.name, fresh, initializers);
    const rows = compacted(writer, scatter);
    replacements.set(node, writer.nodes);
    const held = new Map([[node.outputs[0] as string, rows.values]]);
    for (const user of users) replacements.set(user, replaced(user, held, rows.positions, nodeWriter(user.name, fresh, initializers)));
  }
  if (replacements.size === 0) return graph;
  return pruneDead({ ...graph, initializers, nodes: graph.nodes.flatMap((node) => replacements.get(node) ?? [node]) });
}

interface Scatter {
  /** [N, 1] */
  readonly positions: Value;
  /** [N, D] */
  readonly updates: Value;
  /** V */
  readonly count: number;
}

/** A node that adds rows [N, D] onto zeros [V, D]. */
function scatterOf(
  node: Node,
  values: ReadonlyMap<string, Value>,
  constants: ReadonlyMap<string, Tensor>,
  producers: ReadonlyMap<string, Node>,
): Scatter | undefined {
  if (node.op !== "ScatterElements" || intAttribute(node, "axis", 0) !== 0 || stringAttribute(node, "reduction", "none") !== "add") {
    return undefined;
  }
  const [data, indices] = node.inputs.map((name) => producers.get(name));
  const [table, updates, positions] = [node.outputs[0], node.inputs[2], indices?.inputs[0]].map((name) => values.get(name ?? ""));
  if (data?.op !== "Expand" || indices?.op !== "Expand" || !table || !updates || !positions) return undefined;
  const zero = constants.get(data.inputs[0] as string);
  const [count, taken] = [table.shape[0], updates.shape[0]];
  if (typeof count !== "number" || typeof taken !== "number" || table.type !== "float32" || positions.type !== "int64") return undefined;
  const isZero = zero !== undefined && elementCount(zero.shape) === 1 && Number(zero.data[0]) === 0;
  const isOfRows = table.shape.length === 2 && positions.shape.join() === `${taken},1` && updates.shape[1] === table.shape[1];
  const isWorth = elementCount(table.shape.map(Number)) >= FEW_ELEMENTS && 2 * taken <= count;
  return isZero && isOfRows && isWorth ? { positions, updates, count } : undefined;
}

/** What takes a sparse value, and what takes what that gives, in order; `undefined` where anything needs the zeros. */
function usersOf(
  name: string,
  values: ReadonlyMap<string, Value>,
  consumers: ReadonlyMap<string, readonly Node[]>,
  outputs: ReadonlySet<string>,
): readonly Node[] | undefined {
  const sparse = new Set([name]);
  const users: Node[] = [];
  const isScalar = (input: string) => elementCount((values.get(input)?.shape ?? ["?"]).map(Number)) === 1;
  for (const value of sparse) {
    if (outputs.has(value)) return undefined;
    for (const user of consumers.get(value) ?? []) {
      const isMultiple = user.op === "Mul" && user.inputs.every((input) => sparse.has(input) || isScalar(input));
      const isSum = ["Add", "Sub"].includes(user.op) && user.inputs.filter((input) => sparse.has(input)).length === 1;
      const isAdded = isSum && (user.op === "Add" || user.inputs[1] === value) && isOfSize(user, values.get(name) as Value, values);
      const isNorm = user.op === "ReduceSumSquare" && user.inputs.length === 1 && intAttribute(user, "keepdims", 1) === 0;
      if (user.domain !== "" || !(isMultiple || isAdded || isNorm)) return undefined;
      if (isMultiple) sparse.add(user.outputs[0] as string);
      if (!users.includes(user)) users.push(user);
    }
  }
  return users;
}

/** Whether both terms of a sum are of the table's size. */
function isOfSize(node: Node, table: Value, values: ReadonlyMap<string, Value>): boolean {
  return node.inputs.every((input) => values.get(input)?.shape.join() === table.shape.join());
}

type Writer = ReturnType<typeof nodeWriter>;

/** Collects nodes under fresh names that begin with `prefix`. */
function nodeWriter(prefix: string, fresh: FreshNames, initializers: Map<string, Tensor>) {
  const nodes: Node[] = [];
  const emit = (op: string, inputs: readonly string[], attributes: Attributes = {}): string => {
    const name = fresh(`${prefix}/${op}`);
    nodes.push({ op, domain: "", name, inputs, outputs: [name], attributes });
    return name;
  };
  const constant = (tensor: Tensor): string => {
    const name = fresh(`${prefix}/constant`);
    initializers.set(name, tensor);
    return name;
  };
  return { nodes, emit, constant, fresh };
}

/** The rows that are taken, each once and summed: their positions [U, 1] and values [U, D]. */
function compacted({ nodes, emit, constant, fresh }: Writer, { positions, updates, count }: Scatter) {
  const [taken, width] = updates.shape.map(Number) as [number, number];
  const flat = emit("Reshape", [positions.name, constant(int64([-1]))]);
  // Positions may be counted from the end.
  const isFromEnd = emit("Less", [flat, constant(int64([0]))]);
  const counted = emit("Where", [isFromEnd, emit("Add", [flat, constant(int64([count]))]), flat]);
  const [unique, inverse] = [fresh(`${updates.name}/rows`), fresh(`${updates.name}/row`)];
  nodes.push({ op: "Unique", domain: "", name: unique, inputs: [counted], outputs: [unique, "", inverse], attributes: { sorted: int(1) } });
  const column = constant(int64([1]));
  const sizes = emit("Concat", [emit("Shape", [unique]), constant(int64([width]))], { axis: int(0) });
  const zeros = emit("Expand", [constant(float32([0], [])), sizes]);
  const indices = emit("Expand", [emit("Unsqueeze", [inverse, column]), constant(int64([taken, width]))]);
  const values = emit("ScatterElements", [zeros, indices, updates.name], { axis: int(0), reduction: string("add") });
  return { positions: emit("Unsqueeze", [unique, column]), values };
}

/** The node for rows instead of tables. @param held The rows that stand for each sparse value; what this node gives is added. */
function replaced(node: Node, held: Map<string, string>, positions: string, { nodes, emit }: Writer): readonly Node[] {
  const [output] = node.outputs as [string];
  if (node.op === "Mul") held.set(output, output);
  if (node.op === "Mul" || node.op === "ReduceSumSquare") return [{ ...node, inputs: node.inputs.map((name) => held.get(name) ?? name) }];
  const isFirst = held.has(node.inputs[0] as string);
  const [dense, sparse] = (isFirst ? [...node.inputs].reverse() : node.inputs) as [string, string];
  const rows = held.get(sparse) as string;
  const added = node.op === "Sub" ? emit("Neg", [rows]) : rows;
  const scatter = { ...node, op: "ScatterND", inputs: [dense, positions, added], attributes: { reduction: string("add") } };
  return [...nodes, scatter];
}

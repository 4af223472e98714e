import { tensor } from "../../attributes.ts";
import type { Graph, Node, Value } from "../../graph.ts";
import { int64, type Tensor, zeros } from "../../tensor.ts";
import { identity } from "../splice.ts";
import { stack } from "./sequence.ts";
import { bodyOf, type Fold, knownNumber, type Walk } from "./walk.ts";

/** A Loop that runs more often stays one. */
const MOST_ITERATIONS = 1024;
const TRUE: Tensor = { type: "bool", shape: [], data: Uint8Array.of(1) };

/**
 * A Loop's body as often as it runs, where that is known: the count is, and each iteration's condition for the next. What iterations give
 * one by one (scan outputs) is stacked along a new first axis.
 */
export const unrollLoop: Fold = (node, walk) => {
  const body = node.op === "Loop" ? node.attributes.body : undefined;
  if (body?.kind !== "graph") return undefined;
  const [count = "", condition = "", ...initial] = node.inputs;
  const most = count === "" ? Number.POSITIVE_INFINITY : knownNumber(count, walk);
  const start = condition === "" ? 1 : knownNumber(condition, walk);
  const { inputs, outputs } = body.value;
  if (most === undefined || start === undefined || inputs.length !== initial.length + 2) return undefined;
  const scans = outputs.slice(initial.length + 1);
  if (node.outputs.length > initial.length + scans.length) return undefined;
  const run = iterate(node, body.value, start ? most : 0, condition || walk.store(`${node.name}/condition`, TRUE), walk);
  if (!run) return undefined;
  const results = node.outputs.flatMap((to, index) => {
    if (to === "") return [];
    if (index < initial.length) return [identity(run.given.at(-1)?.[index] ?? (initial[index] as string), to)];
    const rows = run.given.map((names) => names[index] as string);
    return rows.length > 0 ? stack(rows, 0, to, walk) : noRows(scans[index - initial.length] as Value, to);
  });
  return results.includes(undefined) ? undefined : [...run.nodes, ...walk.fold(results as Node[])];
};

interface Iterations {
  readonly nodes: readonly Node[];
  /** What each iteration gave: the values that it carries to the next, and its rows of the scan outputs. */
  readonly given: readonly (readonly string[])[];
}

function iterate(node: Node, body: Graph, most: number, condition: string, walk: Walk): Iterations | undefined {
  const [iteration, , ...carried] = body.inputs;
  const nodes: Node[] = [];
  const given: string[][] = [];
  let taken: readonly string[] = node.inputs.slice(2);
  let goesOn: number | undefined = 1;
  let current = condition;
  while (given.length < most && goesOn !== 0) {
    if (goesOn === undefined || given.length === MOST_ITERATIONS) return undefined;
    const prefix = `${node.name}/${given.length}`;
    const shape = iteration?.shape.length === 1 ? [1] : [];
    const inputs = [walk.store(`${prefix}/iteration`, int64([given.length], shape)), current, ...taken];
    const outputs = body.outputs.map(({ name }) => walk.fresh(`${prefix}/${name}`));
    const place = { prefix, inputs: new Map(body.inputs.map(({ name }, index) => [name, inputs[index] as string])), outputs };
    const copy = walk.splice(bodyOf(body), place);
    if (!copy) return undefined;
    for (const copied of copy) nodes.push(copied);
    [current = "", ...taken] = outputs;
    goesOn = knownNumber(current, walk);
    given.push([...taken]);
    taken = taken.slice(0, carried.length);
  }
  return { nodes, given };
}

/** A scan output of no iterations, where the body says what its rows would be. */
function noRows({ type, shape, unstated }: Value, to: string): readonly (Node | undefined)[] {
  const sizes = shape.filter((size) => typeof size === "number");
  if (unstated || sizes.length < shape.length) return [undefined];
  return [{ op: "Constant", domain: "", name: to, inputs: [], outputs: [to], attributes: { value: tensor(zeros(type, [0, ...sizes])) } }];
}

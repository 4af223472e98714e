import { type Graph, givenBy, type Shape, type Value } from "../../src/graph/graph.ts";
import { propagate } from "../../src/graph/rewrite/propagate.ts";
import { runGraph } from "../../src/graph/run.fixture.ts";
import { substitute, symbolsOf } from "../../src/graph/shapes/symbolic.ts";
import { elementCount, type Tensor } from "../../src/graph/tensor.ts";

/** What shape inference says of a graph, beside what ONNX Runtime gives. */
export interface Agreement {
  /** How many values were compared, each at concrete sizes and at symbolic ones. */
  readonly compared: number;
  /** Of these, how many have a symbolic size of which only running the graph tells what it is. */
  readonly open: number;
  /** `Relu "y": float32[2, 3] at run time, inferred float32[2, 4]`, and why shapes could not be inferred. */
  readonly differences: readonly string[];
}

/**
 * Runs a graph with each of its values as an output, and compares their types and shapes with those inferred from the sizes of the feeds,
 * and with those inferred from the graph's symbolic sizes, put in afterwards.
 */
export async function agreementOf(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Agreement> {
  const concrete = { ...graph, inputs: graph.inputs.map((input) => ({ ...input, shape: (feeds[input.name] as Tensor).shape })) };
  const inferred = [propagate(concrete, isSmall), propagate(graph, isSmall)] as const;
  const differences = inferred.flatMap(({ problems }) => problems.map(({ message }) => message));
  const given = new Set(givenBy({ ...graph, inputs: [], initializers: new Map() }));
  const exposed = [...inferred[0].values.values()].filter(({ name, type }) => given.has(name) && runnable(type));
  const results = await runGraph({ ...graph, outputs: exposed.map((value) => ({ ...value, unstated: "shape" as const })) }, feeds);
  const sizes = new Map(graph.inputs.flatMap((input) => sizesOf(input, feeds[input.name] as Tensor)));
  const open = new Set<string>();
  for (const { name } of exposed) {
    const [actual, atSizes, symbolic] = [results[name] as Tensor, inferred[0].values.get(name) as Value, inferred[1].values.get(name)];
    for (const [size, axis] of unsolved(symbolic, sizes)) {
      // Where only running the graph tells a size, it is that of the first value that has it.
      sizes.set(size, actual.shape[axis] as number);
      open.add(name);
    }
    const bound = symbolic && { ...symbolic, shape: symbolic.shape.map((size) => substitute(size, sizes)) };
    for (const value of [atSizes, bound]) {
      if (!value || !fits(value, actual, value === atSizes))
        differences.push(`${describe(graph, name)}: ${text(actual)} at run time, inferred ${value ? text(value) : "nothing"}`);
    }
  }
  return { compared: exposed.length, open: open.size, differences };
}

const isSmall = (_: unknown, { shape }: { readonly shape: Shape }): boolean => elementCount(shape.map(Number)) <= 2 ** 10;
/** Types that the runtime's JavaScript binding has tensors of. */
const runnable = (type: Value["type"]): boolean => type !== "string" && type !== "bfloat16" && !/^(float[48]|u?int[24]$)/.test(type);
const text = ({ type, shape }: { readonly type: string; readonly shape: Shape }): string => `${type}[${shape.join(", ")}]`;

function describe(graph: Graph, name: string): string {
  return `${graph.nodes.find(({ outputs }) => outputs.includes(name))?.op} "${name}"`;
}

function sizesOf(input: Value, { shape }: Tensor): [string, number][] {
  return input.shape.flatMap((size, axis): [string, number][] => (typeof size === "string" ? [[size, shape[axis] as number]] : []));
}

/** Sizes of a value that are a name for which there is no number yet. */
function unsolved(value: Value | undefined, sizes: ReadonlyMap<string, number>): readonly [string, number][] {
  return (value?.shape ?? []).flatMap((size, axis): [string, number][] =>
    typeof size === "string" && !sizes.has(size) && symbolsOf(size)[0] === size ? [[size, axis]] : [],
  );
}

/** Whether a value has the actual type and shape; at concrete sizes too some may be open, as the number of elements that are not zero. */
function fits({ type, shape }: Value, actual: Tensor, mayBeOpen: boolean): boolean {
  return (
    type === actual.type &&
    shape.length === actual.shape.length &&
    shape.every((size, axis) => size === actual.shape[axis] || (mayBeOpen && typeof size === "string"))
  );
}

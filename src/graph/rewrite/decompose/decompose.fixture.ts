/** Test helper: a model of one node, run as it is and decomposed. */
import { expect } from "vitest";
import { randomFor } from "../../../random.ts";
import { type Attributes, type Graph, MICROSOFT, OPSET, type Shape } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { type ElementType, elementCount, float32, int32, int64, type Tensor } from "../../tensor.ts";
import { propagate } from "../propagate.ts";
import { decompose } from "./decompose.ts";

/** An input as it is fed, and as the model declares it where some of its sizes are left open. */
export interface DeclaredInput {
  readonly tensor: Tensor;
  readonly shape: Shape;
}

export interface NodeModel {
  readonly op: string;
  readonly domain?: string;
  /** Of ONNX's own operators; `OPSET` unless given. */
  readonly opset?: number;
  readonly attributes?: Attributes;
  /** By name, in order; `undefined` for one that is left out. */
  readonly inputs: Readonly<Record<string, Tensor | DeclaredInput | undefined>>;
  /** Inputs that the model stores. */
  readonly stored?: readonly string[];
  /** Of the outputs; float32 unless given (int32 for one called "mask_index"). */
  readonly type?: ElementType;
  /** The rank of each output, by name, in order; `undefined` for one that is left out. */
  readonly outputs: Readonly<Record<string, number | undefined>>;
}

const isTensor = (input: Tensor | DeclaredInput): input is Tensor => "data" in input;

/** A model of one node, and what to feed it. */
export function modelOf(model: NodeModel): { graph: Graph; feeds: Record<string, Tensor> } {
  const { op, domain = "", opset = OPSET, attributes = {}, stored = [] } = model;
  const given = Object.entries(model.inputs).flatMap(([name, input]) =>
    input ? [{ name, ...(isTensor(input) ? { tensor: input, shape: input.shape } : input) }] : [],
  );
  const fed = given.filter(({ name }) => !stored.includes(name));
  const outputs = Object.entries(model.outputs);
  const graph: Graph = {
    name: op,
    opsets: { "": opset, [MICROSOFT]: 1 },
    inputs: fed.map(({ name, tensor, shape }) => ({ name, type: tensor.type, shape })),
    outputs: outputs.flatMap(([name, rank]) =>
      rank === undefined
        ? []
        : [
            {
              name,
              type: model.type ?? (name === "mask_index" ? "int32" : "float32"),
              shape: Array.from({ length: rank }, (_, axis) => `${name}_${axis}`),
            },
          ],
    ),
    nodes: [
      {
        op,
        domain,
        name: "node",
        inputs: Object.entries(model.inputs).map(([name, input]) => (input ? name : "")),
        outputs: outputs.map(([name, rank]) => (rank === undefined ? "" : name)),
        attributes,
      },
    ],
    initializers: new Map(given.filter(({ name }) => stored.includes(name)).map(({ name, tensor }) => [name, tensor])),
    metadata: {},
  };
  return { graph, feeds: Object.fromEntries(fed.map(({ name, tensor }) => [name, tensor])) };
}

export interface SameOptions {
  readonly rewrite?: (graph: Graph) => Graph;
  /** With the sizes that the model declares, with all of them known, or (unless given) both. */
  readonly sizes?: readonly ("declared" | "known")[];
}

/**
 * Runs the model in ONNX Runtime as it is and rewritten, and expects the same of each.
 *
 * @returns The rewritten graph as declared.
 */
export async function expectSame(
  model: NodeModel,
  { rewrite = decompose, sizes = ["declared", "known"] }: SameOptions = {},
): Promise<Graph> {
  const { graph: declared, feeds } = modelOf(model);
  const expected = await runGraph(declared, feeds);
  const known = { ...declared, inputs: declared.inputs.map((input) => ({ ...input, shape: (feeds[input.name] as Tensor).shape })) };
  for (const size of sizes) {
    const rewritten = { ...rewrite(size === "declared" ? declared : known), opsets: { "": OPSET, [MICROSOFT]: 1 } };
    expect(rewritten.nodes.map(({ op, domain }) => `${domain}:${op}`)).not.toContain(`${model.domain ?? ""}:${model.op}`);
    const [before, after] = [size === "declared" ? declared : known, rewritten].map((graph) => propagate(graph, () => true).values);
    for (const { name } of declared.outputs) if (before?.has(name)) expect(after?.get(name)).toEqual(before?.get(name));
    const found = await runGraph(rewritten, feeds);
    for (const name in expected) expectClose(found[name] as Tensor, expected[name] as Tensor);
  }
  return rewrite(declared);
}

/** Equal to within 1e-5, relative to 1 + |expected|. */
export function expectClose(found: Tensor, expected: Tensor): void {
  expect(found.type).toBe(expected.type);
  expect(found.shape).toEqual(expected.shape);
  const worst = Array.from(found.data as ArrayLike<number | bigint>, (element, index) => {
    const [one, other] = [Number(element), Number(expected.data[index])];
    return Object.is(one, other) ? 0 : Math.abs(one - other) / (1 + Math.abs(other));
  }).reduce((most, difference) => Math.max(most, difference), 0);
  expect(worst).toBeLessThan(1e-5);
}

let draws = 0;

/** Uniform in [low, high]; every call draws others. */
export function random(shape: readonly number[], low = -1, high = 1): Tensor {
  const source = randomFor(7, draws++);
  return float32(
    Float32Array.from({ length: elementCount(shape) }, () => low + (high - low) * source.uniform()),
    shape,
  );
}

/** Whole numbers from 0 up to, not including, `end`. */
export function indices(shape: readonly number[], end: number, type: "int32" | "int64" = "int64"): Tensor {
  const source = randomFor(8, draws++);
  const data = Array.from({ length: elementCount(shape) }, () => source.integer(0, end - 1));
  return type === "int64" ? int64(data, shape) : int32(data, shape);
}

/** A tensor whose sizes the model leaves open where `shape` names them. */
export const open = (tensor: Tensor, shape: Shape): DeclaredInput => ({ tensor, shape });

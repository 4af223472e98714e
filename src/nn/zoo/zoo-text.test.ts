import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import type { Graph, Value } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { bindDimensions, inferShapes, symbolicDimensions } from "../../graph/rewrite/infer.ts";
import { elementCount, int64, type Tensor } from "../../graph/tensor.ts";
import { initializerRoles } from "../../graph/weights.ts";
import { workOf } from "../../measure/flops.ts";
import { profileGraph } from "../../measure/profile.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { withWeights } from "../../train/trainable.ts";
import { hashed, hashedWeight, namesHash } from "../hashed-weights.fixture.ts";
import { loadWeights } from "../load-weights.ts";
import { SEQUENCE } from "../text.ts";
import { bert, bertClassifier, bertMaskedLm } from "./bert.ts";
import { bilstm } from "./bilstm.ts";
import { distilbertClassifier } from "./distilbert.ts";
import { textCnn } from "./text-cnn.ts";
import { vit } from "./vit.ts";

// Here no initial weight matters, and drawing those of every network takes longer than all else.
vi.mock("../initializers.ts", async () => {
  const { zeros } = await import("../../graph/tensor.ts");
  const init = () => (shape: readonly number[]) => zeros("float32", shape);
  return { constantInit: init, kaimingNormal: init, kaimingUniform: init, lecunUniform: init, normal: init, uniform: init };
});

const models = { bert, bertClassifier, bertMaskedLm, vit };
const plainModels = { distilbertClassifier, textCnn, bilstm };

interface Case {
  readonly model: keyof typeof models | keyof typeof plainModels;
  readonly variant: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}
interface Encoded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
type Tokens = Readonly<Record<string, readonly (readonly number[])[]>>;
/** What PyTorch says (scripts/golden/zoo-text.py). */
interface Golden {
  readonly counted: readonly (Case & { readonly parameters: number; readonly macs: number; readonly names: number })[];
  readonly run: readonly (Case & { readonly inputs: Tokens | null; readonly outputs: Readonly<Record<string, Encoded>> })[];
  readonly saved: { readonly inputs: Tokens; readonly logits: Encoded };
}
const golden = JSON.parse(readFileSync(new URL("../../../test/golden/zoo-text.json", import.meta.url), "utf8")) as Golden;

function build({ model, variant, options }: Case): Graph {
  const given = { seed: 0, ...options } as never;
  return model in models
    ? models[model as keyof typeof models](variant as never, given)
    : plainModels[model as keyof typeof plainModels](given);
}

const title = ({ model, variant, options }: Case): string => [model, JSON.stringify(variant), JSON.stringify(options)].join(" ");

/** Every weight by name, with its shape. */
const stored = (graph: Graph): readonly (readonly [string, readonly number[]])[] =>
  initializerRoles(graph).parameters.map((name) => [name, graph.initializers.get(name)?.shape ?? []]);

const tokens = (inputs: Tokens): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(inputs).map(([name, rows]) => [name, int64(rows.flat(), [rows.length, rows[0]?.length ?? 0])]));

/** The graph with inner values among its outputs. */
function exposing(graph: Graph, names: readonly string[]): Graph {
  const values = inferShapes(graph);
  const own = new Set(graph.outputs.map(({ name }) => name));
  return { ...graph, outputs: [...graph.outputs, ...names.filter((name) => !own.has(name)).map((name) => values.get(name) as Value)] };
}

async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const results = await session.run(feeds);
  await session.release();
  return results;
}

function expectClose(found: Tensor | undefined, expected: Encoded, name: string): void {
  expect(found?.shape, name).toEqual(expected.shape);
  const largest = Math.max(...expected.data.map(Math.abs));
  const worst = Math.max(...expected.data.map((value, index) => Math.abs(Number(found?.data[index]) - value)));
  expect(worst / largest, name).toBeLessThan(1e-4);
}

/** For one sample, of 128 tokens if it is a text. (profileGraph folds constants first, which takes long for large weights.) */
function macsOf(graph: Graph): number {
  const sizes = Object.fromEntries(symbolicDimensions(graph).map((name) => [name, name === SEQUENCE ? 128 : 1]));
  const values = inferShapes(bindDimensions(graph, sizes));
  const valuesOf = (names: readonly string[]) => names.map((name) => values.get(name) as Value);
  return graph.nodes.reduce(
    (total, node) => total + workOf({ node, inputs: valuesOf(node.inputs), outputs: valuesOf(node.outputs) }).macs,
    0,
  );
}

describe("has the parameters, multiply-accumulates and weight names that PyTorch counts:", () => {
  it.each(golden.counted.map((expected) => [title(expected), expected] as const))("%s", (_, expected) => {
    const graph = build(expected);
    const weights = stored(graph);
    expect(weights.reduce((total, [, shape]) => total + elementCount(shape), 0)).toBe(expected.parameters);
    expect(macsOf(graph)).toBe(expected.macs);
    expect(namesHash(weights), weights.join("\n")).toBe(expected.names);
  });
});

it("is profiled for a given number of tokens", () => {
  const expected = golden.counted.find(({ model }) => model === "bertClassifier") as Golden["counted"][number];
  const { parameters, macs } = profileGraph(build(expected), { [SEQUENCE]: 128 });
  expect([parameters, macs]).toEqual([expected.parameters, expected.macs]);
});

// In billions of multiply-accumulates: DeiT-tiny as fvcore counts it; BERT-base for 128 tokens, half of the 22.5 billion FLOPs that TinyBERT's
// paper gives.
it.each([
  ["deit-tiny", 1.26],
  ["bert-base", 11.25],
])("%s needs the published multiply-accumulates, within 1 %%", (variant, billions) => {
  const expected = golden.counted.find((entry) => entry.variant === variant);
  expect(Math.abs((expected?.macs ?? 0) / 1e9 / billions - 1)).toBeLessThan(0.01);
});

describe("with PyTorch's weights gives PyTorch's outputs:", () => {
  it.each(golden.run.map((expected) => [title(expected), expected] as const))("%s", async (_, expected) => {
    const graph = exposing(build(expected), Object.keys(expected.outputs));
    const weights = new Map(stored(graph).map(([name, shape]) => [name, hashedWeight(name, shape)]));
    const shape = [2, ...((expected.options.inputShape as number[]) ?? [])];
    const feeds = expected.inputs ? tokens(expected.inputs) : { input: hashed("input", shape, (u) => 2 * u - 1) };
    const results = await run(withWeights(graph, weights), feeds);
    for (const [name, output] of Object.entries(expected.outputs)) expectClose(results[name], output, name);
  });
});

it("gives what transformers gives with the weights that it saved", async () => {
  const file = readFileSync(new URL("../../../test/golden/bert.safetensors", import.meta.url));
  const size = { layers: 1, hidden: 16, heads: 2, intermediate: 24 };
  const graph = loadWeights(bertClassifier(size, { vocabulary: 40, positions: 8, classes: 3, seed: 0 }), file);
  const { logits } = await run(graph, tokens(golden.saved.inputs));
  expectClose(logits, golden.saved.logits, "logits");
});

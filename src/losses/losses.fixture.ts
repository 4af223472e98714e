/** Test helper, not part of the package: losses and their gradients, and the golden values to compare them with. */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import { backpropagate } from "../autodiff/gradient.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import { inlineGraph } from "../graph/builder/inline.ts";
import type { Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { elementCount, type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import { initializerRoles } from "../graph/weights.ts";
import { buildNetwork } from "../nn/layers.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { LossParts } from "./loss.ts";

export type Tensors = Readonly<Record<string, Tensor>>;

/** Builds a loss of tensors, by their names. A value per sample, [B], stands for its mean. */
export type LossOf = (parts: LossParts, values: Readonly<Record<string, Value>>) => Value;

interface Formula {
  readonly shape: readonly number[];
  readonly f: "sin" | "cos" | "exp sin";
  readonly a: number;
  readonly b: number;
  readonly scale: number;
}

interface GoldenFile {
  readonly inputs: Readonly<Record<string, Formula>> & {
    readonly labels: readonly number[];
    readonly mask: readonly (readonly number[])[];
  };
  readonly losses: Readonly<Record<string, Golden>>;
}

export interface Golden {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly gradientFirst: number;
}

const folder = new URL("../../test/golden/", import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as GoldenFile;
const { labels, mask, ...formulas } = read("losses.json").inputs;

/** Of losses.json, and of those beside it that PyTorch computes from the papers' formulae: losses-FAMILY.json. */
const goldens: GoldenFile["losses"] = Object.assign(
  {},
  ...readdirSync(folder)
    .filter((name) => /^losses.*\.json$/.test(name))
    .map((name) => read(name).losses),
);

function tensorOf({ shape, f, a, b, scale }: Formula): Tensor {
  const wave = { sin: Math.sin, cos: Math.cos, "exp sin": (x: number) => Math.exp(Math.sin(x)) }[f];
  return float32(
    Array.from({ length: elementCount(shape) }, (_, index) => scale * wave(a * index + b)),
    shape,
  );
}

/** What the golden values were computed from: `student`, `teacher` (logits), `fs`, `ft` (maps), `es`, `et` (vectors), `labels`, `mask`... */
export const goldenTensors: Tensors = {
  ...Object.fromEntries(Object.entries(formulas).map(([name, formula]) => [name, tensorOf(formula)])),
  labels: int32(labels),
  mask: rows(mask),
};

/** A matrix, [B, C]. */
export function rows(values: readonly (readonly number[])[]): Tensor {
  return float32(values.flat(), [values.length, values[0]?.length ?? 0]);
}

export interface Measured {
  readonly loss: number;
  /** Row-major. */
  readonly gradient: Float32Array;
  /** What the loss leaves in its memories, by their names. */
  readonly memories: Tensors;
}

const runtime = nodeRuntime({ threads: 1 });

/** A loss and its gradient to one of its tensors. What it would train is constant, as it begins. */
export async function measure(lossOf: LossOf, tensors: Tensors, wrt = "student"): Promise<Measured> {
  const g = graphBuilder("loss");
  const values = Object.fromEntries(Object.entries(tensors).map(([name, { type, shape }]) => [name, g.input(name, type, shape)]));
  const built = lossOf(partsIn(g), values);
  const loss = built.shape.length === 0 ? built : g.reduceMean(built);
  g.output(loss, "loss");
  g.output(backpropagate(g, loss, [values[wrt] as Value])[0] as Value, "gradient");
  const session = await runtime.createSession(writeOnnx(g.build()));
  const { loss: found, gradient, ...memories } = await session.run(tensors);
  await session.release();
  return { loss: Number(found?.data[0]), gradient: gradient?.data as Float32Array, memories: memories as Tensors };
}

/**
 * Parts whose memories become outputs of their names.
 *
 * @param weight Gives what is trained, by its name; constants, as it begins, unless given.
 */
export function partsIn(
  g: GraphBuilder,
  weight: (name: string, initial: Float32Tensor) => Value = (name, initial) => g.store(name, initial),
): LossParts {
  let modules = 0;
  return {
    g,
    parameter: weight,
    module: (name, inputs, body) => {
      const graph = buildNetwork(name, modules++, (network) => ({
        output: body(network, ...inputs.map(({ type, shape }, index) => network.g.input(`input${index}`, type, shape))),
      }));
      const bind = new Map(inputs.map((input, index) => [`input${index}`, input]));
      for (const own of initializerRoles(graph).parameters)
        bind.set(own, weight(`${name}/${own}`, graph.initializers.get(own) as Float32Tensor));
      return inlineGraph(g, graph, { bind, prefix: `${name}/` }).get("output") as Value;
    },
    memory: (name, initial) => ({ value: g.store(`${name}:before`, initial), replace: (next) => g.output(next, name) }),
    scalar: (name) => g.input(name, "float32", []),
  };
}

/** Expects a loss and its gradient to have the golden values of that name, to 1e-5 of them. */
export async function expectGolden(
  name: string,
  lossOf: LossOf,
  wrt = "student",
  tensors: Tensors = goldenTensors,
  golden: Readonly<Record<string, Golden>> = goldens,
): Promise<void> {
  const expected = golden[name];
  if (!expected) throw new Error(`There are no golden values named "${name}".`);
  const { loss, gradient } = await measure(lossOf, tensors, wrt);
  const near = (found: number, value: number, what: string) =>
    expect(Math.abs(found - value), `${name}: ${what} ${found}, golden ${value}`).toBeLessThan(1e-5 * Math.max(Math.abs(value), 1e-3));
  near(loss, expected.loss, "loss");
  near(Math.hypot(...gradient), expected.gradientNorm, "norm of the gradient");
  near(gradient[0] as number, expected.gradientFirst, "first of the gradient");
}

/** Extreme but legal logits: every loss and gradient must be finite on them. */
export const extremes: Readonly<Record<string, Tensors>> = {
  "logits of ±10⁴ that disagree": {
    student: rows([
      [1e4, -1e4, 0],
      [-1e4, 1e4, 0],
    ]),
    teacher: rows([
      [-1e4, 1e4, 0],
      [0, -1e4, 1e4],
    ]),
    labels: int32([1, 2]),
  },
  "a batch of one, two classes": { student: rows([[0.3, -2]]), teacher: rows([[-1, 4]]), labels: int32([1]) },
  "constant rows": {
    student: rows([
      [7, 7, 7],
      [0, 0, 0],
    ]),
    teacher: rows([
      [-3, -3, -3],
      [0, 0, 0],
    ]),
    labels: int32([0, 2]),
  },
};

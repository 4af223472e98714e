/** Test helper, not part of the package: gradients against central differences. */
import { LimbeckError } from "../errors.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { elementCount, type Tensor } from "../graph/tensor.ts";
import { type Random, randomFor } from "../random.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { gradient } from "./gradient.ts";

/** An input of a test graph: differentiated, of the test's float type, random. */
export interface TestInput {
  readonly shape: readonly number[];
  /** Where its elements lie; [-2, 2] unless given. */
  readonly range?: readonly [number, number];
  /** The elements are far enough from each other that no step changes their order. */
  readonly distinct?: boolean;
}

export interface GradientCase {
  readonly name: string;
  readonly inputs: readonly TestInput[];
  readonly build: (g: GraphBuilder, ...inputs: Value[]) => Value;
  /** Set where the runtime takes float64 but computes in float32 inside. */
  readonly onlyFloat32?: boolean;
}

/** Step of the differences, and the largest difference that may be between a gradient and its estimate, relative to 1 + |gradient|. */
const precision = { float64: { step: 1e-5, tolerance: 1e-6 }, float32: { step: 2 ** -6, tolerance: 2e-3 } } as const;
type FloatType = keyof typeof precision;

/** Elements of each input that are varied; which ones is drawn. */
const VARIED = 40;

/** The graph of a case; `type` is that of its inputs. */
export function graphOf({ inputs, build }: GradientCase, type: FloatType): Graph {
  const g = graphBuilder("case");
  const y = build(g, ...inputs.map(({ shape }, index) => g.input(`x${index}`, type, shape)));
  g.output(y, "y");
  g.output(g.reduceSum(g.mul(y, g.input("projection", type, y.shape))), "loss");
  return g.build();
}

/**
 * Compares the gradient of a random projection of a case's output with central differences, in float64 where the runtime has kernels for
 * it.
 *
 * @returns A line for each element where they differ; none when all is well.
 */
export async function gradientMismatches(runtime: Runtime, test: GradientCase, seed = 0): Promise<string[]> {
  const { type, forward, backward } = await sessionsOf(runtime, test);
  const random = randomFor(seed, test.inputs.length);
  const feeds: Record<string, Tensor> = {};
  test.inputs.forEach((input, index) => {
    feeds[`x${index}`] = floats(type, input.shape, elementsOf(input, random));
  });
  const y = (await forward.run(feeds)).y as Tensor;
  const projection = elementsOf({ shape: y.shape, range: [-1, 1] }, random);
  const project = async (): Promise<number> => {
    const { data } = (await forward.run(feeds)).y as Tensor;
    return projection.reduce((sum, weight, index) => sum + weight * Number(data[index]), 0);
  };
  const gradients = await backward.run({ ...feeds, projection: floats(type, y.shape, projection) });
  const mismatches: string[] = [];
  const { step, tolerance } = precision[type];
  for (const name of Object.keys(feeds)) {
    const data = (feeds[name] as Tensor).data as Float64Array;
    const derivative = gradients[`gradient:${name}`] as Tensor;
    for (const element of sample(data.length, random)) {
      const middle = data[element] as number;
      data[element] = middle + step;
      const [above, high] = [await project(), data[element]];
      data[element] = middle - step;
      const [below, low] = [await project(), data[element]];
      data[element] = middle;
      const [found, expected] = [Number(derivative.data[element]), (above - below) / (high - low)];
      if (!(Math.abs(found - expected) <= tolerance * (1 + Math.abs(expected)))) {
        mismatches.push(`${test.name} (${type}): gradient of ${name}[${element}] is ${found}, differences give ${expected}`);
      }
    }
  }
  await Promise.all([forward.release(), backward.release()]);
  return mismatches;
}

async function sessionsOf(runtime: Runtime, test: GradientCase): Promise<{ type: FloatType; forward: Session; backward: Session }> {
  const load = async (type: FloatType) => {
    const graph = graphOf(test, type);
    const differentiated = gradient(
      graph,
      "loss",
      test.inputs.map((_, index) => `x${index}`),
    );
    const only = (whole: Graph, wanted: (name: string) => boolean) =>
      runtime.createSession(writeOnnx(pruneDead({ ...whole, outputs: whole.outputs.filter(({ name }) => wanted(name)) })));
    return {
      type,
      forward: await only({ ...graph, inputs: graph.inputs.slice(0, -1) }, (name) => name === "y"),
      backward: await only(differentiated, (name) => name.startsWith("gradient:")),
    };
  };
  if (test.onlyFloat32) return load("float32");
  try {
    return await load("float64");
  } catch (error) {
    if (!(error instanceof LimbeckError && error.message.startsWith("ONNX Runtime refuses"))) throw error;
    return load("float32");
  }
}

function elementsOf({ shape, range: [low, high] = [-2, 2], distinct = false }: TestInput, random: Random): number[] {
  const count = elementCount(shape);
  if (!distinct) return Array.from({ length: count }, () => low + (high - low) * random.uniform());
  const spaced = Array.from({ length: count }, (_, index) => ({
    order: random.uniform(),
    value: low + ((high - low) * (index + 0.5)) / count,
  }));
  return spaced.sort((a, b) => a.order - b.order).map(({ value }) => value);
}

function sample(count: number, random: Random): number[] {
  if (count <= VARIED) return Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: VARIED }, () => random.integer(0, count - 1));
}

function floats(type: FloatType, shape: readonly number[], elements: readonly number[]): Tensor {
  return { type, shape, data: type === "float64" ? Float64Array.from(elements) : Float32Array.from(elements) };
}

import { describe, expect, it } from "vitest";
import { batchOf, batchSizeOf, firstGradients, lossOf, scalarsOf, sizesOf, tensorsOf } from "../scripts/golden/reference.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { float32, type Tensor } from "../src/graph/tensor.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { sgd } from "../src/train/optimizers.ts";
import { type CompiledStep, compileStep } from "../src/train/step.ts";
import { createTrainer } from "../src/train/trainer.ts";
import { type GoldenModel, goldenModels, readGoldenModel } from "./models-golden.fixture.ts";

const STEPS = 10;
/** How far a gradient may be from PyTorch's, in proportion to its Euclidean norm. Rounding takes a hundredth of it. */
const GRADIENT_TOLERANCE = 1e-4;
/** How far a weight or running statistic may be from PyTorch's after STEPS steps, in proportion to how far it has moved. */
const STEPS_TOLERANCE = 1e-2;
/**
 * Both may be off by this much besides: of the norm of all gradients together, and of the weight itself. A bias before a normalisation and
 * the keys' bias in attention have no gradient but rounding.
 */
const ROUNDING = 1e-6;

/**
 * What an exporter leaves among the initialisers although it is no parameter in PyTorch, and can't be told from one: Llama's rotations and
 * Swin V2's coordinates are buffers, timm's Swin has its table of position biases looked up ahead of time.
 */
const tables: Readonly<Record<string, readonly string[]>> = {
  llama: ["unsqueeze_14", "unsqueeze_15"],
  "swin-timm": ["unsqueeze", "unsqueeze_1", "unsqueeze_4", "unsqueeze_5"],
  "swin-v2": ["1.0", "1.1", "3.0"].map((block) => `features.${block}.attn.relative_coords_table`),
};

const runtime = nodeRuntime({ threads: 1 });

describe("models as PyTorch exports them are trained as PyTorch trains them", () => {
  it("at least 30 of them", () => expect(goldenModels.length).toBeGreaterThanOrEqual(30));

  it.each(goldenModels)("%s (%s)", async (name) => {
    const model = readGoldenModel(name);
    const { reference, learningRate } = model;
    const step = compile(model);
    const trainer = await createTrainer(runtime, step);
    const losses: number[] = [];
    for (let index = 0; index < STEPS; index++) {
      const { loss } = await trainer.run(batchOf(reference), scalarsOf(learningRate));
      losses.push(loss as number);
      if (index === 0) expectGradients(firstGradients(await trainer.state()), tensorsOf(reference, "gradient"));
    }
    const expected = reference.get("losses") as Tensor;
    expect(distance(float32(losses), expected)).toBeLessThan(GRADIENT_TOLERANCE * norm(expected));
    expectWeights(await trainer.weights(), tensorsOf(reference, "after"), new Map(step.state.map(({ name, initial }) => [name, initial])));
    await trainer.release();
  });
});

/** The step that trains what PyTorch trained, and nothing else. */
function compile({ name, onnx, reference }: GoldenModel): CompiledStep {
  const student = readOnnx(onnx, `${name}.onnx`);
  const step = compileStep({
    student,
    batchSize: batchSizeOf(reference),
    sizes: sizesOf(student, reference),
    losses: [lossOf(reference)],
    optimizer: sgd({ momentum: 0.9 }),
    frozen: tables[name] ?? [],
  });
  expect([...step.weights].sort()).toEqual([...tensorsOf(reference, "after").keys()].sort());
  return step;
}

function expectGradients(found: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): void {
  const everything = Math.hypot(...Array.from(expected.values(), norm));
  const allowed = (gradient: Tensor) => GRADIENT_TOLERANCE * norm(gradient) + ROUNDING * everything;
  expect(tooFar(found, expected, allowed)).toBe("");
}

function expectWeights(
  found: ReadonlyMap<string, Tensor>,
  expected: ReadonlyMap<string, Tensor>,
  before: ReadonlyMap<string, Tensor>,
): void {
  const allowed = (weight: Tensor, name: string) => STEPS_TOLERANCE * distance(before.get(name), weight) + ROUNDING * norm(weight);
  expect(tooFar(found, expected, allowed)).toBe("");
}

/** The tensors whose distance from what is expected is more than allowed, one a line. */
function tooFar(
  found: ReadonlyMap<string, Tensor>,
  expected: ReadonlyMap<string, Tensor>,
  allowed: (tensor: Tensor, name: string) => number,
): string {
  const wrong = Array.from(expected).flatMap(([name, tensor]) => {
    const error = distance(found.get(name), tensor);
    return error <= allowed(tensor, name) ? [] : [`${name}: ${error} of ${norm(tensor)}, more than ${allowed(tensor, name)}`];
  });
  return wrong.join("\n");
}

const norm = ({ data }: Tensor): number => Math.sqrt((data as Float32Array).reduce((sum, value) => sum + value * value, 0));

/** The norm of the difference; infinite where there is nothing to compare. */
function distance(found: Tensor | undefined, expected: Tensor): number {
  if (found?.data.length !== expected.data.length) return Number.POSITIVE_INFINITY;
  const [a, b] = [found.data as Float32Array, expected.data as Float32Array];
  return Math.sqrt(b.reduce((sum, value, index) => sum + ((a[index] as number) - value) ** 2, 0));
}

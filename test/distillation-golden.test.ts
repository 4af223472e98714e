import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "../src/data/batches.ts";
import { feedsFor, VALUES } from "../src/data/inputs.ts";
import { memorySamples, type Samples } from "../src/data/samples.ts";
import { type Objective, objectiveOf, outputsOf } from "../src/distill/objective.ts";
import { parseRecipe } from "../src/distill/recipe/parse.ts";
import type { Recipe, RecipeInput } from "../src/distill/recipe/schema.ts";
import { loadTeacher } from "../src/distill/teacher.ts";
import type { Graph } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { type Float32Tensor, float32, int32, type Tensor } from "../src/graph/tensor.ts";
import { hashed, hashedWeight } from "../src/nn/hashed-weights.fixture.ts";
import { INPUT } from "../src/nn/layers.ts";
import { conv, dense, imageClassifier, norm, pooled } from "../src/nn/torch-layers.ts";
import { channelBlockOf } from "../src/runtime/channel-block.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { sgd } from "../src/train/optimizers.ts";
import { type CompiledStep, compileStep, LABELS } from "../src/train/step.ts";
import { withWeights } from "../src/train/trainable.ts";
import { createTrainer } from "../src/train/trainer.ts";

type StageOfNetwork = readonly [channels: number, kernel: number, stride: number, padding: number];

/** What scripts/golden/distillation.py wrote. */
interface Golden {
  readonly image: readonly number[];
  readonly classes: number;
  readonly batch: number;
  readonly batches: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly student: readonly StageOfNetwork[];
  readonly teachers: readonly (readonly StageOfNetwork[])[];
  readonly objectives: Readonly<Record<string, GoldenObjective>>;
}

interface GoldenObjective extends Pick<RecipeInput, "losses" | "combine"> {
  /** Of each step: the terms, and `loss`. */
  readonly metrics: readonly Readonly<Record<string, number>>[];
  /** Of each tensor: the norm of what became of it, and its product with hashed numbers. */
  readonly changes: Readonly<Record<string, readonly [norm: number, product: number]>>;
}

const golden = JSON.parse(readFileSync(new URL("./golden/distillation.json", import.meta.url), "utf8")) as Golden;
const { batch: size, batches, epochs, classes, image } = golden;
const runtime = nodeRuntime({ threads: 2 });

function network(name: string, stages: readonly StageOfNetwork[]): Graph {
  return imageClassifier(name, { inputShape: image, classes, seed: 0 }, (network, input) => {
    const { g } = network;
    let x = input;
    stages.forEach(([channels, kernel, stride, padding], index) => {
      const block = () => norm(network, "norm", conv(network, "conv", x, channels, kernel, { stride, padding }));
      x = g.relu(g.scope(`stage${index + 1}`, block));
    });
    return dense(network, "classifier", pooled(network, x), classes);
  });
}

const student = network("student", golden.student);
const teachers = golden.teachers.map((stages, index) => {
  const graph = network(`teacher${index}`, stages);
  return withWeights(
    graph,
    new Map(Array.from(graph.initializers, ([name, { shape }]) => [name, hashedWeight(`teacher${index}.${name}`, shape)])),
  );
});

const allBatches: readonly Batch[] = Array.from({ length: batches }, (_, batch) => ({
  inputs: { [VALUES]: hashed(`images${batch}`, [size, ...image], (u) => 4 * u - 2) },
  labels: int32(hashed(`labels${batch}`, [size], (u) => Math.floor(classes * u)).data),
  indices: Uint32Array.from({ length: size }, (_, index) => batch * size + index),
  view: 0,
  size,
}));

/** What teachers are told of the training set; the batches are those above. */
const samples: Samples = memorySamples({
  name: "hashed",
  sampleShape: image,
  classes: Array.from({ length: classes }, String),
  pixels: new Uint8Array(size * batches * image.reduce((product, length) => product * length, 1)),
  labels: new Uint8Array(size * batches),
});

function recipeOf({ losses, combine }: GoldenObjective): Recipe {
  const { learningRate, momentum } = golden;
  const optimizer = { sgd: { learningRate, momentum } };
  return parseRecipe({ data: { idx: "data" }, teacher: "t.onnx", student: { zoo: "mlp" }, optimizer, epochs, losses, combine });
}

/** What the teachers say of each batch, by the names of the step's inputs. */
async function answersOf(taught: readonly Graph[], objective: Objective): Promise<readonly Readonly<Record<string, Tensor>>[]> {
  const normalization = { mean: [0, 0, 0], std: [1, 1, 1] };
  const answers: Record<string, Tensor>[] = allBatches.map(() => ({}));
  for (const [index, graph] of taught.entries()) {
    const read = { graph, bytes: writeOnnx(graph), source: graph.name };
    const teacher = await loadTeacher(runtime, read, samples, normalization, { index, outputs: outputsOf([objective], index) });
    for (const [batch, inputs] of allBatches.entries()) {
      for (const [name, { data, shape }] of Object.entries(await teacher.teach(inputs))) {
        (answers[batch] as Record<string, Tensor>)[name] = float32((data as Float32Array).slice(), shape);
      }
    }
    await teacher.release();
  }
  return answers;
}

/** Momentum begins with zeros, and CRD's Z with the first batch; all else is hashed. */
const isHashed = (name: string): boolean => !name.startsWith("momentum:") && !name.endsWith("/normalizer");

function withHashedState(step: CompiledStep): CompiledStep {
  const state = step.state.map(({ name, initial }) => ({
    name,
    initial: isHashed(name) ? hashedWeight(name, initial.shape) : initial,
  }));
  return { ...step, state };
}

async function train(expected: GoldenObjective, channelBlock: number | undefined) {
  const { losses, combine } = recipeOf(expected);
  const taught = expected.combine ? teachers : teachers.slice(0, 1);
  const objective = objectiveOf(losses, { student, teachers: taught, classes, samples: size * batches, combine });
  const optimizer = sgd({ momentum: golden.momentum });
  const step = withHashedState(compileStep({ student, batchSize: size, losses: objective.terms, optimizer, channelBlock }));
  const answers = await answersOf(taught, objective);
  const trainer = await createTrainer(runtime, step);
  const totalSteps = batches * epochs;
  const metrics: Record<string, number>[] = [];
  for (let taken = 0; taken < totalSteps; taken++) {
    const { inputs, labels, indices } = allBatches[taken % batches] as Batch;
    const position = { step: taken, totalSteps, epoch: Math.floor(taken / batches) };
    const scalars = Object.entries(objective.schedules).map(([name, schedule]) => [name, schedule(position)] as const);
    const ofLosses = step.batch.indices && { [step.batch.indices]: int32(indices) };
    metrics.push(
      await trainer.run(
        { ...feedsFor([INPUT], inputs), [LABELS]: labels, ...ofLosses, ...answers[taken % batches] },
        { ...Object.fromEntries(scalars), learningRate: golden.learningRate, seed: taken },
      ),
    );
  }
  const state = await trainer.state();
  await trainer.release();
  return { metrics, state };
}

/** Norm of what became of a tensor, and its product with numbers hashed from its name. */
function changeOf(name: string, { data, shape }: Float32Tensor): { readonly norm: number; readonly product: number } {
  const initial = hashedWeight(name, shape).data;
  const direction = hashed(`direction of ${name}`, shape, (u) => 2 * u - 1).data;
  const change = Array.from(data, (value, index) => value - (initial[index] as number));
  return {
    norm: Math.hypot(...change),
    product: change.reduce((sum, value, index) => sum + value * (direction[index] as number), 0),
  };
}

const TOLERANCE = 1e-4;
/** What float32 leaves of nothing: in terms that sum what cancels, as PKT's do (PyTorch's float32 is as far off), and in a tensor's change. */
const NOISE = { term: 2e-8, change: 1e-7 };

describe.each(["outside of blocks", "in blocks"])("a student taught beside PyTorch, %s", (where) => {
  let channelBlock: number | undefined;
  beforeAll(async () => {
    channelBlock = where === "in blocks" ? await channelBlockOf(runtime) : undefined;
  });

  it.each(Object.entries(golden.objectives))("has the same losses and ends with the same weights: %s", async (_, expected) => {
    const { metrics, state } = await train(expected, channelBlock);
    const far: string[] = [];
    const compare = (what: string, found: number, value: number, tolerance: number) => {
      if (!(Math.abs(found - value) <= tolerance)) far.push(`${what} is ${found}, not ${value}`);
    };
    for (const [step, terms] of expected.metrics.entries()) {
      expect([...Object.keys(terms), "correct"].sort()).toEqual(Object.keys(metrics[step] ?? {}).sort());
      for (const [name, value] of Object.entries(terms)) {
        compare(`${name} of step ${step}`, metrics[step]?.[name] as number, value, TOLERANCE * Math.abs(value) + NOISE.term);
      }
    }
    const names = [...state.keys()].filter(isHashed);
    expect(names.sort()).toEqual(Object.keys(expected.changes).sort());
    for (const name of names) {
      const [norm, product] = expected.changes[name] as readonly [number, number];
      const found = changeOf(name, state.get(name) as Float32Tensor);
      compare(`the change of ${name}`, found.norm, norm, TOLERANCE * norm + NOISE.change);
      compare(`the direction of ${name}`, found.product, product, TOLERANCE * norm + NOISE.change);
    }
    expect(far).toEqual([]);
  });
});

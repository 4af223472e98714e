/**
 * Trains the golden models for a few steps on WebGPU and on the CPU and compares: `npm run check:webgpu [-- NAME ...]`. Then trains one network
 * for some hundred steps and looks at the memory. Any adapter will do, a software one too: docs/devices.md says how to get one, and gets the
 * table when all models ran. Without an adapter it says so and is done.
 */
import { LimbeckError } from "../src/errors.ts";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { float32, int32, type Tensor } from "../src/graph/tensor.ts";
import { crossEntropyLoss } from "../src/losses/cross-entropy.ts";
import { smallCnn } from "../src/nn/zoo/small-cnn.ts";
import { type Counts, nodeRuntime, nodesByPlace } from "../src/runtime/node.ts";
import type { Feeds, Runtime } from "../src/runtime/runtime.ts";
import { sgd } from "../src/train/optimizers.ts";
import { type CompiledStep, compileStep, LABELS, type LossTerm, scalarInput } from "../src/train/step.ts";
import { createTrainer } from "../src/train/trainer.ts";
import { goldenModels, readGoldenModel } from "../test/models-golden.fixture.ts";
import { batchOf, batchSizeOf, firstGradients, lossOf, scalarsOf, sizesOf } from "./golden/reference.ts";
import { writeSection } from "./page-section.ts";

/** What came of one model. */
interface Result {
  readonly name: string;
  /** The most that a step's loss differs from the CPU's, in proportion. */
  readonly loss: number;
  /** Distance of all gradients of the first step, as one vector, from the CPU's, in proportion to its length. */
  readonly gradients: number;
  /** The same of the whole state after the last step. */
  readonly state: number;
  readonly onDevice: number;
  readonly onCpu: Counts;
}

const STEPS = 3;
/** Rounding differs, and an activation that rounds to the other side of zero changes all gradients before it. */
const TOLERANCE = 1e-4;
const isRight = ({ loss, gradients, state }: Result): boolean => Math.max(loss, gradients, state) < TOLERANCE;

/** Bytes that the process may grow by after the first steps, in which buffers of every size are made. */
const GROWTH = 32 * 2 ** 20;
const [WARM_UP, LONG_RUN] = [100, 400];

/** A step with data, to take on either device. */
interface Work {
  readonly name: string;
  readonly step: CompiledStep;
  readonly batch: Feeds;
  readonly scalars: Readonly<Record<string, number>>;
}

const [cpu, webgpu] = [nodeRuntime(), nodeRuntime({ device: "webgpu" })];
const asked = process.argv.slice(2);
const models = goldenModels.map(([name]) => name).filter((name) => asked.length === 0 || asked.includes(name));

if (await isThere(webgpu)) {
  const results: Result[] = [];
  for (const work of [dropoutWork(), ...models.map(goldenWork)]) {
    const result = await compare(work);
    console.log(`${row(result).join("  ")}${isRight(result) ? "" : "  WRONG"}`);
    results.push(result);
  }
  const growth = await growthOf(webgpu, dropoutWork());
  console.log(`memory: ${(growth / 2 ** 20).toFixed(1)} MiB more after ${LONG_RUN} further steps${growth < GROWTH ? "" : "  WRONG"}`);
  const right = results.filter(isRight).length;
  console.log(`${right} right, ${results.length - right} wrong`);
  if (asked.length === 0) await writeSection("docs/devices.md", "webgpu", page(results));
  process.exitCode = right === results.length && growth < GROWTH ? 0 : 1;
}

/** Whether the runtime loads a graph at all; says why not. */
async function isThere(runtime: Runtime): Promise<boolean> {
  const g = graphBuilder("nothing");
  g.output(g.identity(g.input("x", "float32", [1])), "y");
  try {
    await (await runtime.createSession(writeOnnx(g.build()))).release();
    return true;
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    console.log(`Skipped: ${error.message} (docs/devices.md says how to get a software adapter.)`);
    return false;
  }
}

function goldenWork(name: string): Work {
  const { onnx, reference, learningRate } = readGoldenModel(name);
  const student = readOnnx(onnx, `${name}.onnx`);
  const sizes = sizesOf(student, reference);
  const losses = [lossOf(reference)];
  const step = compileStep({ student, sizes, batchSize: batchSizeOf(reference), losses, optimizer: sgd({ momentum: 0.9 }) });
  return { name, step, batch: batchOf(reference), scalars: scalarsOf(learningRate) };
}

/** What the golden models leave out: dropout, clipping and moving averages. */
function dropoutWork(): Work {
  const student = smallCnn({ inputShape: [3, 16, 16], classes: 4, channels: [8, 16], dropout: 0.3, seed: 0 });
  const losses: LossTerm[] = [{ name: "loss", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) }];
  const step = compileStep({ student, batchSize: 8, losses, optimizer: sgd({ momentum: 0.9 }), clipNorm: 10, average: true });
  const pixels = Float32Array.from({ length: 8 * 3 * 16 * 16 }, (_, index) => Math.sin(0.37 * index));
  const batch = { input: float32(pixels, [8, 3, 16, 16]), [LABELS]: int32([0, 1, 2, 3, 0, 1, 2, 3]) };
  return { name: "small CNN with dropout", step, batch, scalars: { ...scalarsOf(0.01), averageDecay: 0.9 } };
}

async function compare(work: Work): Promise<Result> {
  const { name, step, batch, scalars } = work;
  const [expected, found] = [await train(cpu, work), await train(webgpu, work)];
  const places = await nodesByPlace(step.graph, { ...batch, ...initialFeeds(step, scalars) }, "webgpu");
  return {
    name,
    loss: Math.max(...found.losses.map((loss, index) => Math.abs(loss / (expected.losses[index] as number) - 1))),
    gradients: relativeError(found.gradients, expected.gradients),
    state: relativeError(found.state, expected.state),
    onDevice: Object.values(places.device).reduce((sum, count) => sum + count, 0),
    onCpu: places.cpu,
  };
}

/** The losses of a few steps on one batch, the gradients of the first, and the state after the last. */
async function train(runtime: Runtime, { step, batch, scalars }: Work) {
  const trainer = await createTrainer(runtime, step);
  const losses: number[] = [];
  let gradients: ReadonlyMap<string, Tensor> = new Map();
  for (let index = 0; index < STEPS; index++) {
    losses.push((await trainer.run(batch, { ...scalars, seed: index })).loss as number);
    if (index === 0) gradients = copyOf(firstGradients(await trainer.state()));
  }
  const state = copyOf(await trainer.state());
  await trainer.release();
  return { losses, gradients, state };
}

function copyOf(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return new Map(Array.from(tensors, ([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() as Float32Array }]));
}

function initialFeeds(step: CompiledStep, scalars: Readonly<Record<string, number>>): Feeds {
  const state = step.state.map(({ name, initial }) => [name, initial] as const);
  return Object.fromEntries([
    ...state,
    ...step.scalars.map((name) => [scalarInput(name), float32([scalars[name] as number], [])] as const),
  ]);
}

function relativeError(found: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): number {
  let [square, total] = [0, 0];
  for (const [name, { data }] of expected) {
    const values = found.get(name)?.data as Float32Array;
    (data as Float32Array).forEach((value, index) => {
      square += ((values[index] as number) - value) ** 2;
      total += value ** 2;
    });
  }
  return Math.sqrt(square / total);
}

/** Bytes that the process grows by over a long run, once it has warmed up. */
async function growthOf(runtime: Runtime, { step, batch, scalars }: Work): Promise<number> {
  const trainer = await createTrainer(runtime, step);
  let warm = 0;
  for (let index = 0; index < WARM_UP + LONG_RUN; index++) {
    if (index === WARM_UP) warm = process.memoryUsage.rss();
    await trainer.run(batch, { ...scalars, seed: index });
  }
  const growth = process.memoryUsage.rss() - warm;
  await trainer.release();
  return growth;
}

function row({ name, loss, gradients, state, onDevice, onCpu }: Result): string[] {
  const left = Object.entries(onCpu).map(([op, count]) => (count === 1 ? op : `${count} ${op}`));
  return [name, ...[loss, gradients, state].map((error) => error.toExponential(0)), String(onDevice), left.join(", ") || "-"];
}

function page(results: readonly Result[]): string {
  const header = ["model", "loss", "gradients", "state", "nodes on the device", "nodes on the CPU"];
  const lines = [header, header.map(() => "---"), ...results.map(row)].map((cells) => `| ${cells.join(" | ")} |`);
  return [`${webgpu.version}; ${STEPS} steps each.`, "", ...lines].join("\n");
}

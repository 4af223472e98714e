/**
 * Reads, writes back and profiles full-sized models, trains them for one step and compares with PyTorch: `npm run check:models -- DIR [NAME
 * ...]`, where `bench/peers/check_models.py DIR` has written the models. Each runs in a process of its own, whose memory is measured; the
 * table goes into docs/models.md when all of them ran.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { profileGraph } from "../src/measure/profile.ts";
import { readSafetensors } from "../src/nn/safetensors.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Feeds } from "../src/runtime/runtime.ts";
import { sgd } from "../src/train/optimizers.ts";
import { compileStep } from "../src/train/step.ts";
import { createTrainer } from "../src/train/trainer.ts";
import { batchOf, batchSizeOf, firstGradients, lossOf, scalarsOf, tensorsOf } from "./golden/reference.ts";
import { writeSection } from "./page-section.ts";

/** What came of one model. */
interface Result {
  readonly name: string;
  readonly batch: number;
  readonly parameters: number;
  /** Of one sample. */
  readonly macs: number;
  /** Seconds to make the graph of the training step from the graph of the model. */
  readonly compile: number;
  /** Seconds until ONNX Runtime has loaded it. */
  readonly load: number;
  /** Seconds of the first step. */
  readonly step: number;
  /** The most memory that the process held, in bytes. */
  readonly memory: number;
  /** Distance of all gradients, as one vector, from PyTorch's in float64, in proportion to its length. */
  readonly error: number;
  /** The same of PyTorch's own in float32. */
  readonly rounding: number;
  /** Whether the model, read and written back, gives the same bits. */
  readonly keepsBits: boolean;
}

/** Beyond PyTorch's own rounding. */
const TOLERANCE = 1e-3;
/** One activation that rounds to the other side of zero changes all gradients before it; how many do is chance. */
const CHANCE = 10;
const isRight = ({ error, rounding, keepsBits }: Result): boolean => error < TOLERANCE + CHANCE * rounding && keepsBits;

const runtime = nodeRuntime();
/** What else the machine was doing: seconds on a busy one say little. */
const [loadBefore = 0] = loadavg();
const ONE = "--one";
const [directory, ...rest] = process.argv.slice(2);
if (!directory || !existsSync(directory)) {
  console.error("Give the directory that `python bench/peers/check_models.py DIR` has written.");
  process.exit(2);
}
if (rest[0] === ONE) {
  console.log(JSON.stringify(await measure(directory, rest[1] as string)));
  process.exit(0);
}
const written = readdirSync(directory).flatMap((file) => (file.endsWith(".onnx") ? [file.slice(0, -".onnx".length)] : []));
const results = (rest.length > 0 ? rest : written).map((name) => inProcess(directory, name));
const right = results.filter((result) => result && isRight(result)).length;
console.log(`${right} right, ${results.length - right} wrong`);
if (rest.length === 0) await writeSection("docs/models.md", "full-sized models", page(results.flatMap((result) => result ?? [])));
process.exit(right === results.length ? 0 : 1);

/** Measures one model in a process of its own; nothing where that fails. */
function inProcess(directory: string, name: string): Result | undefined {
  const jiti = fileURLToPath(new URL("../node_modules/jiti/lib/jiti-cli.mjs", import.meta.url));
  const child = spawnSync(process.execPath, [jiti, fileURLToPath(import.meta.url), directory, ONE, name], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.status !== 0) {
    console.log(`${name}: failed`);
    return undefined;
  }
  const result = JSON.parse(child.stdout) as Result;
  console.log(`${row(result).join("  ")}${isRight(result) ? "" : "  WRONG"}`);
  return result;
}

async function measure(directory: string, name: string): Promise<Result> {
  const reference = readSafetensors(readFileSync(join(directory, `${name}.safetensors`)));
  const bytes = readFileSync(join(directory, `${name}.onnx`));
  const student = readOnnx(bytes, `${name}.onnx`);
  const batch = batchSizeOf(reference);
  const { parameters, macs } = profileGraph(student);
  let start = performance.now();
  const seconds = () => {
    const elapsed = (performance.now() - start) / 1000;
    start = performance.now();
    return elapsed;
  };
  const step = compileStep({ student, batchSize: batch, losses: [lossOf(reference)], optimizer: sgd({ momentum: 0.9 }) });
  const compile = seconds();
  const trainer = await createTrainer(runtime, step);
  const load = seconds();
  await trainer.run(batchOf(reference), scalarsOf(0));
  const elapsed = seconds();
  // In kibibytes.
  const memory = process.resourceUsage().maxRSS * 1024;
  const error = relativeError(firstGradients(await trainer.state()), tensorsOf(reference, "gradient"));
  const rounding = Number(reference.get("rounding")?.data[0]);
  await trainer.release();
  const inputs = Object.fromEntries(tensorsOf(reference, "input"));
  const keepsBits = isDeepStrictEqual(await outputsOf(bytes, inputs), await outputsOf(writeOnnx(student), inputs));
  return { name, batch, parameters, macs, compile, load, step: elapsed, memory, error, rounding, keepsBits };
}

async function outputsOf(model: Uint8Array, inputs: Feeds): Promise<Record<string, Tensor>> {
  const session = await runtime.createSession(model);
  const outputs = await session.run(inputs);
  await session.release();
  return outputs;
}

/** The distance of all gradients, as one vector, from those expected, in proportion to its length. */
function relativeError(gradients: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): number {
  let [square, total] = [0, 0];
  for (const [name, { data }] of expected) {
    const found = gradients.get(name)?.data;
    if (found?.length !== data.length) throw new Error(`"${name}" is not trained.`);
    for (let index = 0; index < data.length; index++) {
      const value = data[index] as number;
      square += ((found[index] as number) - value) ** 2;
      total += value ** 2;
    }
  }
  return Math.sqrt(square / total);
}

function row(result: Result): string[] {
  const { name, batch, parameters, macs, compile, load, step, memory, error, rounding } = result;
  return [
    name,
    String(batch),
    (parameters / 1e6).toFixed(2),
    (macs / 1e9).toFixed(2),
    ...[compile, load, step].map((seconds) => seconds.toFixed(1)),
    (memory / 1e9).toFixed(1),
    error.toExponential(0),
    rounding.toExponential(0),
  ];
}

function page(results: readonly Result[]): string {
  const header = [
    "model",
    "batch",
    "parameters, M",
    "MACs, G",
    "compile, s",
    "load, s",
    "first step, s",
    "peak memory, GB",
    "gradient error",
    "PyTorch's own",
  ];
  const lines = [header, header.map(() => "---"), ...results.map(row)].map((cells) => `| ${cells.join(" | ")} |`);
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, load average ${loadBefore.toFixed(1)} before the run`;
  return [`${machine}; ${runtime.version}.`, "", ...lines].join("\n");
}
